//! What `deploy/` and `docs/operate/` name exists: commands, options, variables, paths of other pages. Every file there
//! can be read by those that it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use saphyr_parser::Parser;

use crate::program::{Ended, Place};

/// Variables that are no setting of the service: of every command, of a person's shell, and where to get packages.
const OTHERS: [&str; 3] = ["LBUILD_PROGRESS", "LBUILD_KEY", "LBUILD_CONFIG"];

/// The same for each repository.
const MIRRORS: &str = "LBUILD_MIRROR_";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file that operators read or use, with its text.
fn files() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join("deploy"), root().join("docs/operate"), root().join("SECURITY.md")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("the directory").flatten().map(|entry| entry.path()));
        } else {
            let text = fs::read_to_string(&path).expect("text");
            found.push((path, text));
        }
    }
    assert!(found.len() > 8, "deploy/ and docs/operate/ are there");
    found
}

/// The words of this text that begin so.
fn words<'t>(text: &'t str, start: &str, part: fn(char) -> bool) -> BTreeSet<&'t str> {
    let at = text.match_indices(start).map(|(at, _)| at);
    let starts = at.filter(|&at| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    starts.map(|at| &text[at..at + text[at..].find(|c: char| !part(c)).unwrap_or(text.len() - at)]).collect()
}

/// Options behind `lbuild COMMAND`, wherever that stands, up to the end of the command.
fn uses(text: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let joined = text.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        // lists of words, as containers take them
        let line = line.replace("\", \"", " ").replace('"', " ");
        for (at, _) in line.match_indices("lbuild ") {
            let before = line[..at].chars().next_back();
            if before.is_some_and(|c| !matches!(c, ' ' | '/' | '`' | '=' | '(' | '[')) {
                continue;
            }
            let rest = &line[at + "lbuild ".len()..];
            let end = rest.find(['|', ';', '`', ')', ']', '&', '>', '<', '#']).unwrap_or(rest.len());
            let words: Vec<&str> = rest[..end].split_whitespace().collect();
            let command = words.iter().take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()));
            let command: Vec<String> = command.take(2).map(|word| (*word).to_owned()).collect();
            let options = words.iter().filter(|word| word.starts_with("--"));
            let options = options.map(|word| word.split('=').next().unwrap_or_default().to_owned()).collect();
            found.push((command, options));
        }
    }
    found
}

/// The help of commands, by their words; nothing for what is no command.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, Option<String>>);

impl Helps {
    fn of(&mut self, command: &[String]) -> Option<&String> {
        let ask = || {
            let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
            let ended = Place::new().run(&words);
            (ended.code == Some(0)).then_some(ended.stdout)
        };
        self.0.entry(command.to_vec()).or_insert_with(ask).as_ref()
    }

    /// The help of as many of the words as are commands.
    fn longest(&mut self, words: &[String]) -> Option<String> {
        (1..=words.len()).rev().find_map(|length| self.of(&words[..length]).cloned())
    }
}

#[test]
fn every_variable_and_option_that_operators_are_told_of_exists() {
    let place = Place::new();
    let settings = place.run(&["config", "list", "--json"]).json();
    let known: BTreeSet<&str> = settings
        .as_array()
        .expect("settings")
        .iter()
        .filter_map(|setting| setting["environment"].as_str())
        .chain(OTHERS)
        .collect();
    let (mut helps, mut options_seen, mut variables_seen) = (Helps::default(), 0, 0);
    for (path, text) in files() {
        let shown = path.display();
        for variable in words(&text, "LBUILD_", |c| c.is_ascii_uppercase() || c == '_') {
            variables_seen += 1;
            assert!(known.contains(variable) || variable.starts_with(MIRRORS), "{shown}: {variable}");
        }
        for (command, options) in uses(&text) {
            if command.is_empty() {
                continue;
            }
            let help = helps.longest(&command).unwrap_or_else(|| panic!("{shown}: lbuild {command:?}"));
            for option in options {
                options_seen += 1;
                let there =
                    help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == option);
                assert!(there, "{shown}: lbuild {command:?} {option}");
            }
        }
    }
    assert!(options_seen > 10 && variables_seen > 5, "{options_seen} options, {variables_seen} variables");
}

#[test]
fn what_does_not_exist_is_found() {
    let found = uses(
        "run `lbuild serve --listen X --nope` and\n  lbuild config check \\\n  --data D | lbuild cache\nxlbuild a --b",
    );
    let expected = [
        (vec!["serve"], vec!["--listen", "--nope"]),
        (vec!["config", "check"], vec!["--data"]),
        (vec!["cache"], vec![]),
    ];
    let expected = expected.map(|(command, options)| {
        let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
        (owned(command), owned(options))
    });
    assert_eq!(found, expected);
    assert_eq!(uses("command: [\"lbuild\", \"serve\", \"--drain\", \"5\"]")[0].1, ["--drain"]);
    assert_eq!(words("LBUILD_A=1 XLBUILD_B", "LBUILD_", |c| c.is_ascii_uppercase() || c == '_').len(), 1);
    assert!(Helps::default().longest(&["nonsense".to_owned()]).is_none());
}

#[test]
fn every_page_that_is_linked_is_there() {
    for (path, text) in
        files().into_iter().filter(|(path, _)| path.extension().is_some_and(|kind| kind == "md"))
    {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                let there = path.parent().expect("a directory").join(target).exists();
                assert!(there, "{}: {link}", path.display());
            }
        }
    }
}

#[test]
fn every_yaml_file_is_yaml() {
    let files = files();
    let yaml = files.iter().filter(|(path, _)| path.extension().is_some_and(|kind| kind == "yaml"));
    let mut count = 0;
    for (path, text) in yaml {
        count += 1;
        assert!(!text.contains('\t'), "{}", path.display());
        for event in Parser::new_from_str(text) {
            event.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    assert!(count >= 2, "{count}");
}

/// The number behind a name.
fn number(text: &str, name: &str) -> u64 {
    let rest = text.split(name).nth(1).unwrap_or_else(|| panic!("{name} in {text}"));
    let digits = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .expect("a number")
}

#[test]
fn whoever_stops_the_service_waits_for_its_builds() {
    for (path, waits) in [
        ("deploy/kubernetes/lbuild.yaml", "terminationGracePeriodSeconds:"),
        ("deploy/compose.yaml", "stop_grace_period:"),
        ("deploy/systemd/lbuild.service", "TimeoutStopSec="),
    ] {
        let text = fs::read_to_string(root().join(path)).expect(path);
        assert!(number(&text, waits) > number(&text, "LBUILD_DRAIN"), "{path}");
    }
}

#[test]
fn systemd_takes_the_units() {
    let place = Place::new();
    let directory = root().join("deploy/systemd").canonicalize().expect("the units");
    let units = directory.display().to_string();
    let program = env!("CARGO_BIN_EXE_lbuild");
    for entry in fs::read_dir(directory).expect("the units").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".service") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("a unit");
        place.write(
            &name,
            text.replace("/usr/local/bin/lbuild", program).replace("/usr/local/lib/lbuild", &units),
        );
        let mut verify = Command::new("systemd-analyze");
        let ended =
            Ended::of(verify.args(["verify", "--man=no", "--recursive-errors=no"]).arg(place.path(&name)));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{name}");
    }
}
