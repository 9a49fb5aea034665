//! Boolean dependencies: `(a and b)`, `(a or b)`, `(a if b else c)`, `(a unless b)`, `(a with b)`, `(a without b)`.

use std::fmt;

use super::{Atom, Bound, RelationError, clip};

/// Parentheses may be nested this deep; packages use three.
const MAX_DEPTH: usize = 16;
/// Names that one dependency may have.
const MAX_ATOMS: usize = 1024;

/// Why a boolean dependency is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RichError {
    /// A parenthesis is not closed.
    #[error("a parenthesis is not closed")]
    Open,
    /// Nothing stands where an operand must be.
    #[error("an operand is missing")]
    NoOperand,
    /// A word that is none of the operators stands where one must be.
    #[error("a word is not an operator")]
    Operator,
    /// Different operators, or `without`, in one row without parentheses.
    #[error("operators are mixed without parentheses")]
    Mixed,
    /// Too many parentheses inside each other.
    #[error("parentheses are nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// Too many names.
    #[error("more than {MAX_ATOMS} names")]
    TooMany,
    /// An operand is not a name with an optional version.
    #[error("an operand is not a name with an optional version")]
    Operand,
}

/// What a package asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dependency<'a> {
    /// One name.
    Atom(Atom<'a>),
    /// All of them.
    And(Vec<Self>),
    /// At least one of them; the first is the favourite.
    Or(Vec<Self>),
    /// `then` when `condition` is fulfilled, else `otherwise`.
    If {
        /// Needed under the condition.
        then: Box<Self>,
        /// The condition.
        condition: Box<Self>,
        /// Needed without the condition; nothing when absent.
        otherwise: Option<Box<Self>>,
    },
    /// `then` and not `condition`, or `otherwise` and `condition`: what `(a unless b else c)` says.
    Unless {
        /// Meant without the condition.
        then: Box<Self>,
        /// The condition.
        condition: Box<Self>,
        /// Meant under the condition; nothing when absent.
        otherwise: Option<Box<Self>>,
    },
    /// One package that fulfils all of them.
    With(Vec<Self>),
    /// A package that fulfils the first and not the second.
    Without(Box<Self>, Box<Self>),
}

/// A word between operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    And,
    Or,
    If,
    Unless,
    Else,
    With,
    Without,
}

impl<'a> Dependency<'a> {
    /// Reads a dependency: boolean when it starts with a parenthesis, else one name.
    ///
    /// # Errors
    /// When it is malformed, nested too deep or too long.
    pub fn parse(text: &'a str) -> Result<Self, RelationError> {
        if !text.starts_with('(') {
            return Atom::parse(text).map(Self::Atom);
        }
        let mut parser = Parser { rest: text, atoms: 0 };
        let found = parser.group(0).map_err(|source| RelationError::Rich { text: clip(text), source })?;
        if parser.rest.trim_ascii().is_empty() { Ok(found) } else { Err(RelationError::Trailing(clip(text))) }
    }

    /// The dependency that metadata writes as a name and a bound.
    ///
    /// # Errors
    /// When the name is a malformed boolean dependency.
    pub fn from_parts(name: &'a str, bound: Option<Bound<'a>>) -> Result<Self, RelationError> {
        if name.starts_with('(') {
            Self::parse(name)
        } else {
            Ok(Self::Atom(Atom { name, bound, written: "" }))
        }
    }

    /// Calls `visit` with every name.
    pub fn atoms(&self, visit: &mut impl FnMut(&Atom<'a>)) {
        match self {
            Self::Atom(atom) => visit(atom),
            Self::And(all) | Self::Or(all) | Self::With(all) => {
                for one in all {
                    one.atoms(visit);
                }
            }
            Self::If { then, condition, otherwise } | Self::Unless { then, condition, otherwise } => {
                then.atoms(visit);
                condition.atoms(visit);
                if let Some(otherwise) = otherwise {
                    otherwise.atoms(visit);
                }
            }
            Self::Without(one, other) => {
                one.atoms(visit);
                other.atoms(visit);
            }
        }
    }
}

impl fmt::Display for Dependency<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |formatter: &mut fmt::Formatter<'_>, all: &[Self], word: &str| {
            formatter.write_str("(")?;
            for (at, one) in all.iter().enumerate() {
                formatter.write_str(if at == 0 { "" } else { word })?;
                one.fmt(formatter)?;
            }
            formatter.write_str(")")
        };
        match self {
            Self::Atom(atom) => atom.fmt(formatter),
            Self::And(all) => row(formatter, all, " and "),
            Self::Or(all) => row(formatter, all, " or "),
            Self::With(all) => row(formatter, all, " with "),
            Self::Without(one, other) => write!(formatter, "({one} without {other})"),
            Self::If { then, condition, otherwise: None } => write!(formatter, "({then} if {condition})"),
            Self::If { then, condition, otherwise: Some(other) } => {
                write!(formatter, "({then} if {condition} else {other})")
            }
            Self::Unless { then, condition, otherwise: None } => {
                write!(formatter, "({then} unless {condition})")
            }
            Self::Unless { then, condition, otherwise: Some(other) } => {
                write!(formatter, "({then} unless {condition} else {other})")
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    atoms: usize,
}

impl<'a> Parser<'a> {
    /// Reads `(operand [operator operand]...)`; the text starts with the parenthesis.
    fn group(&mut self, depth: usize) -> Result<Dependency<'a>, RichError> {
        if depth == MAX_DEPTH {
            return Err(RichError::TooDeep);
        }
        self.rest = &self.rest[1..];
        let first = self.operand(depth)?;
        let Some(word) = self.word()? else { return Ok(first) };
        let second = self.operand(depth)?;
        match word {
            Word::Else => Err(RichError::Operator),
            Word::And | Word::Or | Word::With => self.row(word, vec![first, second], depth),
            Word::Without => match self.word()? {
                None => Ok(Dependency::Without(first.into(), second.into())),
                Some(_) => Err(RichError::Mixed),
            },
            Word::If | Word::Unless => {
                let otherwise = match self.word()? {
                    None => None,
                    Some(Word::Else) => {
                        let other = self.operand(depth)?;
                        if self.word()?.is_some() {
                            return Err(RichError::Mixed);
                        }
                        Some(other.into())
                    }
                    Some(_) => return Err(RichError::Mixed),
                };
                let (then, condition) = (first.into(), second.into());
                Ok(match word {
                    Word::If => Dependency::If { then, condition, otherwise },
                    _ => Dependency::Unless { then, condition, otherwise },
                })
            }
        }
    }

    /// Reads more operands joined by `word`.
    fn row(
        &mut self,
        word: Word,
        mut all: Vec<Dependency<'a>>,
        depth: usize,
    ) -> Result<Dependency<'a>, RichError> {
        while let Some(next) = self.word()? {
            if next != word {
                return Err(RichError::Mixed);
            }
            all.push(self.operand(depth)?);
        }
        Ok(match word {
            Word::And => Dependency::And(all),
            Word::Or => Dependency::Or(all),
            _ => Dependency::With(all),
        })
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Reads an operator, or the closing parenthesis as `None`.
    fn word(&mut self) -> Result<Option<Word>, RichError> {
        self.skip_blanks();
        if let Some(rest) = self.rest.strip_prefix(')') {
            self.rest = rest;
            return Ok(None);
        }
        let end = self.rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(self.rest.len());
        let word = match &self.rest[..end] {
            "and" => Word::And,
            "or" => Word::Or,
            "if" => Word::If,
            "unless" => Word::Unless,
            "else" => Word::Else,
            "with" => Word::With,
            "without" => Word::Without,
            _ if self.rest.is_empty() => return Err(RichError::Open),
            _ => return Err(RichError::Operator),
        };
        self.rest = &self.rest[end..];
        Ok(Some(word))
    }

    fn operand(&mut self, depth: usize) -> Result<Dependency<'a>, RichError> {
        self.skip_blanks();
        if self.rest.starts_with('(') {
            return self.group(depth + 1);
        }
        self.atoms += 1;
        if self.atoms > MAX_ATOMS {
            return Err(RichError::TooMany);
        }
        let text = self.rest;
        let name = self.piece()?;
        if name.is_empty() {
            return Err(if text.is_empty() { RichError::Open } else { RichError::NoOperand });
        }
        let before_bound = self.rest;
        self.skip_blanks();
        let bounded = self.rest.starts_with(['<', '=', '>']);
        if bounded {
            let sign = self.rest.find(|c| !matches!(c, '<' | '=' | '>')).unwrap_or(self.rest.len());
            self.rest = &self.rest[sign..];
            self.skip_blanks();
            if self.piece()?.is_empty() {
                return Err(RichError::Operand);
            }
        } else {
            self.rest = before_bound;
        }
        let atom = &text[..text.len() - self.rest.len()];
        Atom::parse(atom).map(Dependency::Atom).map_err(|_| RichError::Operand)
    }

    /// Takes what stands before white space or the parenthesis that closes the group; `libc.so.6()(64bit)` has its own.
    fn piece(&mut self) -> Result<&'a str, RichError> {
        let mut open = 0_usize;
        let end = self.rest.bytes().position(|byte| match byte {
            b'(' => {
                open += 1;
                false
            }
            b')' if open == 0 => true,
            b')' => {
                open -= 1;
                false
            }
            _ => byte.is_ascii_whitespace(),
        });
        let (piece, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        // written out again, such a name would close where it does not
        if open == 0 { Ok(piece) } else { Err(RichError::Open) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dependency, RichError};

    #[test]
    fn a_name_closes_what_it_opens() {
        let text = "(libfoo.so.1()(64bit) or libfoo(x))";
        assert_eq!(Dependency::parse(text).expect("a dependency").to_string(), text);
        let open = Dependency::parse("((libfoo or libfoo(x\t) if bar)").expect_err("a name that stays open");
        assert!(format!("{open:?}").contains(&format!("{:?}", RichError::Open)), "{open:?}");
    }
}
