//! Names like one that does not exist.

use super::problem::split_arch;
use super::{Request, Unknown};
use crate::deb::index::Index;

/// More suggestions than this do not help.
const MOST: usize = 5;

/// The requested names that no package bears or provides, each with names like it.
pub(super) fn unknown(index: &Index, request: &Request) -> Vec<Unknown> {
    let names = request.packages.iter().map(|wanted| split_arch(&wanted.name).0);
    let missing = names.filter(|name| {
        let known = index.name_id(name);
        known.is_none_or(|id| index.of_name(id).next().is_none() && index.providers(id).next().is_none())
    });
    missing.map(|name| Unknown { name: name.to_owned(), near: near(index, name) }).collect()
}

/// The package names that look most like `name`, nearest first.
pub fn near(index: &Index, name: &str) -> Vec<String> {
    // Only the start of an absurdly long name is looked at: the comparison is quadratic.
    let wanted: String = name.to_lowercase().replace('_', "-").chars().take(64).collect();
    let mut found: Vec<(usize, usize, &str)> = index
        .package_names()
        .filter_map(|known| distance(&wanted, known).map(|distance| (distance, known.len(), known)))
        .collect();
    found.sort_unstable();
    found.truncate(MOST);
    found.into_iter().map(|(_, _, known)| known.to_owned()).collect()
}

/// How far apart two names are; `None` when too far to suggest.
fn distance(wanted: &str, known: &str) -> Option<usize> {
    if known == wanted {
        return Some(0);
    }
    let allowed = (wanted.len() / 4).clamp(1, 3);
    if wanted.len().abs_diff(known.len()) <= allowed {
        let typed = strsim::osa_distance(wanted, known);
        if typed <= allowed {
            return Some(typed);
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
        ] {
            assert!(distance(wanted, known).is_some(), "{wanted} {known}");
        }
        for (wanted, known) in
            [("vim", "emacs"), ("ab", "ab-long-name"), ("nginx", "apache2"), ("cur", "curl")]
        {
            assert!(distance(wanted, known).is_none_or(|far| far == 1), "{wanted} {known}");
        }
        assert_eq!(distance("curl", "curl"), Some(0));
    }
}
