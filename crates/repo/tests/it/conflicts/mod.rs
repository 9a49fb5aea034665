//! Real conflicts: what is said about them is kept in `golden/`, and every proposed change really helps.
//!
//! Each file begins with the request and its kind: `clash` (packages that cannot be together), `removal` (the spec takes
//! away what it needs), `name` (nothing is called so), `choice` (nothing fits what is asked for), `lack` (the index has not
//! all that its packages need, which is no conflict). To accept new texts, run the tests once with `LBUILD_GOLDEN=write`
//! and review the difference.

pub mod alpm;
mod apk;
mod deb;
mod portage;
mod rpm;
mod stand_in;
mod ubuntu;
mod xbps;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use lbuild_repo::index::Index;
use lbuild_repo::resolve::{
    Change, Family, Knowledge, Request, Unsatisfiable, Wanted, resolve, resolve_with,
};
use lbuild_spec::model::Base;
use lbuild_spec::names::PackageMap;

/// One set of requests to one index.
struct Corpus<'a> {
    /// Directory below `golden/`.
    name: &'a str,
    arch: &'a str,
    /// Whose names the table of package names speaks of.
    base: Base,
    family: &'a dyn Family,
    index: &'a Index,
    /// How a word becomes a request.
    wanted: fn(&str) -> Wanted,
    /// The index changes from day to day, so that versions and counts are not kept.
    changing: bool,
}

/// Name of a case, and its words: names; `-name` must not come, `+base` asks for the base system.
type Case = (&'static str, &'static str);

/// What the table of package names says of a base.
struct Names(Base);

impl Knowledge for Names {
    fn called(&self, name: &str) -> Vec<String> {
        PackageMap::builtin().called(name, self.0).map(<[String]>::to_vec).unwrap_or_default()
    }

    fn unpackaged(&self, name: &str) -> bool {
        PackageMap::builtin().is_unpackaged(name, self.0)
    }
}

fn plain(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), ..Wanted::default() }
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conflicts/golden").join(name)
}

impl Corpus<'_> {
    fn request(&self, words: &str) -> Request {
        let mut request = Request::new(self.arch);
        for word in words.split(' ') {
            match (word, word.strip_prefix('-')) {
                ("+base", _) => request.essential = true,
                (_, Some(name)) => request.remove.push(name.to_owned()),
                _ => request.packages.push((self.wanted)(word)),
            }
        }
        request
    }

    /// Compares what is said about each request with its golden file, and tries every fix.
    fn check(&self, cases: &[Case]) {
        let mut wrong = Vec::new();
        for (case, words) in cases {
            let request = self.request(words);
            let Err(reason) = resolve_with(self.family, self.index, &request, &Names(self.base)) else {
                wrong.push(format!("--- {case}: `{words}` has a solution\n"));
                continue;
            };
            for fix in &reason.fixes {
                let changed = changed(&request, &fix.changes);
                let helps = resolve(self.family, self.index, &changed).is_ok();
                assert!(helps, "{}/{case}: `{}` does not help", self.name, fix.label);
            }
            let text = self.render(words, &reason);
            let path = golden(self.name).join(format!("{case}.txt"));
            if std::env::var_os("LBUILD_GOLDEN").is_some_and(|value| value == "write") {
                std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
                std::fs::write(&path, &text).expect("the golden file");
            } else if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                wrong.push(format!("--- {case}\n{text}"));
            }
        }
        assert!(wrong.is_empty(), "differs from `golden/{}`:\n{}", self.name, wrong.concat());
        let known: Vec<String> = cases.iter().map(|(case, _)| format!("{case}.txt")).collect();
        for file in std::fs::read_dir(golden(self.name)).expect("golden files") {
            let name = file.expect("a file").file_name().to_string_lossy().into_owned();
            assert!(known.contains(&name), "`golden/{}/{name}` belongs to no case", self.name);
        }
    }

    /// All that is said, as plain text.
    fn render(&self, words: &str, reason: &Unsatisfiable) -> String {
        let mut text = format!("request: {words}\nkind: {}\n\n{}\n", kind(reason), reason.summary);
        for root in &reason.roots {
            let _ = writeln!(text, "  asked for: {}", root.request);
        }
        for link in &reason.chain {
            let _ = writeln!(text, "  because: {} {} {}", link.from, link.relation, link.to);
        }
        for fix in &reason.fixes {
            let (added, removed) = (fix.effect.added.len(), fix.effect.removed.len());
            let effect = if self.changing { String::new() } else { format!(" (+{added} -{removed})") };
            let _ = writeln!(text, "  fix: {}{effect}", fix.label);
        }
        if self.changing { without_versions(&text, self.index) } else { text }
    }
}

fn kind(reason: &Unsatisfiable) -> &'static str {
    let said = |what: &str| reason.summary.contains(what);
    if !reason.unknown.is_empty() {
        "name"
    } else if reason.roots.iter().any(|root| root.removal) || said("cannot be removed") {
        "removal"
    } else if said("is not available:") {
        "choice"
    } else if said("no package provides") || said("nothing provides in such a version") {
        "lack"
    } else {
        "clash"
    }
}

/// Puts `VERSION` for each version of a package.
fn without_versions(text: &str, index: &Index) -> String {
    let versions: HashSet<&str> =
        index.packages().map(|package| package.version()).filter(|version| version.len() > 3).collect();
    let mut result = String::new();
    for word in text.split_inclusive([' ', '\n']) {
        let version = word.trim_matches(|c: char| "`(),.; \n".contains(c));
        let is_version = versions.contains(version) && !version.is_empty();
        result.push_str(&if is_version { word.replacen(version, "VERSION", 1) } else { word.to_owned() });
    }
    result
}

/// Enough of them are conflicts, and not only names or gaps of the test data.
#[test]
fn there_are_enough_conflicts_of_every_family() {
    let mut conflicts = Vec::new();
    for family in ["deb", "ubuntu", "alpm", "apk", "rpm", "xbps", "void", "portage", "portage-masked"] {
        let (mut count, mut clashes) = (0, 0);
        for file in std::fs::read_dir(golden(family)).expect("golden files") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("a golden file");
            let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).expect("a kind");
            assert!(["clash", "removal", "name", "choice", "lack"].contains(&kind), "{kind}");
            count += usize::from(kind != "lack");
            clashes += usize::from(kind == "clash");
            conflicts.push(kind.to_owned());
        }
        assert!(count >= 4, "{family} has {count}");
        // What is masked clashes with nothing, and repositories alone have too little for it.
        assert!(
            clashes >= 3 || ["portage-masked", "alpm", "xbps"].contains(&family),
            "{family}: {clashes} clashes"
        );
    }
    let of = |kinds: &[&str]| conflicts.iter().filter(|kind| kinds.contains(&kind.as_str())).count();
    let real = of(&["clash", "removal", "choice"]);
    assert!(real >= 60, "{real} conflicts; {} names, {} gaps", of(&["name"]), of(&["lack"]));
}

/// The request with the changes made.
fn changed(request: &Request, changes: &[Change]) -> Request {
    let mut result = request.clone();
    // What goes away goes last and from the end, so that positions stay right.
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by_key(|change| match change {
        Change::DropRequest { index } | Change::DropRemoval { index } | Change::DropPin { index } => {
            (1, usize::MAX - index)
        }
        _ => (0, 0),
    });
    for change in sorted {
        match change {
            Change::DropRequest { index } => drop(result.packages.remove(*index)),
            Change::DropRemoval { index } => drop(result.remove.remove(*index)),
            Change::DropPin { index } => drop(result.pins.remove(*index)),
            Change::Rename { index, name } => result.packages[*index].name.clone_from(name),
            Change::AnyVersion { index } => result.packages[*index].version = None,
            Change::FromSuite { index, suite } => result.packages[*index].suite = Some(suite.clone()),
            Change::Enable { switch } => result.enable.push(switch.clone()),
            Change::LeaveOut { name } => result.remove.push(name.clone()),
        }
    }
    result
}
