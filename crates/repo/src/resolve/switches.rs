//! Sources that are off: what switches them on, for all packages or for one, and how that is told.
//!
//! A switch is text of lines that must all be on. Each names ways that do, the usual one first, with `|` between them:
//! `component contrib`, or `keyword ~amd64|keyword **` and `license unRAR|license *`.

use std::collections::HashMap;

use super::change::all;
use crate::index::{Index, Package};

/// What follows the name of a way when only one package may use it.
const FOR: &str = " for ";

/// What a request has switched on.
pub(super) struct Switches<'r> {
    /// For all packages.
    on: Vec<&'r str>,
    /// By name of a package: for it alone.
    own: HashMap<&'r str, Vec<&'r str>>,
    /// By position of a source of the index: it is in use.
    sources: Vec<bool>,
}

impl<'r> Switches<'r> {
    pub(super) fn new(index: &Index, enable: &'r [String]) -> Self {
        let (mut on, mut own) = (Vec::new(), HashMap::<&str, Vec<&str>>::new());
        for way in enable {
            match way.split_once(FOR) {
                Some((way, name)) => own.entry(name).or_default().push(way),
                None => on.push(way.as_str()),
            }
        }
        let mut switches = Self { on, own, sources: Vec::new() };
        switches.sources =
            index.sources().iter().map(|source| switches.missing(&source.switch, "").is_empty()).collect();
        switches
    }

    /// Whether the source of a package is in use, at least for it.
    pub(super) fn is_in_use(&self, package: Package<'_>) -> bool {
        self.sources.get(package.source_number()).copied().unwrap_or_default()
            || self.own.contains_key(package.name()) && self.missing_for(package).is_empty()
    }

    /// What is still off of a package: the usual way for each.
    pub(super) fn missing_for<'i>(&self, package: Package<'i>) -> Vec<&'i str> {
        self.missing(&package.source().switch, package.name())
    }

    fn missing<'i>(&self, switch: &'i str, name: &str) -> Vec<&'i str> {
        let own = self.own.get(name).map_or(&[][..], Vec::as_slice);
        missing(switch, &|way| self.on.contains(&way) || own.contains(&way))
    }
}

/// What is still off of a switch when `is_on` says which ways are on: the usual way for each.
pub fn missing<'s>(switch: &'s str, is_on: &dyn Fn(&str) -> bool) -> Vec<&'s str> {
    switch.lines().filter(|line| !line.split('|').any(is_on)).map(usual).collect()
}

fn usual(line: &str) -> &str {
    line.split('|').next().unwrap_or(line)
}

/// A way for one package alone.
pub(super) fn only_for(way: &str, name: &str) -> String {
    format!("{way}{FOR}{name}")
}

/// Takes a way apart: the way, and the package that it is for if that is only one.
pub fn way(text: &str) -> (&str, Option<&str>) {
    text.split_once(FOR).map_or((text, None), |(way, name)| (way, Some(name)))
}

/// The usual ways of a switch, for people: `component contrib`.
pub fn text(switch: &str) -> String {
    switch.lines().map(usual).collect::<Vec<_>>().join(" and ")
}

/// What packages are masked by, when ways are not accepted: ``the keyword `~amd64` and the licenses `A` and `B` ``.
pub(crate) fn masks(ways: &[&str]) -> String {
    let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
    for way in ways {
        let (kind, name) = way.split_once(' ').unwrap_or(("switch", way));
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, names)) => names.push(format!("`{name}`")),
            None => kinds.push((kind, vec![format!("`{name}`")])),
        }
    }
    let told = |(kind, names): (&str, Vec<String>)| {
        let plural = if names.len() > 1 { "s" } else { "" };
        format!("the {kind}{plural} {}", all(&names))
    };
    all(&kinds.into_iter().map(told).collect::<Vec<_>>())
}

/// Acceptances as advice, those of packages that need the same together: ``accept the keyword `~amd64` for `a/b` and
/// `a/c` ``.
pub(super) fn acceptances(texts: &[&str]) -> Vec<String> {
    let mut of_name: Vec<(Option<&str>, Vec<&str>)> = Vec::new();
    for text in texts {
        let (way, name) = way(text);
        match of_name.iter_mut().find(|(known, _)| *known == name) {
            Some((_, ways)) => ways.push(way),
            None => of_name.push((name, vec![way])),
        }
    }
    let mut of_ways: Vec<(String, Vec<String>)> = Vec::new();
    for (name, ways) in of_name {
        let (masks, name) = (masks(&ways), name.map(|name| format!("`{name}`")));
        match of_ways.iter_mut().find(|(known, names)| *known == masks && names.is_empty() == name.is_none())
        {
            Some((_, names)) => names.extend(name),
            None => of_ways.push((masks, name.into_iter().collect())),
        }
    }
    let told = |(masks, names): (String, Vec<String>)| {
        let of = if names.is_empty() { String::new() } else { format!(" for {}", all(&names)) };
        format!("accept {masks}{of}")
    };
    of_ways.into_iter().map(told).collect()
}

/// Whether a way accepts packages, and switches on no source.
pub(super) fn is_acceptance(text: &str) -> bool {
    ["keyword ", "license "].iter().any(|kind| text.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::{acceptances, masks, text, way};

    #[test]
    fn switches_in_words() {
        let switch = "keyword ~amd64|keyword **\nlicense unRAR|license *";
        assert_eq!(text(switch), "keyword ~amd64 and license unRAR");
        assert_eq!(
            masks(&["keyword ~amd64", "license A", "license B"]),
            "the keyword `~amd64` and the licenses `A` and `B`"
        );
        assert_eq!(
            acceptances(&["keyword ~amd64 for a/b", "keyword ~amd64 for a/c", "license X"]),
            ["accept the keyword `~amd64` for `a/b` and `a/c`", "accept the license `X`"]
        );
        assert_eq!(way("license X for a/b"), ("license X", Some("a/b")));
    }
}
