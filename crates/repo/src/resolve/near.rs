//! Names like one that does not exist.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::problem::Task;
use super::{Knowledge, Unknown};
use crate::index::{Index, Kind, Package};

/// More suggestions than this do not help.
const MOST: usize = 5;

/// The requested names that no package in use bears or provides and no group has, each with what may be meant.
pub(super) fn unknown(task: &Task<'_, '_>, knowledge: &dyn Knowledge) -> Vec<Unknown> {
    let (world, index) = (task.world, task.world.index);
    let atoms = task.request.packages.iter().map(|wanted| world.family.wanted(wanted));
    // What is asked for in another form than there is may well exist.
    let names = atoms.filter(|atom| world.family.lacking(world, atom).is_none()).map(|atom| atom.name);
    let missing = names.filter(|name| {
        let provided = |id| index.providers(id).any(|(package, _)| world.is_in_use(package));
        world.named(name).next().is_none()
            && !index.name_id(name).is_some_and(provided)
            && group(index, name).next().is_none()
    });
    let real = |names: Vec<String>| -> Vec<String> {
        names.into_iter().filter(|name| world.named(name).next().is_some()).collect()
    };
    missing
        .map(|name| {
            let unpackaged = knowledge.unpackaged(name);
            let mut unknown = Unknown {
                name: name.to_owned(),
                // What is like the name of a program that is not there is another program.
                near: if unpackaged { Vec::new() } else { real(near(index, name)) },
                called: real(knowledge.called(name)),
                renamed: real(world.family.renamed(index, name)),
                shipping: Vec::new(),
                releases: Vec::new(),
                unpackaged,
                elsewhere: elsewhere(index, name),
            };
            // Who ships a command may have to be fetched first, so that it is asked only when nothing else is known.
            let known = [&unknown.called, &unknown.renamed, &unknown.elsewhere];
            if !unpackaged && known.iter().all(|names| names.is_empty()) {
                unknown.shipping = real(knowledge.shipping(name));
                // A misspelt name is in no release; one with a version in it is what releases differ in.
                let versioned = name.contains(|c: char| c.is_ascii_digit());
                if unknown.shipping.is_empty() && (versioned || unknown.near.is_empty()) {
                    unknown.releases = knowledge.releases(name);
                }
            }
            unknown
        })
        .collect()
}

/// The switches of sources that are off and have a package of this name.
fn elsewhere(index: &Index, name: &str) -> Vec<String> {
    let switches = index.named(name).map(|package| &package.source().switch);
    let switches: BTreeSet<&String> = switches.filter(|switch| !switch.is_empty()).collect();
    switches.into_iter().cloned().collect()
}

/// Packages that say that they replace `name`, in the order of the index; those that also provide it first.
pub(super) fn replacing(index: &Index, name: &str) -> Vec<String> {
    let part_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._@/".contains(&byte);
    let finder = memchr::memmem::Finder::new(name);
    let mentions = |text: &str| {
        finder.find_iter(text.as_bytes()).any(|at| {
            let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
            let after = text.as_bytes().get(at + name.len());
            !before.copied().is_some_and(part_of_name) && !after.copied().is_some_and(part_of_name)
        })
    };
    let mut found: Vec<(bool, &str)> = Vec::new();
    for package in index.packages().filter(|package| mentions(package.relations(Kind::Replaces))) {
        let entry = (!mentions(package.relations(Kind::Provides)), package.name());
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    found.sort_by_key(|(silent, _)| *silent);
    found.truncate(MOST);
    found.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// The packages of a group.
pub(super) fn group<'i>(index: &'i Index, name: &str) -> impl Iterator<Item = Package<'i>> {
    index.packages().filter(move |package| package.groups().any(|group| group == name))
}

/// The package names that look most like `name`, nearest first; of names that differ in a version, the latest first.
pub fn near(index: &Index, name: &str) -> Vec<String> {
    // Only the start of an absurdly long name is looked at: the comparison is quadratic.
    let wanted: String = name.to_lowercase().replace('_', "-").chars().take(64).collect();
    let mut found: Vec<(usize, usize, Reverse<u64>, &str)> = index
        .package_names()
        .filter_map(|known| {
            // Gentoo's names have a category in front, which people leave out.
            let (_, short) = known.rsplit_once('/').filter(|_| !wanted.contains('/')).unwrap_or(("", known));
            let distance = distance(&wanted, short)?;
            let number = known.trim_start_matches(stem(known));
            let number = number.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            let version = Reverse(number.parse().unwrap_or_default());
            Some((distance, short.len().abs_diff(wanted.len()), version, known))
        })
        .collect();
    found.sort_unstable();
    found.truncate(MOST);
    found.into_iter().map(|(.., known)| known.to_owned()).collect()
}

/// A name without the version at its end: `postgresql-` of `postgresql-17`, `libssl` of `libssl3t64`.
fn stem(name: &str) -> &str {
    // `t64` marks Debian's libraries that were built again for times after 2038.
    let plain = name.strip_suffix("t64").unwrap_or(name);
    let stem = plain.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if stem.len() == plain.len() { name } else { stem }
}

/// How far apart two names are; `None` when too far to suggest.
fn distance(wanted: &str, known: &str) -> Option<usize> {
    if known == wanted {
        return Some(0);
    }
    let short = wanted.rsplit_once('/').map_or(wanted, |(_, short)| short);
    let allowed = (short.len() / 4).clamp(1, 3);
    let (a, b) = (stem(wanted), stem(known));
    if a.len() >= 3 && a == b {
        return Some(1);
    }
    // The version may be left out: `postgressql` for `postgresql16`.
    for (known, more) in [(known, 0), (b, 1)] {
        if wanted.len().abs_diff(known.len()) <= allowed {
            let typed = strsim::osa_distance(wanted, known);
            if typed <= allowed {
                return Some(typed + more);
            }
        }
    }
    // The name with something added, such as `docker.io`, `neovim-qt` or `libfoo1` for `libfoo`.
    let rest = known.strip_prefix(wanted)?;
    let at_boundary = wanted.len() >= 3 && rest.starts_with(|c: char| !c.is_ascii_lowercase());
    at_boundary.then_some(allowed + 1 + rest.len() / 4)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn typing_errors_and_longer_names_are_near() {
        for (wanted, known) in [
            ("neovm", "neovim"),
            ("postgressql", "postgresql"),
            ("openssh-sever", "openssh-server"),
            ("docker", "docker.io"),
            ("libfoo", "libfoo1"),
            ("firefox", "firefox-esr"),
            ("postgressql", "postgresql16"),
            ("libssl1.1", "libssl3t64"),
        ] {
            assert!(distance(wanted, known).is_some(), "{wanted} {known}");
        }
        for (wanted, known) in [
            ("vim", "emacs"),
            ("ab", "ab-long-name"),
            ("nginx", "apache2"),
            ("media-video/vlc", "media-video/mpv"),
        ] {
            assert!(distance(wanted, known).is_none_or(|far| far == 1), "{wanted} {known}");
        }
        assert_eq!(distance("curl", "curl"), Some(0));
    }
}
