//! pacman as the judge of the resolver: the same requests on the same databases, on an empty system.
//!
//! Satisfiable or not must agree every time; the chosen sets must be equal unless `differences.tsv` lists the difference
//! with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use lbuild_repo::alpm;
use lbuild_repo::alpm::resolve::Arch;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Request, Wanted, resolve};
use lbuild_testkit::realdata;

use crate::conflicts::alpm::CASES;

const REQUESTS: &str = include_str!("requests.txt");
const DIFFERENCES: &str = include_str!("differences.tsv");

/// A set of databases of one day.
pub struct Day {
    pub name: &'static str,
    /// Repository and file below the real data, in the order of `pacman.conf`.
    databases: &'static [(&'static str, &'static str)],
}

pub const DAYS: [Day; 3] = [
    Day {
        name: "2014-08",
        databases: &[
            ("core", "arch/2014-08/core.db"),
            ("extra", "arch/2014-08/extra.db"),
            ("community", "arch/2014-08/community.db"),
        ],
    },
    Day {
        name: "2017-12",
        databases: &[("core", "arch/2017-12/sync/core.db"), ("extra", "arch/2017-12/sync/extra.db")],
    },
    Day {
        name: "2022-09",
        databases: &[
            ("core", "arch/2022-09/core.db.tar.gz"),
            ("extra", "arch/2022-09/extra.db.tar.gz"),
            ("multilib", "arch/2022-09/multilib.db.tar.gz"),
            ("chaotic-aur", "arch/2022-09/chaotic-aur.db.tar.xz"),
        ],
    },
];

impl Day {
    pub fn index(&self) -> Index {
        let databases: Vec<(IndexSource, Vec<u8>)> = self
            .databases
            .iter()
            .map(|(repository, file)| {
                let source = IndexSource {
                    suite: (*repository).to_owned(),
                    component: (*repository).to_owned(),
                    arch: "x86_64".to_owned(),
                    base_url: format!("{repository}/os/x86_64"),
                    ..IndexSource::default()
                };
                (source, realdata::read(file))
            })
            .collect();
        alpm::index::read(
            databases.iter().map(|(source, bytes)| (source.clone(), bytes.as_slice())).collect(),
        )
        .expect("real databases")
    }

    /// Lays out what pacman reads below `root`.
    fn prepare(&self, root: &Path) {
        std::fs::create_dir_all(root.join("db/sync")).expect("directories");
        std::fs::create_dir_all(root.join("db/local")).expect("directories");
        std::fs::create_dir_all(root.join("root")).expect("directories");
        std::fs::write(root.join("db/local/ALPM_DB_VERSION"), "9\n").expect("a file");
        let mut settings = "[options]\nArchitecture = x86_64\nSigLevel = Never\n".to_owned();
        for (repository, file) in self.databases {
            let target = root.join(format!("db/sync/{repository}.db"));
            std::fs::write(target, realdata::read(file)).expect("a database");
            let _ = writeln!(settings, "[{repository}]\nServer = file:///nowhere");
        }
        std::fs::write(root.join("pacman.conf"), settings).expect("settings");
    }
}

/// pacman with what [`Day::prepare`] laid out below `root`.
fn command(program: &str, root: &Path) -> Command {
    let path = |name: &str| root.join(name).to_string_lossy().into_owned();
    let mut command = Command::new(program);
    if program != "pacman" {
        command.arg("pacman");
    }
    command
        .args(["--config", &path("pacman.conf"), "--dbpath", &path("db"), "--root", &path("root")])
        .arg("--noconfirm")
        .env("LC_ALL", "C");
    command
}

/// `repository/name=version` of what pacman would install, or nothing when it refuses.
fn pacman(root: &Path, words: &[&str]) -> Option<BTreeSet<String>> {
    let output = command("pacman", root)
        .args(["-Sp", "--print-format", "%r/%n=%v"])
        .args(words)
        .output()
        .expect("`pacman` of pacman-package-manager is needed as the judge");
    let said = String::from_utf8_lossy(&output.stdout);
    let is_package = |line: &&str| line.contains('/') && line.contains('=') && !line.contains(' ');
    output.status.success().then(|| said.lines().filter(is_package).map(str::to_owned).collect())
}

fn ours(index: &Index, words: &[&str]) -> Option<BTreeSet<String>> {
    let packages =
        words.iter().map(|name| Wanted { name: (*name).to_owned(), ..Wanted::default() }).collect();
    let request = Request { packages, ..Request::new("x86_64") };
    let selection = resolve(&Arch, index, &request).ok()?;
    let line = |package: &lbuild_repo::resolve::Selected| {
        format!("{}/{}={}", package.suite, package.name, package.version)
    };
    Some(selection.packages.iter().map(line).collect())
}

/// The differences that are listed, by day and request.
fn listed() -> BTreeMap<(String, String), String> {
    let rows = DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [day, request, difference, _reason] = columns[..] else { panic!("{line:?}") };
        ((day.to_owned(), request.to_owned()), difference.to_owned())
    })
    .collect()
}

/// What we choose and pacman does not, and the other way round.
fn difference(ours: Option<&BTreeSet<String>>, theirs: Option<&BTreeSet<String>>) -> String {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            let more = ours.difference(theirs).map(|name| format!("+{name}"));
            let less = theirs.difference(ours).map(|name| format!("-{name}"));
            more.chain(less).collect::<Vec<_>>().join(" ")
        }
        (None, None) => String::new(),
        (Some(_), None) => "only we find a set".to_owned(),
        (None, Some(_)) => "only pacman finds a set".to_owned(),
    }
}

#[test]
fn pacman_chooses_the_same_packages() {
    let requests: Vec<&str> =
        REQUESTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(requests.len() >= 150);
    let listed = listed();
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut satisfied = 0;
    for day in &DAYS {
        let directory = tempfile::tempdir().expect("a directory");
        day.prepare(directory.path());
        let index = day.index();
        let half = requests.len() / 2;
        let ask = |requests: &[&str]| -> Vec<_> {
            let words = requests.iter().map(|line| line.split(' ').collect::<Vec<_>>());
            words.map(|words| pacman(directory.path(), &words)).collect()
        };
        let theirs = std::thread::scope(|scope| {
            let second = scope.spawn(|| ask(&requests[half..]));
            [ask(&requests[..half]), second.join().expect("no panic")].concat()
        });
        for (request, theirs) in requests.iter().zip(theirs) {
            let words: Vec<&str> = request.split(' ').collect();
            let ours = ours(&index, &words);
            satisfied += usize::from(ours.is_some() && theirs.is_some());
            let difference = difference(ours.as_ref(), theirs.as_ref());
            if !difference.is_empty() {
                found.insert((day.name.to_owned(), (*request).to_owned()), difference);
            }
        }
    }
    assert!(satisfied >= 200, "only {satisfied} requests have a solution");
    let unlisted: Vec<_> = found.iter().filter(|(key, value)| listed.get(*key) != Some(value)).collect();
    let gone: Vec<_> = listed.keys().filter(|key| !found.contains_key(*key)).collect();
    assert!(unlisted.is_empty() && gone.is_empty(), "unlisted:\n{unlisted:#?}\nno longer there:\n{gone:#?}");
}

/// Requests that pacman meets by dropping one of them.
const DROPPED: [&str; 2] = ["two-firewalls", "two-resolvers"];

#[test]
fn pacman_refuses_the_same_conflicts() {
    let day = &DAYS[2];
    let directory = tempfile::tempdir().expect("a directory");
    day.prepare(directory.path());
    for (case, words) in CASES.iter().filter(|(_, words)| !words.contains(" -")) {
        let output = command("fakeroot", directory.path())
            .arg("-S")
            .args(words.split(' '))
            .output()
            .expect("`fakeroot` and `pacman` are needed as judges");
        let said = String::from_utf8_lossy(&output.stderr);
        // What can be installed ends with packages that cannot be fetched.
        let refused = said.contains("failed to prepare transaction") || said.contains("target not found");
        assert!(refused != said.contains("failed to commit transaction"), "{case}: {said}");
        assert_eq!(refused, !DROPPED.contains(case), "{case}: {said}");
    }
}
