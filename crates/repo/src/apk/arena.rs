//! Alpine's packages in the arena of [`crate::index`].

use super::index::{Index, IndexError};
use super::relation::{Dependency, words};
use super::stanza::{Checksum, Package};
use crate::index::{self, BuildError, Builder, Digest, Entry, IndexSource, Kind, Name, Provided};

/// [`crate::index::Index::family`] of what [`build`] makes.
pub const FAMILY: &str = "apk";

/// [`Entry::flags`]: the package is listed but cannot be installed.
pub(super) const BROKEN: u32 = 1;

/// Why the indexes cannot be one.
#[derive(Debug, thiserror::Error)]
pub enum ArenaError {
    /// One of them is malformed.
    #[error("index `{index}` is malformed")]
    Index {
        /// Suite, repository and architecture.
        index: String,
        /// What is wrong.
        source: IndexError,
    },
    /// The packages cannot be one index.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Reads the packages of all indexes. The order of sources decides between equal versions.
///
/// A repository with a tag (`@edge` in `/etc/apk/repositories`) is a source of that suite whose pin is not positive.
///
/// # Errors
/// When an index is malformed, or there are too many packages.
pub fn build(sources: &[(IndexSource, &Index)]) -> Result<index::Index, ArenaError> {
    let mut parsed = Vec::with_capacity(sources.len());
    for (source, index) in sources {
        let packages = index
            .packages()
            .map_err(|error| ArenaError::Index { index: source.to_string(), source: error })?;
        parsed.push((source, packages));
    }
    let mut builder = Builder::new(FAMILY, parsed.iter().map(|(_, packages)| packages.len()).sum());
    for (source, packages) in parsed {
        builder.source(source)?;
        add(&mut builder, &packages)?;
    }
    Ok(builder.finish()?)
}

/// Adds packages to the source that was begun last.
///
/// # Errors
/// When there are too many.
pub fn add(builder: &mut Builder, packages: &[Package<'_>]) -> Result<(), BuildError> {
    for package in packages {
        let location = package.file_name();
        let provides = package.provides().map(|provision| Provided {
            name: Name::new(provision.name),
            version: provision.version.unwrap_or_default(),
        });
        let entry = Entry {
            name: Name::new(package.name),
            version: package.version,
            arch: package.arch,
            source: if package.origin == package.name { "" } else { package.origin },
            location: &location,
            summary: package.description,
            size: package.size,
            installed: package.installed_size,
            digest: match package.checksum {
                None => Digest::None,
                Some(Checksum::Sha1(bytes)) => Digest::Sha1(bytes),
                Some(Checksum::Sha256(bytes)) => Digest::Sha256(bytes),
            },
            flags: if package.broken.is_some() { BROKEN } else { 0 },
            rank: u32::try_from(package.provider_priority).unwrap_or(u32::MAX),
            provides: provides.collect(),
            ..Entry::default()
        };
        // As in apk, a package whose conditions cannot all be read never comes by itself.
        let readable = words(package.install_if).all(|word| Dependency::parse(word).is_ok());
        let install_if = if readable { package.install_if } else { "" };
        builder.add(
            &entry
                .with(Kind::Requires, package.depends)
                .with(Kind::Provides, package.provides)
                .with(Kind::Supplements, install_if),
        )?;
    }
    Ok(())
}
