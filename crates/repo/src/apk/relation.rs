//! Dependencies as Alpine writes them: `name`, `so:libc.musl-x86_64.so.1`, `pkg>=1.2`, `pkg~3`, `!pkg`, `pkg@tag`.

use std::cmp::Ordering;
use std::fmt;

use super::version::{self, VersionError};

/// How a version is bounded: which results of the comparison are inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operator(u8);

impl Operator {
    const LESS_BIT: u8 = 1;
    const EQUAL_BIT: u8 = 2;
    const GREATER_BIT: u8 = 4;
    const FUZZY_BIT: u8 = 8;

    /// `<`
    pub const LESS: Self = Self(Self::LESS_BIT);
    /// `<=`
    pub const LESS_EQUAL: Self = Self(Self::LESS_BIT | Self::EQUAL_BIT);
    /// `=`
    pub const EQUAL: Self = Self(Self::EQUAL_BIT);
    /// `>=`
    pub const GREATER_EQUAL: Self = Self(Self::GREATER_BIT | Self::EQUAL_BIT);
    /// `>`
    pub const GREATER: Self = Self(Self::GREATER_BIT);
    /// `~`: equal as far as the bound goes.
    pub const FUZZY: Self = Self(Self::EQUAL_BIT | Self::FUZZY_BIT);
    /// `<~`: less, or equal as far as the bound goes.
    pub const LESS_FUZZY: Self = Self(Self::LESS_BIT | Self::EQUAL_BIT | Self::FUZZY_BIT);
    /// `>~`: greater, or equal as far as the bound goes.
    pub const GREATER_FUZZY: Self = Self(Self::GREATER_BIT | Self::EQUAL_BIT | Self::FUZZY_BIT);
    /// `><`: the bound is not a version but the checksum of one package.
    pub const CHECKSUM: Self = Self(Self::LESS_BIT | Self::GREATER_BIT);

    /// Reads a sign; its characters may stand in any order, as `=<` for `<=`.
    pub fn parse(sign: &str) -> Option<Self> {
        let bits = sign.bytes().try_fold(0, |bits, byte| {
            Some(
                bits | match byte {
                    b'<' => Self::LESS_BIT,
                    b'=' => Self::EQUAL_BIT,
                    b'>' => Self::GREATER_BIT,
                    b'~' => Self::EQUAL_BIT | Self::FUZZY_BIT,
                    _ => return None,
                },
            )
        })?;
        // `<>=` bounds nothing, and `~` with both `<` and `>` neither.
        let meaningless = bits == 0 || bits & 7 == 7;
        (!meaningless).then_some(Self(bits))
    }

    /// The sign as apk writes it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::LESS => "<",
            Self::LESS_EQUAL => "<=",
            Self::EQUAL => "=",
            Self::GREATER_EQUAL => ">=",
            Self::GREATER => ">",
            Self::FUZZY => "~",
            Self::LESS_FUZZY => "<~",
            Self::GREATER_FUZZY => ">~",
            _ => "><",
        }
    }

    /// Whether `version` is inside of `bound`. A checksum accepts no version: who has the package compares it.
    pub fn accepts(self, version: &str, bound: &str) -> bool {
        if self == Self::CHECKSUM {
            return false;
        }
        let fuzzy = self.0 & Self::FUZZY_BIT != 0;
        let order =
            if fuzzy { version::compare_fuzzy(version, bound) } else { version::compare(version, bound) };
        let bit = match order {
            Ordering::Less => Self::LESS_BIT,
            Ordering::Equal => Self::EQUAL_BIT,
            Ordering::Greater => Self::GREATER_BIT,
        };
        self.0 & bit != 0
    }
}

/// Why a dependency cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// No name where one must be, or one with a character that names do not have.
    #[error("`{0}` does not start with a package name")]
    Name(String),
    /// The sign between name and version is none.
    #[error("`{0}` has an unknown sign before its version")]
    Sign(String),
    /// The version is none.
    #[error("`{text}` has no proper version")]
    Version {
        /// The dependency.
        text: String,
        /// What is wrong.
        source: VersionError,
    },
    /// A repository tag where none may be: only the list of wanted packages has tags.
    #[error("`{0}` has a repository tag, which packages cannot have")]
    Tag(String),
    /// What a package provides has no version or exactly one.
    #[error("`{0}` is not something that a package can provide")]
    Provided(String),
}

/// A dependency, borrowed from the field's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dependency<'a> {
    /// `!`: what fits must not be there.
    pub conflict: bool,
    /// Name of a package or of something provided, such as `so:libz.so.1`, `cmd:ls` or `/bin/sh`.
    pub name: &'a str,
    /// The repository tag after `@`, which only the list of wanted packages can have.
    pub tag: Option<&'a str>,
    /// Bound on the version, or the checksum of the package for [`Operator::CHECKSUM`].
    pub bound: Option<(Operator, &'a str)>,
}

impl<'a> Dependency<'a> {
    /// Reads a dependency of a package. A version that only begins as one is read as apk 2 reads it: Alpine's indexes have
    /// `librasterlite2=1.1.0b1-r7`, and every text has a place in the order.
    ///
    /// # Errors
    /// When it is malformed or has a tag.
    pub fn parse(text: &'a str) -> Result<Self, RelationError> {
        let dependency = Self::read(text, |error| matches!(error, VersionError::Part { .. }))?;
        if dependency.tag.is_some() {
            return Err(RelationError::Tag(clip(text)));
        }
        Ok(dependency)
    }

    /// Reads a line of `/etc/apk/world`: a dependency that may have a repository tag, as `pkg@edge>=1`.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse_wanted(text: &'a str) -> Result<Self, RelationError> {
        Self::read(text, |_| false)
    }

    fn read(text: &'a str, pardon: impl Fn(VersionError) -> bool) -> Result<Self, RelationError> {
        let (conflict, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let is_sign = |c: char| matches!(c, '<' | '>' | '=' | '~');
        let (name, bound) = match rest.find(is_sign) {
            None => (rest, None),
            Some(at) => {
                let (name, bound) = rest.split_at(at);
                let version = bound.trim_start_matches(is_sign);
                let sign = Operator::parse(&bound[..bound.len() - version.len()])
                    .ok_or_else(|| RelationError::Sign(clip(text)))?;
                (name, Some((sign, version)))
            }
        };
        let (name, tag) = name.split_once('@').map_or((name, None), |(name, tag)| (name, Some(tag)));
        if !is_name(name) || tag.is_some_and(|tag| !is_name(tag)) {
            return Err(RelationError::Name(clip(text)));
        }
        if let Some((sign, version)) = bound
            && sign != Operator::CHECKSUM
            && let Err(source) = version::validate(version)
            && !pardon(source)
        {
            return Err(RelationError::Version { text: clip(text), source });
        }
        Ok(Self { conflict, name, tag, bound })
    }

    /// Whether a package or provision of this name with `version` is inside the bound. As in apk, one without version is
    /// inside of every bound.
    pub fn accepts(&self, version: Option<&str>) -> bool {
        match (self.bound, version) {
            (None, _) | (_, None) => true,
            (Some((operator, bound)), Some(version)) => operator.accepts(version, bound),
        }
    }
}

impl fmt::Display for Dependency<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.conflict { "!" } else { "" };
        write!(f, "{mark}{}", self.name)?;
        if let Some(tag) = self.tag {
            write!(f, "@{tag}")?;
        }
        self.bound.map_or(Ok(()), |(operator, version)| write!(f, "{}{version}", operator.sign()))
    }
}

/// Something that a package provides: a name, with a version or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Provision<'a> {
    /// The name.
    pub name: &'a str,
    /// The version; without one, several packages may provide the name at the same time.
    pub version: Option<&'a str>,
}

impl<'a> Provision<'a> {
    /// Reads `name` or `name=version`. The version is not checked: Alpine's indexes have `so:libphobos2.so.0.104.o=0.104.o`,
    /// and every text has a place in the order.
    ///
    /// # Errors
    /// When it is malformed or has another sign.
    pub fn parse(text: &'a str) -> Result<Self, RelationError> {
        let (name, version) =
            text.split_once('=').map_or((text, None), |(name, version)| (name, Some(version)));
        let fits = is_name(name) && !name.starts_with('!') && version.is_none_or(is_name);
        if fits { Ok(Self { name, version }) } else { Err(RelationError::Provided(clip(text))) }
    }
}

/// The words of a field: white space separates them.
pub fn words(field: &str) -> impl Iterator<Item = &str> {
    field.split_ascii_whitespace()
}

/// Whether `name` can be depended on. Generated names such as `cmd:[` have any character but white space, control characters
/// and those with a meaning, `<>=~@`.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && !"<>=~@".contains(c);
    !name.is_empty() && name.chars().all(fits)
}

/// Whether `name` can be a package's own, and the first part of its file name: letters, digits and `+-._`, the first of
/// them no `-` or `+` (apk-package(5) wants a letter or digit there; `apk add --virtual` makes names with a dot).
pub fn is_package_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    let first = name.bytes().next();
    first.is_some_and(|first| !matches!(first, b'-' | b'+'))
        && name.bytes().all(fits)
        && !matches!(name, "." | "..")
}

fn clip(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_and_written() {
        for text in [
            "musl",
            "musl>=1.2",
            "musl<2",
            "musl<=2-r0",
            "musl=1.2.3-r4",
            "musl>1",
            "musl~1.2",
            "musl<~1.2",
            "musl>~1.2",
            "!musl",
            "!musl>1",
            "so:libc.musl-x86_64.so.1",
            "so:libz.so.1=1.3.1",
            "cmd:[",
            "cmd:kdevelop!=23.08.4-r0",
            "/bin/sh",
            "pc:zlib>=1.2.11",
            "py3.11:foo",
            ".virtual=20190603.131426",
            "a><Q1EyN5AdpAOBJWKMR89pp/C66o+OE=",
        ] {
            let dependency = Dependency::parse(text).unwrap();
            assert_eq!(dependency.to_string(), text);
            assert_eq!(dependency.conflict, text.starts_with('!'));
        }
        for (text, plain) in [("a=>1", "a>=1"), ("a==1", "a=1"), ("a~=1", "a~1"), ("a>=~1", "a>~1")] {
            assert_eq!(Dependency::parse(text).unwrap().to_string(), plain);
        }
        let wanted = Dependency::parse_wanted("a@edge>=1").unwrap();
        assert_eq!(
            (wanted.name, wanted.tag, wanted.to_string()),
            ("a", Some("edge"), "a@edge>=1".to_owned())
        );
    }

    #[test]
    fn what_is_no_dependency_says_why() {
        use RelationError as E;
        let version = |text: &str, source| E::Version { text: text.to_owned(), source };
        for (text, error) in [
            ("", E::Name(String::new())),
            ("!", E::Name("!".into())),
            (">1", E::Name(">1".into())),
            ("a b", E::Name("a b".into())),
            ("a\u{1b}[0m", E::Name("a\u{1b}[0m".into())),
            ("a<>=1", E::Sign("a<>=1".into())),
            ("a@b", E::Tag("a@b".into())),
            ("a=", version("a=", VersionError::Empty)),
            ("a==", version("a==", VersionError::Empty)),
            ("a=invalid", version("a=invalid", VersionError::Start)),
        ] {
            assert_eq!(Dependency::parse(text), Err(error));
        }
        let error = version("a=1.0b1", VersionError::Part { at: 4 });
        assert_eq!(Dependency::parse_wanted("a=1.0b1"), Err(error));
        assert!(Dependency::parse("a=1.0b1").unwrap().accepts(Some("1.0b1")));
        for text in ["!a", "a>1", "a~1", "!a=1", "a=", "a==1", "=1"] {
            assert_eq!(Provision::parse(text), Err(E::Provided(text.to_owned())));
        }
        assert!(matches!(Dependency::parse_wanted("a@"), Err(E::Name(_))));
    }

    #[test]
    fn bounds_and_versions() {
        let accepts = |text, version| Dependency::parse(text).unwrap().accepts(version);
        assert!(accepts("a", None) && accepts("a", Some("1")));
        assert!(accepts("a>1", None) && accepts("a>1", Some("2")) && !accepts("a>1", Some("1")));
        assert!(accepts("a~1.2", Some("1.2.3-r1")) && !accepts("a~1.2", Some("1.20")));
        assert!(accepts("a>~1.2", Some("1.2_alpha")) && !accepts("a>1.2", Some("1.2_alpha")));
        assert!(!accepts("a><Q1AA=", Some("1")));
    }

    #[test]
    fn names_of_packages_are_safe_file_names() {
        for name in ["a", "7zip", "libstdc++", ".virtual", "_x", "py3-ruamel.yaml"] {
            assert!(is_package_name(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "../a", "-a", "a:b", "a b", "ä", "a\n"] {
            assert!(!is_package_name(name), "{name}");
        }
    }
}
