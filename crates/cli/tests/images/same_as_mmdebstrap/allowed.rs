//! The differences that are known, each with its reason.

use lbuild_testkit::treediff::{Allowance, Aspect};
use serde::Deserialize;

/// The list; it is short so that it can be read.
const LIST: &str = include_str!("differences.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    difference: Vec<Difference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// Why it is there.
    reason: String,
    /// Sets of packages that show it.
    sets: Vec<String>,
    /// Paths; `*` stands for any text.
    paths: Vec<String>,
    /// In what: `ours`, `theirs`, or an aspect of what both have.
    aspects: Vec<String>,
}

/// The allowances for one set of packages.
pub fn of_set(set: &str) -> Vec<Allowance> {
    let list: List = toml::from_str(LIST).expect("the list of differences");
    let mine =
        list.difference.into_iter().filter(|difference| difference.sets.iter().any(|name| name == set));
    mine.flat_map(|difference| {
        assert!(difference.reason.len() > 20, "no reason for {:?}", difference.paths);
        let aspects: Vec<Aspect> = difference.aspects.iter().map(|name| aspect(name)).collect();
        assert!(!aspects.is_empty(), "nothing is allowed for {:?}", difference.paths);
        // Read once for each test, and needed until its end.
        let (aspects, reason): (&'static [Aspect], &'static str) = (aspects.leak(), difference.reason.leak());
        difference.paths.into_iter().map(move |path| Allowance { pattern: path.leak(), aspects, reason })
    })
    .collect()
}

fn aspect(name: &str) -> Aspect {
    match name {
        "ours" => Aspect::OnlyLeft,
        "theirs" => Aspect::OnlyRight,
        "mode" => Aspect::Mode,
        "owner" => Aspect::Owner,
        "content" => Aspect::Content,
        other => panic!("unknown aspect `{other}`"),
    }
}
