//! What an atom asks of the USE flags of the package that it names: `[foo,-bar,baz?,qux(+)]`.

use std::fmt;

use super::RelationError;
use crate::portage::name::is_flag;

/// What is asked of one flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// `foo`: it is on.
    On,
    /// `-foo`: it is off.
    Off,
    /// `foo?`: it is on if the asking package has it on.
    OnIfOwn,
    /// `!foo?`: it is off if the asking package has it off.
    OffIfOwn,
    /// `foo=`: it is as in the asking package.
    Same,
    /// `!foo=`: it is not as in the asking package.
    Opposite,
}

/// What counts for a package that does not know the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Such a package does not do.
    Refuse,
    /// `(+)`: as if it were on.
    On,
    /// `(-)`: as if it were off.
    Off,
}

/// One part of `[...]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseRequirement<'a> {
    /// The flag.
    pub flag: &'a str,
    /// What is asked of it.
    pub need: Need,
    /// What counts for a package without it.
    pub default: Default,
}

/// The USE flags of a built package.
pub trait BuiltWith {
    /// Whether the package knows the flag: it is in `IUSE` or implied by the profile.
    fn knows(&self, flag: &str) -> bool;
    /// Whether the flag is on.
    fn has(&self, flag: &str) -> bool;
}

impl<'a> UseRequirement<'a> {
    /// Reads one part, without commas.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (rest, mark) = match text.as_bytes().last()? {
            mark @ (b'?' | b'=') => (&text[..text.len() - 1], Some(mark)),
            _ => (text, None),
        };
        let (rest, default) = if let Some(rest) = rest.strip_suffix("(+)") {
            (rest, Default::On)
        } else if let Some(rest) = rest.strip_suffix("(-)") {
            (rest, Default::Off)
        } else {
            (rest, Default::Refuse)
        };
        let (flag, need) = match (rest.as_bytes().first()?, mark) {
            (b'-', None) => (&rest[1..], Need::Off),
            (b'!', Some(b'?')) => (&rest[1..], Need::OffIfOwn),
            (b'!', Some(_)) => (&rest[1..], Need::Opposite),
            (_, None) => (rest, Need::On),
            (_, Some(b'?')) => (rest, Need::OnIfOwn),
            (_, Some(_)) => (rest, Need::Same),
        };
        is_flag(flag).then_some(Self { flag, need, default })
    }

    /// Reads what stands between the brackets of an atom.
    pub(super) fn parse_all(text: &'a str, atom: &str) -> Result<Vec<Self>, RelationError> {
        let mut parts: Vec<Self> = Vec::new();
        for part in text.split(',') {
            let part = Self::parse(part).ok_or_else(|| RelationError::atom(atom, "bad USE requirement"))?;
            let differs = |other: &&Self| other.flag == part.flag && other.default != part.default;
            if parts.iter().any(|other| differs(&other)) {
                return Err(RelationError::atom(atom, "two defaults for one USE flag"));
            }
            parts.push(part);
        }
        Ok(parts)
    }

    /// What is left to ask when the flags of the asking package are known; `None` when nothing is.
    #[must_use]
    pub fn resolved(self, own: bool) -> Option<Self> {
        let need = match (self.need, own) {
            (Need::On, _) | (Need::OnIfOwn | Need::Same, true) | (Need::Opposite, false) => Need::On,
            (Need::Off, _) | (Need::OffIfOwn | Need::Same, false) | (Need::Opposite, true) => Need::Off,
            (Need::OnIfOwn, false) | (Need::OffIfOwn, true) => return None,
        };
        Some(Self { need, ..self })
    }

    /// Whether a package does. A condition on the asking package that was not [resolved](Self::resolved) asks nothing
    /// but that the flag is known.
    pub fn accepts(&self, package: &dyn BuiltWith) -> bool {
        let on = match (package.knows(self.flag), self.default) {
            (true, _) => package.has(self.flag),
            (false, Default::On) => true,
            (false, Default::Off) => false,
            (false, Default::Refuse) => return false,
        };
        match self.need {
            Need::On => on,
            Need::Off => !on,
            Need::OnIfOwn | Need::OffIfOwn | Need::Same | Need::Opposite => true,
        }
    }
}

impl fmt::Display for UseRequirement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = match self.need {
            Need::On => ("", ""),
            Need::Off => ("-", ""),
            Need::OnIfOwn => ("", "?"),
            Need::OffIfOwn => ("!", "?"),
            Need::Same => ("", "="),
            Need::Opposite => ("!", "="),
        };
        let default = match self.default {
            Default::Refuse => "",
            Default::On => "(+)",
            Default::Off => "(-)",
        };
        write!(f, "{before}{}{default}{after}", self.flag)
    }
}
