//! Looking around in an index: what there is, and who needs it.

use std::collections::HashSet;

use crate::index::{Index, Package};
use crate::resolve::{Family, Role};

/// How well a package answers a search, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    /// It bears the name.
    Name,
    /// Its name begins with it.
    Start,
    /// It provides a name, command or file of this name.
    Provides,
    /// Its name has it.
    Part,
    /// What it says about itself has it.
    Summary,
}

/// Packages that have every word of `words` in their name, summary or what they provide: for each name the best
/// version of a source in use, the best answer first.
pub fn search<'i>(family: &dyn Family, index: &'i Index, words: &[String]) -> Vec<Package<'i>> {
    let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let providing: Vec<HashSet<u32>> = words.iter().map(|word| providing(index, word)).collect();
    let mut found: Vec<(Match, usize, &str, Package<'i>)> = Vec::new();
    for name in index.package_names() {
        let Some(package) = best(family, index, name) else { continue };
        let summary = package.summary().to_lowercase();
        let of_word = |(word, providing): (&String, &HashSet<u32>)| {
            let provides = providing.contains(&package.id());
            quality(name, &summary, provides, word)
        };
        let qualities: Option<Vec<Match>> = words.iter().zip(&providing).map(of_word).collect();
        if let Some(worst) = qualities.and_then(|all| all.into_iter().max()) {
            found.push((worst, name.len(), name, package));
        }
    }
    found.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
    found.into_iter().map(|(.., package)| package).collect()
}

fn quality(name: &str, summary: &str, provides: bool, word: &str) -> Option<Match> {
    let lower = name.to_lowercase();
    if lower == word {
        Some(Match::Name)
    } else if lower.starts_with(word) {
        Some(Match::Start)
    } else if provides {
        Some(Match::Provides)
    } else if lower.contains(word) {
        Some(Match::Part)
    } else {
        summary.contains(word).then_some(Match::Summary)
    }
}

/// The packages that provide `word`, or a command or file of this name.
fn providing(index: &Index, word: &str) -> HashSet<u32> {
    let is_meant = |name: &str| {
        let last = name.rsplit(['/', ':']).next().unwrap_or(name);
        name == word || last == word
    };
    let names = index.names().filter(|(_, name)| is_meant(name));
    names.flat_map(|(id, _)| index.providers(id)).map(|(package, _)| package.id()).collect()
}

/// The version of a name that would usually be taken, of a source in use where there is one.
pub fn best<'i>(family: &dyn Family, index: &'i Index, name: &str) -> Option<Package<'i>> {
    index.named(name).min_by(|a, b| {
        let off = |package: &Package<'_>| !package.source().switch.is_empty();
        let pin = |package: &Package<'_>| package.source().pin;
        off(a)
            .cmp(&off(b))
            .then_with(|| pin(b).cmp(&pin(a)))
            .then_with(|| family.compare(b.version(), a.version()))
    })
}

/// One package that speaks of another.
#[derive(Debug, Clone, Copy)]
pub struct Mention<'i> {
    /// The package that speaks.
    pub package: Package<'i>,
    /// Such as `depends on`.
    pub verb: &'static str,
    /// What it says.
    pub text: &'i str,
}

/// The packages that require or recommend something that `package` is or provides, whether others could meet it or
/// not; in the order of the index.
pub fn needing<'i>(family: &dyn Family, index: &'i Index, package: Package<'_>) -> Vec<Mention<'i>> {
    let mut names: HashSet<&str> = HashSet::from([package.name()]);
    for (id, name) in index.names() {
        if index.providers(id).any(|(provider, _)| provider == package) {
            names.insert(name);
        }
    }
    let mut mentions = Vec::new();
    for other in index.packages().filter(|other| other.source().switch.is_empty()) {
        for statement in family.statements(other) {
            let needs = matches!(statement.role, Role::Requires | Role::Recommends);
            if needs && statement.formula.atoms().iter().any(|atom| names.contains(atom.name)) {
                mentions.push(Mention { package: other, verb: statement.verb, text: statement.text });
            }
        }
    }
    mentions
}
