//! One atom: `!!>=category/package-1.2-r3:slot/sub=::repository[flag]`.

use std::fmt;

use super::RelationError;
use super::use_flags::{BuiltWith, UseRequirement};
use crate::portage::name::{is_key, is_repository, is_slot, split_cpv};
use crate::portage::version::{compare, without_revision};

/// Bytes of one atom; the longest of the real tree has about 400.
const MAX_ATOM: usize = 4096;

/// Whether the atom keeps packages out instead of asking for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocker {
    /// It asks for a package.
    No,
    /// `!`: not installed beside it in the end.
    Weak,
    /// `!!`: not even for a moment.
    Strong,
}

/// How versions are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `=`
    Equal,
    /// `=` with a `*` after the version: everything that begins with these parts.
    Prefix,
    /// `~`: this version in any revision.
    AnyRevision,
    /// `>=`
    GreaterEqual,
    /// `>`
    Greater,
}

/// An operator and the version that it compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound<'a> {
    /// How.
    pub operator: Operator,
    /// With what; without the `*` of [`Operator::Prefix`].
    pub version: &'a str,
}

/// What follows a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotOperator {
    /// `=`: the package must be built anew when the slot or sub-slot of what it uses changes. In a binary package the
    /// slot before it is the one that it was built with.
    Rebuild,
    /// `*`: any slot, and a change does no harm.
    Any,
}

/// Slot, sub-slot and what follows them.
type SlotParts<'a> = (Option<&'a str>, Option<&'a str>, Option<SlotOperator>);

/// One atom, borrowed from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atom<'a> {
    /// As it was written.
    pub text: &'a str,
    /// Whether it keeps packages out.
    pub blocker: Blocker,
    /// `category/package`.
    pub key: &'a str,
    /// Which versions.
    pub bound: Option<Bound<'a>>,
    /// Which slot.
    pub slot: Option<&'a str>,
    /// Which sub-slot.
    pub sub_slot: Option<&'a str>,
    /// What follows the slot.
    pub slot_operator: Option<SlotOperator>,
    /// Which ebuild repository it must come from.
    pub repository: Option<&'a str>,
    /// What it asks of USE flags.
    pub flags: Vec<UseRequirement<'a>>,
}

impl Operator {
    /// The sign in front of the package; the `*` of [`Self::Prefix`] stands after the version.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Equal | Self::Prefix => "=",
            Self::AnyRevision => "~",
            Self::GreaterEqual => ">=",
            Self::Greater => ">",
        }
    }

    fn take(text: &str) -> Option<(Self, &str)> {
        let signs = [
            ("<=", Self::LessEqual),
            (">=", Self::GreaterEqual),
            ("<", Self::Less),
            (">", Self::Greater),
            ("=", Self::Equal),
            ("~", Self::AnyRevision),
        ];
        signs.into_iter().find_map(|(sign, operator)| Some((operator, text.strip_prefix(sign)?)))
    }
}

impl Bound<'_> {
    /// Whether a version is inside.
    pub fn accepts(&self, version: &str) -> bool {
        match self.operator {
            Operator::Prefix => begins_with(version, self.version),
            // portage also wants the same text: `~1.0` is not 1.00.
            Operator::AnyRevision => without_revision(version) == without_revision(self.version),
            Operator::Less => compare(version, self.version).is_lt(),
            Operator::LessEqual => compare(version, self.version).is_le(),
            Operator::Equal => compare(version, self.version).is_eq(),
            Operator::GreaterEqual => compare(version, self.version).is_ge(),
            Operator::Greater => compare(version, self.version).is_gt(),
        }
    }
}

/// Whether `version` begins with the parts of `start`: `1.2*` has 1.2, 1.2.3 and 1.2-r1, but not 1.20. Zeros at the
/// start do not count.
fn begins_with(version: &str, start: &str) -> bool {
    let (version, start) = (without_zeros(version), without_zeros(start));
    let Some(rest) = version.1.strip_prefix(start.1).filter(|_| version.0 == start.0) else {
        return false;
    };
    let last_is_digit = start.1.bytes().last().is_none_or(|byte| byte.is_ascii_digit());
    match rest.bytes().next() {
        None | Some(b'.' | b'_' | b'-') => true,
        Some(next) => next.is_ascii_digit() != last_is_digit,
    }
}

/// Takes the zeros at the start away; says whether one is left in front of what does not go on with a digit.
fn without_zeros(text: &str) -> (bool, &str) {
    let rest = text.trim_start_matches('0');
    (!rest.starts_with(|first: char| first.is_ascii_digit()), rest)
}

impl<'a> Atom<'a> {
    /// Reads one atom.
    pub fn parse(text: &'a str) -> Result<Self, RelationError> {
        if text.len() > MAX_ATOM {
            return Err(RelationError::atom(text, "too long"));
        }
        let (blocker, rest) = if let Some(rest) = text.strip_prefix("!!") {
            (Blocker::Strong, rest)
        } else if let Some(rest) = text.strip_prefix('!') {
            (Blocker::Weak, rest)
        } else {
            (Blocker::No, text)
        };
        let (head, qualifier) = split_qualifier(rest);
        let (key, bound) = split_bound(head).map_err(|reason| RelationError::atom(text, reason))?;
        Ok(Self { blocker, key, bound, ..Self::qualified(qualifier, text)? })
    }

    /// Reads what stands behind the package and version of an atom: `:slot/sub=::repository[flag]`, or nothing.
    pub fn from_qualifier(qualifier: &'a str) -> Result<Self, RelationError> {
        Self::qualified(qualifier, qualifier)
    }

    fn qualified(qualifier: &'a str, text: &'a str) -> Result<Self, RelationError> {
        let bad = |reason| RelationError::atom(text, reason);
        let (rest, flags) = match qualifier.split_once('[') {
            Some((rest, flags)) => {
                let flags = flags.strip_suffix(']').ok_or_else(|| bad("bracket is not closed"))?;
                (rest, UseRequirement::parse_all(flags, text)?)
            }
            None => (qualifier, Vec::new()),
        };
        let (rest, repository) = match rest.split_once("::") {
            Some((rest, repository)) if is_repository(repository) => (rest, Some(repository)),
            Some(_) => return Err(bad("bad repository")),
            None => (rest, None),
        };
        let (slot, sub_slot, slot_operator) = match rest.strip_prefix(':') {
            Some(slot) => split_slot(slot).ok_or_else(|| bad("bad slot"))?,
            None if rest.is_empty() => (None, None, None),
            None => return Err(bad("bad slot")),
        };
        let (blocker, key, bound) = (Blocker::No, "", None);
        Ok(Self { text, blocker, key, bound, slot, sub_slot, slot_operator, repository, flags })
    }

    /// What stands behind the package and version, as it was written.
    pub fn qualifier(&self) -> &'a str {
        split_qualifier(self.text).1
    }

    /// The category.
    pub fn category(&self) -> &'a str {
        self.key.split_once('/').map_or("", |(category, _)| category)
    }

    /// Whether the slot and sub-slot of a package are those asked for.
    pub fn accepts_slot(&self, slot: &str, sub_slot: &str) -> bool {
        self.slot.is_none_or(|wanted| wanted == slot) && self.sub_slot.is_none_or(|wanted| wanted == sub_slot)
    }

    /// Whether the USE flags of a package are those asked for.
    pub fn accepts_flags(&self, package: &dyn BuiltWith) -> bool {
        self.flags.iter().all(|requirement| requirement.accepts(package))
    }

    /// The atom with what it asks on condition decided by the flags of the asking package.
    #[must_use]
    pub fn resolved(mut self, own: &dyn Fn(&str) -> bool) -> Self {
        self.flags = self.flags.into_iter().filter_map(|flag| flag.resolved(own(flag.flag))).collect();
        self
    }
}

impl fmt::Display for Atom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.blocker {
            Blocker::No => "",
            Blocker::Weak => "!",
            Blocker::Strong => "!!",
        })?;
        match self.bound {
            Some(Bound { operator, version }) => {
                let star = if operator == Operator::Prefix { "*" } else { "" };
                write!(f, "{}{}-{version}{star}", operator.sign(), self.key)?;
            }
            None => f.write_str(self.key)?,
        }
        if self.slot.is_some() || self.slot_operator.is_some() {
            write!(f, ":{}", self.slot.unwrap_or_default())?;
        }
        if let Some(sub_slot) = self.sub_slot {
            write!(f, "/{sub_slot}")?;
        }
        f.write_str(match self.slot_operator {
            Some(SlotOperator::Rebuild) => "=",
            Some(SlotOperator::Any) => "*",
            None => "",
        })?;
        if let Some(repository) = self.repository {
            write!(f, "::{repository}")?;
        }
        for (at, flag) in self.flags.iter().enumerate() {
            write!(f, "{}{flag}", if at == 0 { "[" } else { "," })?;
        }
        f.write_str(if self.flags.is_empty() { "" } else { "]" })
    }
}

/// Splits behind the package and version.
pub(in crate::portage) fn split_qualifier(text: &str) -> (&str, &str) {
    text.split_at(text.find([':', '[']).unwrap_or(text.len()))
}

/// `0`, `0/1`, `0/1=`, `=`, `*`.
fn split_slot(text: &str) -> Option<SlotParts<'_>> {
    if text == "*" {
        return Some((None, None, Some(SlotOperator::Any)));
    }
    let (rest, operator) = match text.strip_suffix('=') {
        Some("") => return Some((None, None, Some(SlotOperator::Rebuild))),
        Some(rest) => (rest, Some(SlotOperator::Rebuild)),
        None => (text, None),
    };
    let (slot, sub_slot) = match rest.split_once('/') {
        Some((slot, sub_slot)) => (slot, Some(sub_slot)),
        None => (rest, None),
    };
    (is_slot(slot) && sub_slot.is_none_or(is_slot)).then_some((Some(slot), sub_slot, operator))
}

fn split_bound(text: &str) -> Result<(&str, Option<Bound<'_>>), &'static str> {
    let Some((operator, rest)) = Operator::take(text) else {
        return if is_key(text) { Ok((text, None)) } else { Err("not a category and a package") };
    };
    let (rest, operator) = match rest.strip_suffix('*') {
        Some(rest) if operator == Operator::Equal => (rest, Operator::Prefix),
        Some(_) => return Err("`*` without `=`"),
        None => (rest, operator),
    };
    let (key, version) = split_cpv(rest).ok_or("no package and version after the operator")?;
    Ok((key, Some(Bound { operator, version })))
}
