//! Package sources of the finished system.

use lbuild_repo::resolve::Pin;
use lbuild_spec::model::RepositorySource;

use super::probe::Check;
use super::{Action, Concern, Facts, run};
use crate::family::debian;

/// Where the archive's own sources go.
const SOURCES: &str = "/etc/apt/sources.list.d/debian.sources";

/// An example in the package of apt that names the official addresses.
const EXAMPLE: &str = "/usr/share/doc/apt/examples/debian.sources";

/// The same in older releases, with a source on each line.
const OLD_EXAMPLE: &str = "/usr/share/doc/apt/examples/sources.list";

/// Takes the addresses of the old example, and writes them in the new form with our suites and components.
const FROM_OLD_EXAMPLE: &str = r#"
$1 == "deb" && $3 ~ /-security$/ && safe == "" { safe = $2 }
$1 == "deb" && $3 !~ /-security$/ && main == "" { main = $2 }
function stanza(uri, suites) {
    return "Types: deb\nURIs: " uri "\nSuites: " suites "\nComponents: " components "\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
}
END {
    printf "%s", stanza(main, suites) > file
    if (security != "" && safe != "") printf "\n%s", stanza(safe, security) > file
}
"#;

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
        let line = format!("Suites: {suites}");
        let old = debian::distro().release(facts.release).is_some_and(|release| release.old_example);
        let (example, program) = if old { (OLD_EXAMPLE, FROM_OLD_EXAMPLE) } else { (EXAMPLE, FROM_EXAMPLE) };
        let then = from_example(example, program, &variables);
        concern.actions.push(Action::IfExists { path: example.to_owned(), then });
        concern.prove(Check::Line { path: SOURCES.to_owned(), line });
        return;
    };
    let mut text = stanza(main, &suites, &components);
    if let (Some(suite), Some(url)) = (&security, &mirrors.system_security) {
        text = text + "\n" + &stanza(url, suite, &components);
    }
    concern.file(SOURCES, &text);
    concern.actions.push(Action::Remove { path: "/etc/apt/sources.list".to_owned() });
}

/// Writes the sources with what a program of awk takes from an example.
fn from_example(example: &str, program: &str, variables: &[String]) -> Vec<Action> {
    let mut argv = vec!["awk"];
    argv.extend(variables.iter().flat_map(|variable| ["-v", variable]));
    argv.extend([program, example]);
    let empty = Action::WriteFile {
        path: SOURCES.to_owned(),
        contents: Vec::new(),
        mode: 0o644,
        owner: super::Owner::root(),
    };
    let old = Action::Remove { path: "/etc/apt/sources.list".to_owned() };
    vec![empty, run("writing the package sources", &argv), old]
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

/// A source of the spec. One that nobody signs cannot stay.
fn further(concern: &mut Concern, source: &RepositorySource, release: &str) {
    let Some(key) = &source.signed_by else { return };
    let list = |values: &[String], usual: &str| {
        if values.is_empty() { usual.to_owned() } else { values.join(" ") }
    };
    let suites = list(&source.suites, release);
    let (directories, suites): (Vec<&str>, Vec<&str>) =
        suites.split(' ').partition(|suite| suite.ends_with('/'));
    let key_path = format!("/etc/apt/keyrings/lbuild-{}.asc", source.name);
    let url = &source.url;
    let mut stanzas = Vec::new();
    if !suites.is_empty() {
        let components = list(&source.components, "main");
        stanzas.push(format!("Suites: {}\nComponents: {components}\n", suites.join(" ")));
    }
    if !directories.is_empty() {
        stanzas.push(format!("Suites: {}\n", directories.join(" ")));
    }
    let stanzas =
        stanzas.iter().map(|what| format!("Types: deb\nURIs: {url}\n{what}Signed-By: {key_path}\n"));
    let text = stanzas.collect::<Vec<_>>().join("\n");
    concern.file(&key_path, &format!("{}\n", key.trim()));
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
    let stanza = |target: &String| {
        format!("Package: {}\nPin: {target}\nPin-Priority: {}\n", pin.package, pin.priority)
    };
    debian::pin_targets(pin).iter().map(stanza).collect()
}
