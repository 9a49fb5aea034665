//! The solver scenarios of apk-tools: each is a request, some repositories, perhaps an installed system, and what apk does.
//!
//! An image is made from nothing, so what counts is the set of packages in the end. Where apk keeps what is installed, or
//! does a part of the work only, there is nothing to compare with; each of these is listed with its reason.

use std::collections::{BTreeMap, BTreeSet};

use base64::alphabet;
use base64::engine::{Engine as _, GeneralPurpose, GeneralPurposeConfig};
use lbuild_repo::apk::arena::{FAMILY, add};
use lbuild_repo::apk::index::parse;
use lbuild_repo::apk::installed;
use lbuild_repo::apk::resolve::{Alpine, Word, word};
use lbuild_repo::index::{Builder, Index, IndexSource};
use lbuild_repo::resolve::{Request, Unsatisfiable, resolve};
use lbuild_testkit::realdata;

/// Where the scenarios are.
const DIRECTORY: &str = "alpine/apk-tools-test/solver";

/// A scenario as its file tells it.
#[derive(Debug, Default)]
struct Scenario {
    arguments: Vec<String>,
    /// Tag, and file.
    repositories: Vec<(Option<String>, String)>,
    installed: Option<String>,
    world: Vec<String>,
    expected: Vec<String>,
}

fn text(name: &str) -> String {
    String::from_utf8(realdata::read(&format!("{DIRECTORY}/{name}"))).expect("text")
}

/// A file without its checksums, which are made up. apk knows a package by its checksum, so that of two that have the same
/// only the first is there. Provisions stand on several lines, as no index has them.
fn read(name: &str) -> String {
    let lenient = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let base64 = GeneralPurpose::new(&alphabet::STANDARD, lenient);
    let mut seen = BTreeSet::new();
    let text = text(name);
    let mut stanzas = Vec::new();
    for stanza in text.split("\n\n") {
        let checksum = stanza.lines().find_map(|line| line.strip_prefix("C:Q1"));
        if checksum.is_some_and(|digits| !seen.insert(base64.decode(digits).expect("base64"))) {
            continue;
        }
        let (provides, others): (Vec<&str>, Vec<&str>) =
            stanza.lines().filter(|line| !line.starts_with("C:")).partition(|line| line.starts_with("p:"));
        let provides: Vec<&str> = provides.iter().map(|line| &line[2..]).collect();
        let arch = if others.iter().any(|line| line.starts_with("A:")) { "" } else { "\nA:noarch" };
        stanzas.push(format!("{}{arch}\np:{}", others.join("\n"), provides.join(" ")));
    }
    stanzas.retain(|stanza| stanza.contains("P:"));
    stanzas.join("\n\n")
}

impl Scenario {
    fn parse(text: &str) -> Self {
        let mut scenario = Self::default();
        let mut lines = text.lines();
        for line in lines.by_ref() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            let words = || value.split_ascii_whitespace().map(str::to_owned);
            match key {
                "@ARGS" => scenario.arguments = words().collect(),
                "@REPO" | "@CACHE" => {
                    let (tag, file) = match value.split_once(' ') {
                        Some((tag, file)) => (tag.strip_prefix('@').map(str::to_owned), file),
                        None => (None, value),
                    };
                    scenario.repositories.push((tag, file.to_owned()));
                }
                "@INSTALLED" => scenario.installed = Some(value.to_owned()),
                "@WORLD" => scenario.world = words().collect(),
                "@EXPECT" => break,
                other => panic!("unknown key {other}"),
            }
        }
        scenario.expected = lines.map(str::to_owned).collect();
        scenario
    }

    /// The words of the world after the command.
    fn goal(&self) -> Vec<String> {
        let mut words = self.arguments.iter().filter(|word| !word.starts_with("--") && word.as_str() != "-a");
        let command = words.next().expect("a command").as_str();
        let mut goal = self.world.clone();
        let name = |word: &str| {
            let word = word.trim_start_matches('!');
            word.split(['<', '>', '=', '~', '@']).next().unwrap_or_default().to_owned()
        };
        for word in words {
            let same = |other: &String| name(other) == name(word);
            match command {
                "add" => {
                    goal.retain(|other| !same(other));
                    goal.push(word.clone());
                }
                "del" => goal.retain(|other| !same(other)),
                _ => {}
            }
        }
        goal
    }

    /// The repositories. What is installed is one more: the best source where apk keeps what is there, the last where it
    /// upgrades, and none where it takes only what is available.
    fn index(&self) -> Index {
        let has = |word: &str| self.arguments.iter().any(|argument| argument == word);
        let pin = match has("upgrade") || has("--upgrade") || has("--latest") {
            true if has("-a") || has("--available") || has("--prune") => None,
            true => Some(500),
            false => Some(600),
        };
        let mut builder = Builder::new(FAMILY, 0);
        let source = |suite: &str, file: &str, pin| IndexSource {
            suite: suite.to_owned(),
            component: file.to_owned(),
            arch: "x86_64".to_owned(),
            pin,
            ..IndexSource::default()
        };
        for (tag, file) in &self.repositories {
            let pin = if tag.is_some() { 0 } else { 500 };
            builder.source(&source(tag.as_deref().unwrap_or("main"), file, pin)).expect("a source");
            add(&mut builder, &parse(&read(file)).expect("stanzas")).expect("packages");
        }
        if let (Some(file), Some(pin)) = (&self.installed, pin) {
            builder.source(&source("installed", file, pin)).expect("a source");
            let text = read(file);
            let there = installed::read(&text).expect("a database");
            // What is to be removed is kept for no reason of its own.
            let kept = |name: &str| !(has("del") && has(name));
            let packages: Vec<_> =
                there.into_iter().map(|one| one.package).filter(|one| kept(one.name)).collect();
            add(&mut builder, &packages).expect("packages");
        }
        builder.finish().expect("an index")
    }

    /// What is there when apk is done, by name; nothing when it refuses.
    fn outcome(&self) -> Option<BTreeMap<String, String>> {
        if self.expected.iter().any(|line| line.starts_with("ERROR:")) {
            return None;
        }
        let mut there = BTreeMap::new();
        if let Some(file) = &self.installed {
            for one in installed::read(&read(file)).expect("a database") {
                there.insert(one.package.name.to_owned(), one.package.version.to_owned());
            }
        }
        for line in &self.expected {
            let Some((_, step)) = line.strip_prefix('(').and_then(|rest| rest.split_once(") ")) else {
                continue;
            };
            let (verb, rest) = step.split_once(' ').expect("a verb and a package");
            let (name, versions) = rest.split_once(" (").expect("a package and its version");
            let name = name.trim_start_matches("pinning ").split('@').next().unwrap_or_default().to_owned();
            let version = versions.trim_end_matches(')').rsplit(" -> ").next().unwrap_or_default();
            match verb {
                "Purging" => drop(there.remove(&name)),
                _ => drop(there.insert(name, version.to_owned())),
            }
        }
        Some(there)
    }

    /// What we choose for the same world.
    fn ours(&self) -> Result<BTreeMap<String, String>, String> {
        let mut request = Request { supplements: true, ..Request::new("x86_64") };
        for text in self.goal() {
            match word(&text).map_err(|error| error.to_string())? {
                Word::Wanted(wanted) => request.packages.push(wanted),
                Word::Unwanted(name) => request.remove.push(name),
            }
        }
        let index = self.index();
        match resolve(&Alpine, &index, &request) {
            Ok(selection) => Ok(selection.packages.into_iter().map(|one| (one.name, one.version)).collect()),
            Err(Unsatisfiable { summary, .. }) => Err(summary),
        }
    }
}

/// Scenarios whose result is not ours, each with the reason.
const OTHERWISE: &[(&str, &str)] = &[
    ("basic7", "`--no-network`: a build has the packages of its repositories"),
    ("basic8", "`add --virtual` makes a package, which a build does not do"),
    ("basic9", "`add --virtual` makes a package, which a build does not do"),
    ("basic10", "`--force-broken-world` gives requests up; a build says that they cannot be met"),
    ("basic11", "`--force-broken-world` gives requests up; a build says that they cannot be met"),
    ("basic12", "`--latest` fails where the latest version cannot be had; a build takes the latest that can"),
    ("basic13", "`--latest` fails where the latest version cannot be had; a build takes the latest that can"),
    ("basic21", "`--prune` gives requests up; a build says that they cannot be met"),
    ("fix1", "`fix` does a part of the work on an installed system"),
    ("fix2", "`fix` does a part of the work on an installed system"),
    ("pinning5", "a tagged package that is installed is kept in its version"),
    ("pinning6", "a tagged package that is installed is kept tagged"),
    ("pinning10", "a tagged package that is installed loses its tag"),
    ("pinning12", "a tag on a request covers what it needs, not what comes along by itself"),
    ("selfupgrade1", "apk upgrades itself first, and stops there"),
    ("selfupgrade3", "apk upgrades itself first, and stops there"),
    ("selfupgrade4", "apk upgrades itself first, and stops there"),
    ("selfupgrade5", "apk upgrades itself first, and stops there"),
    ("selfupgrade6", "apk upgrades itself first, and stops there"),
    ("selfupgrade7", "apk upgrades itself first, and stops there"),
    ("upgrade2", "`upgrade --ignore` does a part of the work on an installed system"),
    ("upgrade3", "`upgrade NAME` does a part of the work on an installed system"),
    ("upgrade4", "`--prune` gives requests up; a build says that they cannot be met"),
];

#[test]
fn the_scenarios_of_apk_tools() {
    let mut names: Vec<String> = std::fs::read_dir(realdata::path(DIRECTORY))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter_map(|name| name.strip_suffix(".test").map(str::to_owned))
        .collect();
    names.sort();
    assert_eq!(names.len(), 119);
    let mut wrong = Vec::new();
    let mut passed = BTreeSet::new();
    for name in &names {
        let scenario = Scenario::parse(&text(&format!("{name}.test")));
        let (theirs, ours) = (scenario.outcome(), scenario.ours());
        if theirs.as_ref() == ours.as_ref().ok() {
            passed.insert(name.as_str());
        } else if !OTHERWISE.iter().any(|(known, _)| known == name) {
            wrong.push(format!("{name} {:?}: apk {theirs:?}, we {ours:?}", scenario.arguments));
        }
    }
    assert!(wrong.is_empty(), "{}\n{} of {} pass", wrong.join("\n"), passed.len(), names.len());
    let stale: Vec<_> = OTHERWISE.iter().filter(|(name, _)| passed.contains(name)).collect();
    assert!(stale.is_empty(), "these pass: {stale:?}");
}
