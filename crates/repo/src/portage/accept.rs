//! What is accepted by itself, and what a spec has to accept for the rest (portage(5), `ACCEPT_KEYWORDS` and
//! `ACCEPT_LICENSE`).

use std::collections::{BTreeMap, BTreeSet};

use super::index::Entry;
use super::relation::{Node, words};

/// More ways than this to take a license expression apart are not looked into.
const MOST_LINES: usize = 64;

/// What is accepted by itself: the stable keyword of the architecture, and these licenses.
#[derive(Debug, Clone, Copy)]
pub struct Accept<'o> {
    /// Names of licenses.
    pub licenses: &'o BTreeSet<String>,
}

/// Groups of licenses: name without `@` to names of licenses and `@` of further groups.
pub type Groups = BTreeMap<String, Vec<String>>;

/// The licenses of a group, with those of the groups in it; `None` when there is no such group.
pub fn licenses(groups: &Groups, name: &str) -> Option<BTreeSet<String>> {
    let (mut found, mut seen, mut open) = (BTreeSet::new(), BTreeSet::from([name]), vec![name]);
    while let Some(group) = open.pop() {
        for word in groups.get(group)? {
            match word.strip_prefix('@') {
                Some(inner) if seen.insert(inner) => open.push(inner),
                Some(_) => {}
                None => {
                    found.insert(word.clone());
                }
            }
        }
    }
    Some(found)
}

impl Accept<'_> {
    /// What has to be switched on for a build, in the form of [`crate::resolve::switches`]: a line for its keywords, and
    /// one for each of its licenses that is not accepted.
    pub(super) fn switch(self, entry: &Entry<'_>, arch: &str) -> String {
        let keyword = keyword(entry.keywords, arch);
        let nodes = words(entry.license);
        let licenses = match &nodes {
            Ok(nodes) => self.all(nodes, entry),
            // What cannot be read is what only everything includes.
            Err(_) => Some(vec![BTreeSet::new()]),
        };
        let licenses = licenses.unwrap_or_default().into_iter().map(|ways| {
            let ways = ways.into_iter().chain(["*"]).map(|name| format!("license {name}"));
            ways.collect::<Vec<_>>().join("|")
        });
        keyword.into_iter().chain(licenses).collect::<Vec<_>>().join("\n")
    }

    /// What all parts need: of each set, one license has to be accepted; `None` when that are too many.
    fn all<'n>(self, nodes: &[Node<'n, &'n str>], entry: &Entry<'_>) -> Option<Vec<BTreeSet<&'n str>>> {
        let mut lines: Vec<BTreeSet<&str>> = Vec::new();
        for node in nodes {
            for line in self.one(node, entry)? {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        (lines.len() <= MOST_LINES).then_some(lines)
    }

    fn one<'n>(self, node: &Node<'n, &'n str>, entry: &Entry<'_>) -> Option<Vec<BTreeSet<&'n str>>> {
        match node {
            Node::Leaf(name) if self.licenses.contains(*name) => Some(Vec::new()),
            Node::Leaf(name) => Some(vec![BTreeSet::from([*name])]),
            Node::All(parts) | Node::AtMostOne(parts) => self.all(parts, entry),
            Node::If(test, parts) if test.holds(&|flag| entry.enabled(flag)) => self.all(parts, entry),
            Node::If(..) => Some(Vec::new()),
            // Without any alternative left it cannot be met: only everything includes that.
            Node::Any(_) | Node::ExactlyOne(_) if is_nothing(node, entry) => Some(vec![BTreeSet::new()]),
            Node::Any(parts) | Node::ExactlyOne(parts) => {
                let mut lines = vec![BTreeSet::new()];
                for part in parts.iter().filter(|part| !is_nothing(part, entry)) {
                    let other = self.one(part, entry)?;
                    let with = |line: &BTreeSet<&'n str>| -> Vec<BTreeSet<&'n str>> {
                        other.iter().map(|more| line.union(more).copied().collect()).collect()
                    };
                    lines = lines.iter().flat_map(with).collect();
                    if lines.len() > MOST_LINES {
                        return None;
                    }
                }
                Some(lines)
            }
        }
    }
}

/// Whether nothing is left of a part with the flags of a build: then it is no alternative either.
fn is_nothing(node: &Node<'_, &str>, entry: &Entry<'_>) -> bool {
    match node {
        Node::Leaf(_) => false,
        Node::If(test, _) if !test.holds(&|flag| entry.enabled(flag)) => true,
        Node::If(_, parts)
        | Node::All(parts)
        | Node::Any(parts)
        | Node::ExactlyOne(parts)
        | Node::AtMostOne(parts) => parts.iter().all(|part| is_nothing(part, entry)),
    }
}

/// What has to be accepted for keywords, the narrowest first; `None` when they are stable.
fn keyword(keywords: &str, arch: &str) -> Option<String> {
    let words = || keywords.split_ascii_whitespace();
    if words().any(|word| word == arch || word == "*") {
        return None;
    }
    let is_own = |word: &str| word.strip_prefix('~').is_some_and(|of| of == arch || of == "*");
    let own = words().any(is_own).then(|| format!("~{arch}"));
    let testing = words().any(|word| word.starts_with('~')).then_some("~*");
    let stable = words().any(|word| !word.starts_with(['~', '-'])).then_some("*");
    let ways = own.as_deref().into_iter().chain(testing).chain(stable).chain(["**"]);
    Some(ways.map(|way| format!("keyword {way}")).collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::{Groups, keyword, licenses};

    #[test]
    fn keywords_and_what_accepts_them() {
        for (keywords, expected) in [
            ("amd64 ~x86", None),
            ("~amd64 ~x86", Some("keyword ~amd64|keyword ~*|keyword **")),
            ("~amd64 x86", Some("keyword ~amd64|keyword ~*|keyword *|keyword **")),
            ("x86", Some("keyword *|keyword **")),
            ("-* ~x86", Some("keyword ~*|keyword **")),
            ("", Some("keyword **")),
            ("-*", Some("keyword **")),
        ] {
            assert_eq!(keyword(keywords, "amd64").as_deref(), expected, "{keywords}");
        }
    }

    #[test]
    fn groups_hold_groups() {
        let list = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let groups = Groups::from([
            ("FREE".to_owned(), list("MIT @DOCS @FREE")),
            ("DOCS".to_owned(), list("FDL-1.3 MIT")),
            ("BAD".to_owned(), list("@NONE")),
        ]);
        let free: Vec<String> = licenses(&groups, "FREE").expect("a group").into_iter().collect();
        assert_eq!(free, ["FDL-1.3", "MIT"]);
        assert!(licenses(&groups, "OTHER").is_none() && licenses(&groups, "BAD").is_none());
    }
}
