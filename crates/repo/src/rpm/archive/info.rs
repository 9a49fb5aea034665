//! What the header says about a package: its name, its version, what it needs.

use std::io::Read;

use super::header::{Header, HeaderError};
use super::tags::{self, Tag};
use super::{ArchiveError, Rpm};
use crate::rpm::primary::{Entry, Field};
use crate::rpm::relation::{Bound, Operator};
use crate::rpm::version::Evr;

/// Bits of a dependency's flags (`rpmsenseFlags` of rpm).
const LESS: u64 = 1 << 1;
const GREATER: u64 = 1 << 2;
const EQUAL: u64 = 1 << 3;
/// Needed before the files are there: the old mark, or a script that runs before or after.
const PRE: u64 = 1 << 6 | 1 << 9 | 1 << 10;

/// What a package is.
#[derive(Debug, Clone)]
pub struct Info<'a> {
    /// The name.
    pub name: &'a str,
    /// Epoch, version and release.
    pub evr: Evr<'a>,
    /// The architecture; for a source package, the one that it was packed on.
    pub arch: &'a str,
    /// One line about it.
    pub summary: String,
    /// Text about it.
    pub description: String,
    /// The licence.
    pub license: String,
    /// Which distribution made it.
    pub vendor: String,
    /// What kind of software it is, by an old classification.
    pub group: String,
    /// Where to read more.
    pub url: String,
    /// File name of the source package, empty for source packages.
    pub source: String,
    /// When it was built, in seconds since the Unix epoch.
    pub build_time: u64,
    /// Bytes of its files once installed.
    pub installed_size: u64,
    /// The module and stream that it belongs to, empty for most.
    pub module: String,
    /// Its dependencies, kind after kind, in the order of the header.
    pub entries: Vec<Entry<'a>>,
}

type Fields = (Field, Tag, Tag, Tag);

/// Where the names, flags and versions of each kind of dependency stand.
const FIELDS: [Fields; 8] = [
    (Field::Provides, tags::PROVIDENAME, tags::PROVIDEFLAGS, tags::PROVIDEVERSION),
    (Field::Requires, tags::REQUIRENAME, tags::REQUIREFLAGS, tags::REQUIREVERSION),
    (Field::Conflicts, tags::CONFLICTNAME, tags::CONFLICTFLAGS, tags::CONFLICTVERSION),
    (Field::Obsoletes, tags::OBSOLETENAME, tags::OBSOLETEFLAGS, tags::OBSOLETEVERSION),
    (Field::Recommends, tags::RECOMMENDNAME, tags::RECOMMENDFLAGS, tags::RECOMMENDVERSION),
    (Field::Suggests, tags::SUGGESTNAME, tags::SUGGESTFLAGS, tags::SUGGESTVERSION),
    (Field::Supplements, tags::SUPPLEMENTNAME, tags::SUPPLEMENTFLAGS, tags::SUPPLEMENTVERSION),
    (Field::Enhances, tags::ENHANCENAME, tags::ENHANCEFLAGS, tags::ENHANCEVERSION),
];

impl<R: Read> Rpm<R> {
    /// What the package is and needs.
    ///
    /// # Errors
    /// When the header lacks what every package has, or a value is malformed.
    pub fn info(&self) -> Result<Info<'_>, ArchiveError> {
        let header = self.header();
        let wrong = ArchiveError::Header;
        let need = |tag: Tag| {
            let text = header.text(tag).map_err(wrong)?.filter(|text| !text.is_empty());
            text.ok_or(ArchiveError::Header(HeaderError::Missing(tag.name)))
        };
        let prose = |tag| header.prose(tag).map_err(wrong);
        let number = |tag| header.number(tag).map_err(wrong);
        let name = need(tags::NAME)?;
        let epoch = number(tags::EPOCH)?.unwrap_or_default();
        let epoch = u32::try_from(epoch).map_err(|_| wrong(HeaderError::Type(tags::EPOCH.name)))?;
        let evr = Evr { epoch, version: need(tags::VERSION)?, release: need(tags::RELEASE)? };
        let evr = evr.checked().map_err(|source| ArchiveError::Version {
            name: name.to_owned(),
            version: evr.to_string(),
            source,
        })?;
        let mut entries = Vec::new();
        for fields in FIELDS {
            read_entries(header, fields, &mut entries)?;
        }
        Ok(Info {
            name,
            evr,
            arch: header.text(tags::ARCH).map_err(wrong)?.unwrap_or_default(),
            summary: prose(tags::SUMMARY)?,
            description: prose(tags::DESCRIPTION)?,
            license: prose(tags::LICENSE)?,
            vendor: prose(tags::VENDOR)?,
            group: prose(tags::GROUP)?,
            url: prose(tags::URL)?,
            source: prose(tags::SOURCERPM)?,
            build_time: number(tags::BUILDTIME)?.unwrap_or_default(),
            installed_size: number(tags::LONGSIZE)?.or(number(tags::SIZE)?).unwrap_or_default(),
            module: prose(tags::MODULARITYLABEL)?,
            entries,
        })
    }
}

fn read_entries<'a>(
    header: &'a Header,
    fields: Fields,
    into: &mut Vec<Entry<'a>>,
) -> Result<(), ArchiveError> {
    let (field, names, flags, versions) = fields;
    for (name, flags, version) in dependencies(header, names, flags, versions)? {
        into.push(Entry { field, name, bound: bound(name, flags, version)?, pre: flags & PRE != 0 });
    }
    Ok(())
}

/// The names, flags and versions of three lists that belong together.
pub(super) fn dependencies(
    header: &Header,
    names: Tag,
    flags: Tag,
    versions: Tag,
) -> Result<Vec<(&str, u64, &str)>, ArchiveError> {
    let name = names.name;
    let names = header.texts(names).map_err(ArchiveError::Header)?;
    let flags = header.numbers(flags).map_err(ArchiveError::Header)?;
    let versions = header.texts(versions).map_err(ArchiveError::Header)?;
    // The oldest packages have provides without flags and versions.
    if flags.is_empty() && versions.is_empty() {
        return Ok(names.into_iter().map(|name| (name, 0, "")).collect());
    }
    if flags.len() != names.len() || versions.len() != names.len() {
        return Err(ArchiveError::Header(HeaderError::Lists(name)));
    }
    Ok(names
        .into_iter()
        .zip(flags)
        .zip(versions)
        .map(|((name, flags), version)| (name, flags, version))
        .collect())
}

/// The bound that flags and version of a dependency make.
pub(super) fn bound<'a>(name: &str, flags: u64, version: &'a str) -> Result<Option<Bound<'a>>, ArchiveError> {
    let operator = match flags & (LESS | GREATER | EQUAL) {
        LESS => Operator::Less,
        GREATER => Operator::Greater,
        EQUAL => Operator::Equal,
        bits if bits == LESS | EQUAL => Operator::LessEqual,
        bits if bits == GREATER | EQUAL => Operator::GreaterEqual,
        _ => return Ok(None),
    };
    if version.is_empty() {
        return Ok(None);
    }
    let evr = Evr::parse(version).map_err(|source| ArchiveError::Version {
        name: name.to_owned(),
        version: version.to_owned(),
        source,
    })?;
    Ok(Some(Bound { operator, evr }))
}
