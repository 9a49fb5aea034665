//! Packages as `APKINDEX` and the installed database describe them: a stanza of `X:value` lines, a letter for each field.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::relation::{self, Dependency, Provision, RelationError, words};

/// Why a stanza cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StanzaError {
    /// A line that is not `X:value`.
    #[error("line {line} is not a letter, a colon and a value: `{text}`")]
    Line {
        /// Line number from 1.
        line: usize,
        /// The start of the line, escaped.
        text: String,
    },
    /// A field that may stand once stands twice.
    #[error("line {line} repeats the field `{field}`")]
    Repeated {
        /// Line number from 1.
        line: usize,
        /// The field.
        field: char,
    },
    /// A value that the field cannot have.
    #[error("line {line} has a bad field `{field}`: `{text}`")]
    Value {
        /// Line number from 1.
        line: usize,
        /// The field.
        field: char,
        /// The start of the value, escaped.
        text: String,
    },
    /// A package without a name or version.
    #[error("the package that ends at line {line} has no field `{field}`")]
    Missing {
        /// Line number from 1.
        line: usize,
        /// The field.
        field: char,
    },
    /// Two packages with the same name and version.
    #[error("`{package}` is there twice")]
    Duplicate {
        /// Name and version.
        package: String,
    },
}

/// A digest as Alpine writes it: `Q1` and SHA-1, or `Q2` and SHA-256, in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl FromStr for Checksum {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, digits) = text.split_at_checked(2).ok_or(())?;
        let bytes = STANDARD.decode(digits).map_err(|_| ())?;
        match kind {
            "Q1" => bytes.try_into().map(Self::Sha1).map_err(|_| ()),
            "Q2" => bytes.try_into().map(Self::Sha256).map_err(|_| ()),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha1(bytes) => write!(f, "Q1{}", STANDARD.encode(bytes)),
            Self::Sha256(bytes) => write!(f, "Q2{}", STANDARD.encode(bytes)),
        }
    }
}

/// Why a package is listed but cannot be installed: apk keeps it in the index, too, and only refuses to choose it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// One of its dependencies cannot be read.
    #[error("one of its dependencies cannot be read")]
    Depends(#[source] RelationError),
    /// It has a field that a newer apk must know.
    #[error("it has the field `{0}`, which only a newer apk understands")]
    Field(char),
}

/// A package, borrowed from the text that describes it. Fields that are not there are empty or 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package<'a> {
    /// `C`: digest of the package's control member, compressed as it is.
    pub checksum: Option<Checksum>,
    /// `P`: name, which is safe in a file name.
    pub name: &'a str,
    /// `V`: version, which is safe in a file name. Alpine has some that its own rules do not know, such as `0.99f7`: they have a
    /// place in the order all the same.
    pub version: &'a str,
    /// `A`: architecture, such as `x86_64` or `noarch`.
    pub arch: &'a str,
    /// `S`: bytes of the package file.
    pub size: u64,
    /// `I`: bytes of the installed files, about.
    pub installed_size: u64,
    /// `T`: one line that says what it is.
    pub description: &'a str,
    /// `U`: home page.
    pub url: &'a str,
    /// `L`: licence.
    pub license: &'a str,
    /// `o`: source package.
    pub origin: &'a str,
    /// `m`: maintainer.
    pub maintainer: &'a str,
    /// `t`: when it was built, seconds since 1970.
    pub build_time: u64,
    /// `c`: commit of the recipe.
    pub commit: &'a str,
    /// `k`: priority among the packages that provide the same name without version; 0 is never chosen by itself.
    pub provider_priority: u64,
    /// `D`: dependencies, as written.
    pub depends: &'a str,
    /// `p`: provisions, as written.
    pub provides: &'a str,
    /// `i`: what must be there so that this package is installed by itself, as written.
    pub install_if: &'a str,
    /// `r`: packages whose files it may overwrite, as written. Only the installed database has it.
    pub replaces: &'a str,
    /// `q`: priority when two packages may overwrite each other's files. Only the installed database has it.
    pub replaces_priority: u64,
    /// Why it cannot be installed.
    pub broken: Option<Broken>,
}

impl<'a> Package<'a> {
    /// Dependencies and conflicts. None for a package whose dependencies cannot be read: it is [`Package::broken`].
    pub fn depends(&self) -> impl Iterator<Item = Dependency<'a>> + use<'a> {
        words(self.depends).filter_map(|word| Dependency::parse(word).ok())
    }

    /// What it provides besides its own name. As in apk, words that cannot be read count as absent.
    pub fn provides(&self) -> impl Iterator<Item = Provision<'a>> + use<'a> {
        words(self.provides).filter_map(|word| Provision::parse(word).ok())
    }

    /// The conditions under which it is installed by itself. As in apk, none when one cannot be read.
    pub fn install_if(&self) -> Vec<Dependency<'a>> {
        words(self.install_if).map(Dependency::parse).collect::<Result<_, _>>().unwrap_or_default()
    }

    /// Packages whose files it may overwrite.
    pub fn replaces(&self) -> impl Iterator<Item = Dependency<'a>> + use<'a> {
        words(self.replaces).filter_map(|word| Dependency::parse(word).ok())
    }

    /// Name of the package file.
    pub fn file_name(&self) -> String {
        format!("{}-{}.apk", self.name, self.version)
    }
}

/// A line of a stanza.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub number: usize,
    pub field: u8,
    pub value: &'a str,
}

impl<'a> Line<'a> {
    /// Reads `text`; `None` for a line that separates stanzas.
    pub(super) fn parse(number: usize, text: &'a str) -> Result<Option<Self>, StanzaError> {
        match text.as_bytes() {
            [] => Ok(None),
            [field, b':', ..] if field.is_ascii_alphabetic() => {
                Ok(Some(Self { number, field: *field, value: &text[2..] }))
            }
            _ => Err(StanzaError::Line { line: number, text: shown(text) }),
        }
    }

    pub(super) fn bad(&self) -> StanzaError {
        StanzaError::Value { line: self.number, field: char::from(self.field), text: shown(self.value) }
    }

    pub(super) fn number<T: FromStr>(&self) -> Result<T, StanzaError> {
        let plain = !self.value.is_empty() && self.value.bytes().all(|byte| byte.is_ascii_digit());
        self.value.parse().ok().filter(|_| plain).ok_or_else(|| self.bad())
    }

    pub(super) fn checksum(&self) -> Result<Checksum, StanzaError> {
        self.value.parse().map_err(|()| self.bad())
    }

    /// The value, which shows on one line of a terminal and no more.
    fn text(&self) -> Result<&'a str, StanzaError> {
        if self.value.chars().any(char::is_control) { Err(self.bad()) } else { Ok(self.value) }
    }
}

/// Fills one package from its lines.
#[derive(Debug, Default)]
pub(super) struct Builder<'a> {
    package: Package<'a>,
    /// The fields seen, a bit for each letter.
    seen: u64,
}

impl<'a> Builder<'a> {
    /// Whether no line has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// Takes a line. Fields of the files of an installed package are none of it.
    pub(super) fn add(&mut self, line: Line<'a>) -> Result<(), StanzaError> {
        let bit = 1 << (line.field - b'A');
        if self.seen & bit != 0 {
            return Err(StanzaError::Repeated { line: line.number, field: char::from(line.field) });
        }
        self.seen |= bit;
        let package = &mut self.package;
        match line.field {
            b'C' => package.checksum = Some(line.checksum()?),
            b'P' => {
                package.name = Some(line.value)
                    .filter(|name| relation::is_package_name(name))
                    .ok_or_else(|| line.bad())?;
            }
            b'V' => self.version(line)?,
            b'A' => package.arch = line.text()?,
            b'S' => package.size = line.number()?,
            b'I' => package.installed_size = line.number()?,
            b'T' => package.description = line.text()?,
            b'U' => package.url = line.text()?,
            b'L' => package.license = line.text()?,
            b'o' => package.origin = line.text()?,
            b'm' => package.maintainer = line.text()?,
            b't' => package.build_time = line.number()?,
            b'c' => package.commit = line.text()?,
            b'k' => package.provider_priority = line.number()?,
            b'D' => self.depends(line)?,
            b'p' => package.provides = line.text()?,
            b'i' => package.install_if = line.text()?,
            b'r' => package.replaces = line.text()?,
            b'q' => package.replaces_priority = line.number()?,
            // What a small letter says can be ignored, what a capital says must be understood (apk's own rule).
            field if field.is_ascii_lowercase() => {}
            field => self.package.broken = Some(Broken::Field(char::from(field))),
        }
        Ok(())
    }

    fn version(&mut self, line: Line<'a>) -> Result<(), StanzaError> {
        let version = line.value;
        if !is_safe_version(version) {
            return Err(line.bad());
        }
        self.package.version = version;
        Ok(())
    }

    fn depends(&mut self, line: Line<'a>) -> Result<(), StanzaError> {
        self.package.depends = line.text()?;
        if let Some(source) = words(line.value).find_map(|word| Dependency::parse(word).err()) {
            self.package.broken = Some(Broken::Depends(source));
        }
        Ok(())
    }

    /// The package, whose last line was `line`.
    pub(super) fn finish(&mut self, line: usize) -> Result<Package<'a>, StanzaError> {
        let package = std::mem::take(self).package;
        let missing =
            [(package.name, 'P'), (package.version, 'V')].into_iter().find(|(value, _)| value.is_empty());
        match missing {
            Some((_, field)) => Err(StanzaError::Missing { line, field }),
            None => Ok(package),
        }
    }
}

/// Whether a version, good or bad, can be part of a file name.
pub(super) fn is_safe_version(version: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~".contains(&byte);
    !version.is_empty() && version.bytes().all(safe)
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect::<String>().escape_debug().to_string()
}
