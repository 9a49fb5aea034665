//! Expressions: `a/b || ( c/d ( e/f g/h ) ) flag? ( i/j )`.

use std::fmt;

use super::RelationError;
use super::atom::Atom;
use crate::portage::name::is_flag;

/// Groups within groups; the real tree has 5.
const MAX_DEPTH: usize = 64;
/// Bytes of one expression; the longest of the real tree has about 60,000.
const MAX_BYTES: usize = 4 << 20;

/// A USE flag that must be on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagTest<'a> {
    /// The flag.
    pub flag: &'a str,
    /// It must be on.
    pub on: bool,
}

impl<'a> FlagTest<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (flag, on) = text.strip_prefix('!').map_or((text, true), |flag| (flag, false));
        is_flag(flag).then_some(Self { flag, on })
    }

    /// Whether it holds.
    pub fn holds(&self, enabled: &dyn Fn(&str) -> bool) -> bool {
        enabled(self.flag) == self.on
    }
}

/// A part of an expression. A list of parts asks for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<'a, L> {
    /// What groups are made of: an [`Atom`], a flag, a word.
    Leaf(L),
    /// `( ... )`: all of them.
    All(Vec<Self>),
    /// `|| ( ... )`: at least one, the first that can be had. One that [`reduce`] left empty cannot be met since EAPI 7.
    Any(Vec<Self>),
    /// `^^ ( ... )`: exactly one.
    ExactlyOne(Vec<Self>),
    /// `?? ( ... )`: one or none.
    AtMostOne(Vec<Self>),
    /// `flag? ( ... )`: all of them if the flag is so.
    If(FlagTest<'a>, Vec<Self>),
}

/// Reads the dependencies of a package.
pub fn parse(text: &str) -> Result<Vec<Node<'_, Atom<'_>>>, RelationError> {
    Reader::read(text, Atom::parse)
}

/// Reads `REQUIRED_USE`.
pub fn flags(text: &str) -> Result<Vec<Node<'_, FlagTest<'_>>>, RelationError> {
    Reader::read(text, |word| {
        FlagTest::parse(word).ok_or_else(|| RelationError::atom(word, "not a USE flag"))
    })
}

/// Reads an expression of plain words, such as `LICENSE`.
pub fn words(text: &str) -> Result<Vec<Node<'_, &str>>, RelationError> {
    Reader::read(text, Ok)
}

/// What opens a group.
#[derive(Clone, Copy)]
enum Opening<'a> {
    All,
    Any,
    ExactlyOne,
    AtMostOne,
    If(FlagTest<'a>),
}

/// A group that is not closed yet.
struct Group<'a, L> {
    opening: Opening<'a>,
    parts: Vec<Node<'a, L>>,
}

/// Reads an expression word by word.
struct Reader<'a, L> {
    /// From the outermost to the innermost.
    open: Vec<Group<'a, L>>,
    /// What the last word announced; a bracket must follow.
    announced: Option<Opening<'a>>,
}

impl<'a, L> Reader<'a, L> {
    fn read(
        text: &'a str,
        leaf: impl Fn(&'a str) -> Result<L, RelationError>,
    ) -> Result<Vec<Node<'a, L>>, RelationError> {
        if text.len() > MAX_BYTES {
            return Err(RelationError::TooLong);
        }
        let top = Group { opening: Opening::All, parts: Vec::new() };
        let mut reader = Self { open: vec![top], announced: None };
        for word in text.split_ascii_whitespace() {
            reader.word(word, &leaf)?;
        }
        let Some(Group { parts, .. }) = reader.open.pop().filter(|_| reader.open.is_empty()) else {
            return Err(RelationError::Form { reason: "a bracket is not closed" });
        };
        if reader.announced.is_some() {
            return Err(RelationError::Form { reason: "nothing follows the start of a group" });
        }
        Ok(parts)
    }

    fn word(
        &mut self,
        word: &'a str,
        leaf: &impl Fn(&'a str) -> Result<L, RelationError>,
    ) -> Result<(), RelationError> {
        let announced = match word {
            "(" => {
                if self.open.len() > MAX_DEPTH {
                    return Err(RelationError::Depth);
                }
                let opening = self.announced.take().unwrap_or(Opening::All);
                self.open.push(Group { opening, parts: Vec::new() });
                return Ok(());
            }
            _ if self.announced.is_some() => {
                return Err(RelationError::Form { reason: "a bracket must follow the start of a group" });
            }
            ")" => return self.close(),
            "||" => Opening::Any,
            "^^" => Opening::ExactlyOne,
            "??" => Opening::AtMostOne,
            _ => match word.strip_suffix('?') {
                Some(test) => Opening::If(
                    FlagTest::parse(test).ok_or_else(|| RelationError::atom(word, "not a USE flag"))?,
                ),
                None => return self.put(Node::Leaf(leaf(word)?)),
            },
        };
        self.announced = Some(announced);
        Ok(())
    }

    fn close(&mut self) -> Result<(), RelationError> {
        let unopened = RelationError::Form { reason: "a bracket is closed that was not opened" };
        if self.open.len() < 2 {
            return Err(unopened);
        }
        let Group { opening, parts } = self.open.pop().ok_or(unopened)?;
        if parts.is_empty() {
            return Err(RelationError::Form { reason: "a group is empty" });
        }
        self.put(match opening {
            Opening::All => Node::All(parts),
            Opening::Any => Node::Any(parts),
            Opening::ExactlyOne => Node::ExactlyOne(parts),
            Opening::AtMostOne => Node::AtMostOne(parts),
            Opening::If(test) => Node::If(test, parts),
        })
    }

    fn put(&mut self, node: Node<'a, L>) -> Result<(), RelationError> {
        let unopened = RelationError::Form { reason: "a bracket is closed that was not opened" };
        self.open.last_mut().ok_or(unopened)?.parts.push(node);
        Ok(())
    }
}

/// The expression as it stands for a package with these USE flags: no conditions are left, neither on groups nor in
/// what atoms ask of other packages.
#[must_use]
pub fn reduce<'a>(nodes: Vec<Node<'a, Atom<'a>>>, enabled: &dyn Fn(&str) -> bool) -> Vec<Node<'a, Atom<'a>>> {
    let mut kept = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node {
            Node::Leaf(atom) => kept.push(Node::Leaf(atom.resolved(enabled))),
            Node::All(parts) => kept.push(Node::All(reduce(parts, enabled))),
            Node::Any(parts) => kept.push(Node::Any(reduce(parts, enabled))),
            Node::ExactlyOne(parts) => kept.push(Node::ExactlyOne(reduce(parts, enabled))),
            Node::AtMostOne(parts) => kept.push(Node::AtMostOne(reduce(parts, enabled))),
            Node::If(test, parts) if test.holds(enabled) => kept.push(Node::All(reduce(parts, enabled))),
            Node::If(..) => {}
        }
    }
    kept
}

/// All leaves, in the order of the text, wherever they stand.
pub fn atoms<'n, L>(nodes: &'n [Node<'_, L>]) -> Vec<&'n L> {
    let mut found = Vec::new();
    collect(nodes, &mut found);
    found
}

fn collect<'n, L>(nodes: &'n [Node<'_, L>], found: &mut Vec<&'n L>) {
    for node in nodes {
        match node {
            Node::Leaf(leaf) => found.push(leaf),
            Node::All(parts)
            | Node::Any(parts)
            | Node::ExactlyOne(parts)
            | Node::AtMostOne(parts)
            | Node::If(_, parts) => collect(parts, found),
        }
    }
}

/// The parts of an expression that stand side by side at its top, each as it is written. Brackets that are wrong make
/// parts that cannot be read.
pub fn parts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_usize, None);
    for word in text.split_ascii_whitespace() {
        let at = word.as_ptr().addr() - text.as_ptr().addr();
        let first = *start.get_or_insert(at);
        match word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let opens = matches!(word, "||" | "^^" | "??") || word.ends_with('?');
        if depth == 0 && !opens {
            found.push(&text[first..at + word.len()]);
            start = None;
        }
    }
    found.extend(start.map(|first| text[first..].trim_ascii_end()));
    found
}

impl<L: fmt::Display> fmt::Display for Node<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, parts) = match self {
            Self::Leaf(leaf) => return leaf.fmt(f),
            Self::All(parts) => ("", parts),
            Self::Any(parts) => ("|| ", parts),
            Self::ExactlyOne(parts) => ("^^ ", parts),
            Self::AtMostOne(parts) => ("?? ", parts),
            Self::If(test, parts) => {
                write!(f, "{}{}? ", if test.on { "" } else { "!" }, test.flag)?;
                ("", parts)
            }
        };
        write!(f, "{start}(")?;
        parts.iter().try_for_each(|part| write!(f, " {part}"))?;
        f.write_str(" )")
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, parse, parts};

    #[test]
    fn parts_stand_side_by_side() {
        let text = " a/b  || ( c/d ( e/f g/h ) ) x? ( i/j ) !k/l";
        assert_eq!(parts(text), ["a/b", "|| ( c/d ( e/f g/h ) )", "x? ( i/j )", "!k/l"]);
        assert_eq!(parts(""), [""; 0]);
        assert_eq!(parts("a/b || ( c/d"), ["a/b", "|| ( c/d"]);
        assert_eq!(parts(") a/b ||"), [")", "a/b", "||"]);
        for part in parts(text) {
            let nodes = parse(part).expect("a part");
            assert_eq!(nodes.iter().map(Node::to_string).collect::<Vec<_>>(), [part]);
        }
    }
}
