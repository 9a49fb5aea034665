//! Dependencies: what a package asks of others (Package Manager Specification, chapter 8).
//!
//! - [`Atom`] names packages: `>=dev-libs/glib-2.68:2=[introspection]`, `!!<sys-apps/sandbox-2.21`.
//! - [`Node`] is an expression of them: all of, any of (`|| ( )`), only with a USE flag (`flag? ( )`), and the groups that
//!   only `REQUIRED_USE` has (`^^ ( )`, `?? ( )`).
//! - [`UseRequirement`] is what an atom asks of the USE flags that a package was built with.

mod atom;
mod expression;
mod use_flags;

pub(in crate::portage) use atom::split_qualifier;
pub use atom::{Atom, Blocker, Bound, Operator, SlotOperator};
pub use expression::{FlagTest, Node, atoms, flags, parse, parts, reduce, words};
pub use use_flags::{BuiltWith, Default, Need, UseRequirement};

/// Why a dependency cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// A word that is no atom.
    #[error("`{text}` is not a dependency: {reason}")]
    Atom {
        /// The word, cut after 200 bytes.
        text: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A group or its brackets are wrong.
    #[error("dependency expression is malformed: {reason}")]
    Form {
        /// What is wrong.
        reason: &'static str,
    },
    /// Deeper groups than any honest package has.
    #[error("dependency expression is nested too deep")]
    Depth,
    /// A longer expression than any honest package has.
    #[error("dependency expression is too long")]
    TooLong,
}

impl RelationError {
    fn atom(text: &str, reason: &'static str) -> Self {
        Self::Atom { text: text.chars().take(200).collect(), reason }
    }
}
