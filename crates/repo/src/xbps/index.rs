//! Indexes of repositories in the arena of [`crate::index`].
//!
//! Shared objects are provided under their own names, without a version; those that a package needs are kept in
//! [`Package::extra`](crate::index::Package::extra), one per line.

use std::io::BufRead;

use super::repodata::{self, Package, RepodataError};
use super::version::PkgVer;
use crate::index::{BuildError, Builder, Digest, Entry, Index, IndexSource, Kind, Provided};

/// [`Index::family`] of what [`read`] makes.
pub const FAMILY: &str = "xbps";

/// Why indexes of repositories could not be read into one.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// An index is refused.
    #[error("index `{index}` is refused")]
    Repodata {
        /// Repository and architecture.
        index: String,
        /// Why.
        source: RepodataError,
    },
    /// The packages cannot be one index.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Reads the indexes of all repositories in the order of their preference: the first that has a package decides,
/// whatever its version, so [`IndexSource::pin`] is set by their order.
pub fn read<R: BufRead + Send>(indexes: Vec<(IndexSource, R)>) -> Result<Index, IndexError> {
    let mut builder = Builder::new(FAMILY, 0);
    for (place, (source, reader)) in indexes.into_iter().enumerate() {
        let repodata = repodata::read(reader)
            .map_err(|error| IndexError::Repodata { index: source.to_string(), source: error })?;
        let mut packages = repodata.packages;
        // Among packages that provide the same, xbps takes the first by name.
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        builder.source(&source.in_order(place))?;
        packages.iter().try_for_each(|package| add(&mut builder, package))?;
    }
    Ok(builder.finish()?)
}

fn add(builder: &mut Builder, package: &Package) -> Result<(), BuildError> {
    let [depends, provides, conflicts, replaces, needed] = [
        &package.run_depends,
        &package.provides,
        &package.conflicts,
        &package.replaces,
        &package.shlib_requires,
    ]
    .map(|list| list.join("\n"));
    let virtuals = provides.lines().filter_map(|text| PkgVer::parse(text).ok());
    let virtuals = virtuals.map(|found| Provided { name: found.name.into(), version: found.version });
    let shared =
        package.shlib_provides.iter().map(|name| Provided { name: name.as_str().into(), version: "" });
    let location = package.filename();
    let entry = Entry {
        name: package.name.as_str().into(),
        version: &package.version,
        arch: &package.architecture,
        source: &package.source,
        location: &location,
        summary: &package.short_desc,
        extra: &needed,
        size: package.size,
        installed: package.installed_size,
        digest: Digest::Sha256(package.sha256),
        provides: virtuals.chain(shared).collect(),
        ..Entry::default()
    };
    builder.add(
        &entry
            .with(Kind::Requires, &depends)
            .with(Kind::Provides, &provides)
            .with(Kind::Conflicts, &conflicts)
            .with(Kind::Replaces, &replaces),
    )
}
