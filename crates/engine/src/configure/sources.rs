//! Package sources of the finished system.

use lbuild_repo::deb::resolve::{Pin, PinTarget};
use lbuild_spec::model::RepositorySource;

use super::probe::Check;
use super::{Action, Concern, Facts, run};
use crate::family::debian;

/// Where the archive's own sources go.
const SOURCES: &str = "/etc/apt/sources.list.d/debian.sources";

/// An example in the package of apt that names the official addresses; older releases have none.
const EXAMPLE: &str = "/usr/share/doc/apt/examples/debian.sources";

/// Copies the stanzas of the example: its addresses, our suites and components, security updates only when wanted.
const FROM_EXAMPLE: &str = r#"
BEGIN { RS = ""; FS = "\n" }
/(^|\n)Types:/ {
    secure = /(^|\n)Suites:[^\n]*-security/
    if (secure && security == "") next
    if (written++) print "" > file
    for (i = 1; i <= NF; i++) {
        if ($i ~ /^#/) continue
        if ($i ~ /^Suites:/) $i = "Suites: " (secure ? security : suites)
        if ($i ~ /^Components:/) $i = "Components: " components
        print $i > file
    }
}
"#;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("package sources");
    if !facts.has("apt") {
        return concern;
    }
    own(&mut concern, facts);
    for source in &facts.blueprint.repositories.sources {
        if source.value.system.unwrap_or(true) {
            further(&mut concern, &source.value, facts.release);
        }
    }
    pins(&mut concern, facts);
    concern
}

/// The archive itself.
fn own(concern: &mut Concern, facts: &Facts<'_>) {
    let mirrors = &facts.blueprint.mirrors;
    let repositories = &facts.blueprint.repositories;
    let components = if repositories.components.is_empty() {
        "main".to_owned()
    } else {
        repositories.components.join(" ")
    };
    let suites = suites(facts);
    let security = repositories.suites.security.then(|| format!("{}-security", facts.release));
    let Some(main) = &mirrors.system else {
        let variables = [
            format!("suites={suites}"),
            format!("security={}", security.unwrap_or_default()),
            format!("components={components}"),
            format!("file={SOURCES}"),
        ];
        let mut argv = vec!["awk"];
        argv.extend(variables.iter().flat_map(|variable| ["-v", variable]));
        argv.extend([FROM_EXAMPLE, EXAMPLE]);
        let then = vec![
            Action::WriteFile {
                path: SOURCES.to_owned(),
                contents: Vec::new(),
                mode: 0o644,
                owner: super::Owner::root(),
            },
            run("writing the package sources", &argv),
            Action::Remove { path: "/etc/apt/sources.list".to_owned() },
        ];
        concern.prove(Check::Line { path: SOURCES.to_owned(), line: format!("Suites: {suites}") });
        concern.actions.push(Action::IfExists { path: EXAMPLE.to_owned(), then });
        return;
    };
    let mut text = stanza(main, &suites, &components);
    if let (Some(suite), Some(url)) = (&security, &mirrors.system_security) {
        text = text + "\n" + &stanza(url, suite, &components);
    }
    concern.file(SOURCES, &text);
    concern.actions.push(Action::Remove { path: "/etc/apt/sources.list".to_owned() });
}

fn suites(facts: &Facts<'_>) -> String {
    let wanted = facts.blueprint.repositories.suites;
    let release = facts.release;
    let mut suites = release.to_owned();
    for (suite, on) in [("updates", wanted.updates), ("backports", wanted.backports)] {
        if on {
            suites = format!("{suites} {release}-{suite}");
        }
    }
    suites
}

fn stanza(url: &str, suites: &str, components: &str) -> String {
    format!("Types: deb\nURIs: {url}\nSuites: {suites}\nComponents: {components}\nSigned-By: {KEYRING}\n")
}

/// A source of the spec.
fn further(concern: &mut Concern, source: &RepositorySource, release: &str) {
    let list = |values: &[String], usual: &str| {
        if values.is_empty() { usual.to_owned() } else { values.join(" ") }
    };
    let key_path = format!("/etc/apt/keyrings/lbuild-{}.asc", source.name);
    let mut text = format!(
        "Types: deb\nURIs: {}\nSuites: {}\nComponents: {}\n",
        source.url,
        list(&source.suites, release),
        list(&source.components, "main")
    );
    match &source.signed_by {
        Some(key) => {
            concern.file(&key_path, &format!("{}\n", key.trim()));
            text = text + "Signed-By: " + &key_path + "\n";
        }
        None => text.push_str("Trusted: yes\n"),
    }
    concern.file(&format!("/etc/apt/sources.list.d/lbuild-{}.sources", source.name), &text);
}

fn pins(concern: &mut Concern, facts: &Facts<'_>) {
    let stanzas: Vec<String> = debian::pins(facts.blueprint).iter().flat_map(preferences).collect();
    if !stanzas.is_empty() {
        concern.file("/etc/apt/preferences.d/lbuild", &stanzas.join("\n"));
    }
}

/// A pin in the words of `apt_preferences(5)`.
fn preferences(pin: &Pin) -> Vec<String> {
    let targets = match &pin.target {
        PinTarget::Version(version) => vec![format!("version {version}")],
        PinTarget::Host(host) => vec![format!("origin \"{host}\"")],
        // apt takes a word that begins with a digit for the version of the release
        PinTarget::Release(name) if name.starts_with(|c: char| c.is_ascii_digit()) => {
            vec![format!("release n={name}"), format!("release a={name}")]
        }
        PinTarget::Release(name) => vec![format!("release {name}")],
    };
    let stanza = |target: &String| {
        format!("Package: {}\nPin: {target}\nPin-Priority: {}\n", pin.package, pin.priority)
    };
    targets.iter().map(stanza).collect()
}
