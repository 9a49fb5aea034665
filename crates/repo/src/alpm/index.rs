//! Databases in the arena of [`crate::index`].
//!
//! What a package provides is kept with its version; its signature, which a database without one leaves beside the
//! package's file, is kept in [`Package::extra`] in base64.

use std::io::BufRead;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::database::{self, DatabaseError, Listed};
use super::relation::{Operator, Relation};
use crate::index::{BuildError, Builder, Digest, Entry, Index, IndexSource, Kind, Package, Provided};

/// [`Index::family`] of what [`read`] makes.
pub const FAMILY: &str = "alpm";

/// Why databases could not be read into one index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A database is refused.
    #[error("database `{index}` is refused")]
    Database {
        /// Repository and architecture.
        index: String,
        /// Why.
        source: DatabaseError,
    },
    /// The packages cannot be one index.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Reads the databases of all repositories, as `pacman.conf` orders them: the first that has a package decides, whatever
/// its version, so [`IndexSource::pin`] is set by their order.
pub fn read<R: BufRead + Send>(databases: Vec<(IndexSource, R)>) -> Result<Index, IndexError> {
    let mut builder = Builder::new(FAMILY, 0);
    for (place, (source, reader)) in databases.into_iter().enumerate() {
        let mut packages = database::read(reader)
            .map_err(|error| IndexError::Database { index: source.to_string(), source: error })?;
        // Among packages that provide the same, pacman takes the first by name.
        packages.sort_by(|a, b| a.description.name.cmp(&b.description.name));
        builder.source(&source.in_order(place))?;
        packages.iter().try_for_each(|package| add(&mut builder, package))?;
    }
    Ok(builder.finish()?)
}

fn add(builder: &mut Builder, package: &Listed) -> Result<(), BuildError> {
    let description = &package.description;
    let [depends, optional, provides, conflicts, replaces] = [
        &description.depends,
        &description.optdepends,
        &description.provides,
        &description.conflicts,
        &description.replaces,
    ]
    .map(|list| list.join("\n"));
    let signature = package.signature.as_ref().map(|bytes| STANDARD.encode(bytes)).unwrap_or_default();
    let groups = description.groups.join(" ");
    let digest = match (package.sha256, package.md5) {
        (Some(sha256), _) => Digest::Sha256(sha256),
        (None, Some(md5)) => Digest::Md5(md5),
        (None, None) => Digest::None,
    };
    let base = if description.base == description.name { "" } else { description.base.as_str() };
    let entry = Entry {
        name: description.name.as_str().into(),
        version: &description.version,
        arch: &description.arch,
        source: base,
        location: &package.filename,
        summary: &description.description,
        groups: &groups,
        extra: &signature,
        size: package.size,
        installed: description.installed_size,
        digest,
        provides: provides.lines().filter_map(provided).collect(),
        ..Entry::default()
    };
    builder.add(
        &entry
            .with(Kind::Requires, &depends)
            .with(Kind::Suggests, &optional)
            .with(Kind::Provides, &provides)
            .with(Kind::Conflicts, &conflicts)
            .with(Kind::Replaces, &replaces),
    )
}

/// What is provided, with a version if it is provided in exactly one.
fn provided(text: &str) -> Option<Provided<'_>> {
    let relation = Relation::parse(text).ok()?;
    let version = match relation.bound {
        Some((Operator::Equal, version)) => version,
        _ => "",
    };
    Some(Provided { name: relation.name.into(), version })
}

/// The detached `OpenPGP` signature of a package's file, if the database has it.
pub fn signature(package: Package<'_>) -> Option<Vec<u8>> {
    let text = package.extra();
    if text.is_empty() { None } else { STANDARD.decode(text).ok() }
}
