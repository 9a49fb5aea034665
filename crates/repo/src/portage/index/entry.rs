//! One build of one version.

use std::borrow::Cow;

use super::scan::Fields;
use super::{Header, Implied, IndexError};
use crate::portage::name::{is_flag, is_repository, is_slot, split_cpv};
use crate::portage::relation::{Atom, BuiltWith, Node, RelationError, parse, reduce};

/// When a dependency must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyClass {
    /// `BDEPEND`: to build the package, on the machine that builds.
    Build,
    /// `DEPEND`: to build the package, in the tree that it is built against.
    BuildTarget,
    /// `IDEPEND`: to install it.
    Install,
    /// `RDEPEND`: to run it.
    Run,
    /// `PDEPEND`: to run it, but not necessarily before it is installed.
    Post,
}

/// One build, borrowed from the text of the index.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// `category/package`.
    pub key: &'a str,
    /// Version with revision.
    pub version: &'a str,
    /// `BUILD_ID`: counts the builds of one version; 0 when the host keeps one build only.
    pub build_id: u32,
    /// `BUILD_TIME`, seconds since the Unix epoch.
    pub build_time: u64,
    /// Slot.
    pub slot: &'a str,
    /// Sub-slot; the slot when none is named.
    pub sub_slot: &'a str,
    /// `EAPI`.
    pub eapi: &'a str,
    /// Path of the archive below the URI of the header.
    pub path: Cow<'a, str>,
    /// Bytes of the archive.
    pub size: u64,
    /// Digest of the archive.
    pub sha1: Option<[u8; 20]>,
    /// Digest of the archive.
    pub md5: Option<[u8; 16]>,
    /// `USE`: flags that were on.
    pub use_flags: &'a str,
    /// `IUSE`: flags that the package knows, with their default sign.
    pub iuse: &'a str,
    /// `KEYWORDS`.
    pub keywords: &'a str,
    /// `LICENSE`.
    pub license: &'a str,
    /// `DESC`; most hosts leave it out.
    pub description: &'a str,
    /// `REPO`: the ebuild repository that it was built from.
    pub repository: &'a str,
    /// `CHOST` that it was built for.
    pub chost: &'a str,
    /// `PROPERTIES`.
    pub properties: &'a str,
    /// `RESTRICT`.
    pub restrict: &'a str,
    /// `DEFINED_PHASES`: which of its scripts there are.
    pub phases: &'a str,
    /// `PROVIDES`: sonames that it has.
    pub provides: &'a str,
    /// `REQUIRES`: sonames that it links with.
    pub requires: &'a str,
    dependencies: [&'a str; 5],
}

impl<'a> Entry<'a> {
    pub(super) fn read(fields: &Fields<'a>, header: &Header<'a>) -> Result<Self, IndexError> {
        let reader = FieldReader { fields, entry: fields.get("CPV").unwrap_or("an entry") };
        let (key, version) = reader.package()?;
        let slot = fields.get("SLOT").unwrap_or("0");
        let (slot, sub_slot) = slot.split_once('/').unwrap_or((slot, slot));
        if !is_slot(slot) || !is_slot(sub_slot) {
            return Err(reader.bad("SLOT", fields.text("SLOT")));
        }
        let build_id = match reader.number("BUILD_ID")?.map(u32::try_from) {
            Some(Ok(number)) => number,
            Some(Err(_)) => return Err(reader.bad("BUILD_ID", fields.text("BUILD_ID"))),
            None => 0,
        };
        let either = |short, long| fields.get(short).unwrap_or_else(|| fields.text(long));
        let repository = Some(either("REPO", "repository")).filter(|name| !name.is_empty());
        if let Some(strange) = repository.filter(|name| !is_repository(name)) {
            return Err(reader.bad("REPO", strange));
        }
        Ok(Self {
            key,
            version,
            build_id,
            build_time: reader.number("BUILD_TIME")?.unwrap_or(0),
            slot,
            sub_slot,
            eapi: fields.get("EAPI").unwrap_or("0"),
            path: reader.path(key, version)?,
            size: reader.number("SIZE")?.ok_or_else(|| reader.missing("SIZE"))?,
            sha1: reader.digest("SHA1")?,
            md5: reader.digest("MD5")?,
            use_flags: reader.flags("USE")?,
            iuse: reader.flags("IUSE")?,
            keywords: fields.text("KEYWORDS"),
            license: fields.text("LICENSE"),
            description: either("DESC", "DESCRIPTION"),
            repository: repository.unwrap_or(header.repository),
            chost: fields.get("CHOST").unwrap_or(header.chost),
            properties: fields.text("PROPERTIES"),
            restrict: fields.text("RESTRICT"),
            phases: fields.text("DEFINED_PHASES"),
            provides: fields.text("PROVIDES"),
            requires: fields.text("REQUIRES"),
            dependencies: ["BDEPEND", "DEPEND", "IDEPEND", "RDEPEND", "PDEPEND"].map(|key| fields.text(key)),
        })
    }

    /// Package and version: `dev-libs/glib-2.80.5`.
    pub fn cpv(&self) -> String {
        format!("{}-{}", self.key, self.version)
    }

    /// The text of a dependency field.
    pub fn dependency_text(&self, class: DependencyClass) -> &'a str {
        self.dependencies[class as usize]
    }

    /// The dependencies of a class as they stand for the flags that this build has on.
    pub fn dependencies(&self, class: DependencyClass) -> Result<Vec<Node<'a, Atom<'a>>>, RelationError> {
        Ok(reduce(parse(self.dependency_text(class))?, &|flag| self.enabled(flag)))
    }

    /// Whether a flag was on in this build.
    pub fn enabled(&self, flag: &str) -> bool {
        self.use_flags.split_ascii_whitespace().any(|other| other == flag)
    }

    /// Its flags as other packages may ask for them.
    pub fn built_with<'e>(&'e self, implied: &'e Implied) -> impl BuiltWith {
        EntryFlags { entry: self, implied }
    }

    /// The sonames of [`Self::provides`] or [`Self::requires`].
    pub fn sonames(text: &'a str) -> Sonames<'a> {
        Sonames { words: text.split_ascii_whitespace(), category: "" }
    }

    /// Whether the archive is of the newer format (GLEP 78), as its name says.
    pub fn is_gpkg(&self) -> bool {
        self.path.ends_with(".gpkg.tar")
    }
}

/// The flags of an entry, with those that the profile implies.
struct EntryFlags<'e, 'a> {
    entry: &'e Entry<'a>,
    implied: &'e Implied,
}

impl BuiltWith for EntryFlags<'_, '_> {
    fn knows(&self, flag: &str) -> bool {
        let mut own = self.entry.iuse.split_ascii_whitespace().map(without_sign);
        own.any(|other| other == flag) || self.implied.has(flag)
    }

    fn has(&self, flag: &str) -> bool {
        self.entry.enabled(flag)
    }
}

/// A flag of `IUSE` without the sign that gives its default.
fn without_sign(flag: &str) -> &str {
    flag.strip_prefix(['+', '-']).unwrap_or(flag)
}

/// Sonames, each with its multilib category: `x86_64: liba.so.1 libb.so.2 x86_32: liba.so.1`.
#[derive(Debug, Clone)]
pub struct Sonames<'a> {
    words: std::str::SplitAsciiWhitespace<'a>,
    category: &'a str,
}

impl<'a> Iterator for Sonames<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let word = self.words.next()?;
            match word.strip_suffix(':') {
                Some(category) => self.category = category,
                None => return Some((self.category, word)),
            }
        }
    }
}

/// Reads the fields of one entry and names it in errors.
struct FieldReader<'f, 'a> {
    fields: &'f Fields<'a>,
    entry: &'a str,
}

impl<'a> FieldReader<'_, 'a> {
    fn bad(&self, field: &'static str, value: &str) -> IndexError {
        IndexError::Value { entry: self.entry.to_owned(), field, value: value.chars().take(80).collect() }
    }

    fn missing(&self, field: &'static str) -> IndexError {
        IndexError::Missing { entry: self.entry.to_owned(), field }
    }

    fn package(&self) -> Result<(&'a str, &'a str), IndexError> {
        let cpv = self.fields.get("CPV").ok_or_else(|| self.missing("CPV"))?;
        let (key, version) = split_cpv(cpv).ok_or_else(|| self.bad("CPV", cpv))?;
        let agrees = |field: &'static str, expected: &str| match self.fields.get(field) {
            Some(value) if value != expected => Err(self.bad(field, value)),
            _ => Ok(()),
        };
        let (category, file) = cpv.split_once('/').unwrap_or_default();
        agrees("CATEGORY", category)?;
        agrees("PF", file)?;
        Ok((key, version))
    }

    fn number(&self, field: &'static str) -> Result<Option<u64>, IndexError> {
        let read = |text: &str| text.parse().map_err(|_| self.bad(field, text));
        self.fields.get(field).map(read).transpose()
    }

    /// The archive's path; hosts that keep one build per version may leave it out.
    fn path(&self, key: &str, version: &str) -> Result<Cow<'a, str>, IndexError> {
        let Some(path) = self.fields.get("PATH") else {
            return Ok(Cow::Owned(format!("{key}-{version}.tbz2")));
        };
        let safe = |part: &str| !part.is_empty() && part != "." && part != "..";
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\%?#".contains(&byte));
        if path.len() > 1024 || !plain || !path.split('/').all(safe) {
            return Err(self.bad("PATH", path));
        }
        Ok(Cow::Borrowed(path))
    }

    fn digest<const N: usize>(&self, field: &'static str) -> Result<Option<[u8; N]>, IndexError> {
        let Some(text) = self.fields.get(field) else { return Ok(None) };
        let mut digest = [0; N];
        hex::decode_to_slice(text, &mut digest).map_err(|_| self.bad(field, text))?;
        Ok(Some(digest))
    }

    fn flags(&self, field: &'static str) -> Result<&'a str, IndexError> {
        let text = self.fields.text(field);
        match text.split_ascii_whitespace().map(without_sign).find(|flag| !is_flag(flag)) {
            Some(strange) => Err(self.bad(field, strange)),
            None => Ok(text),
        }
    }
}
