//! The files of one package, by reading the package itself.

use std::error::Error;
use std::io::{BufReader, Cursor};

use crate::index::{Digest, Package};
use crate::rpm::archive::Rpm;
use crate::rpm::checksum::{Algorithm, Checksum};
use crate::tar::{Entry, Kind};
use crate::{alpm, apk, deb, portage, rpm, xbps};

/// Bytes of a decompressed package.
const MAX_UNPACKED: u64 = 16 << 30;
/// Files of one package; the largest have about 100,000.
const MAX_FILES: usize = 2_000_000;
/// The bits of `st_mode` that say what a file is, and their value for a directory.
const KIND: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;

/// Why the files of a package cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The package is not the one that the index speaks of.
    #[error("package `{package}` is not the one that the index speaks of")]
    Digest {
        /// Its name.
        package: String,
    },
    /// The index has no digest of it, so that nobody can say whether it is the right one.
    #[error("the index has no digest of package `{package}`")]
    Unverified {
        /// Its name.
        package: String,
    },
    /// The package cannot be read.
    #[error("package `{package}` cannot be read")]
    Archive {
        /// Its name.
        package: String,
        /// Why, in the words of its family.
        source: Box<dyn Error + Send + Sync>,
    },
    /// More files than any package has.
    #[error("package `{package}` has more than {MAX_FILES} files")]
    TooMany {
        /// Its name.
        package: String,
    },
}

/// Checks the bytes of a package against its index, and lists its files and links by their absolute paths, sorted.
///
/// # Errors
/// When it is another package, broken, or hostile.
pub fn list(family: &str, package: Package<'_>, bytes: &[u8]) -> Result<Vec<String>, ListError> {
    let name = || package.name().to_owned();
    let is_apk = family == apk::arena::FAMILY;
    match package.digest() {
        Digest::None => return Err(ListError::Unverified { package: name() }),
        // Of an Alpine package it is the digest of one member, which is compared below.
        Digest::Sha1(_) if is_apk => {}
        digest if !is_of(digest, bytes) => return Err(ListError::Digest { package: name() }),
        _ => {}
    }
    let mut paths = Paths { package: package.name(), found: Vec::new() };
    let read = match family {
        apk::arena::FAMILY => of_apk(package, bytes, &mut paths)?,
        alpm::index::FAMILY => of_alpm(bytes, &mut paths),
        deb::index::FAMILY => of_deb(bytes, &mut paths),
        portage::arena::FAMILY => of_portage(bytes, &mut paths),
        rpm::index::FAMILY => of_rpm(bytes, &mut paths),
        xbps::index::FAMILY => of_xbps(bytes, &mut paths),
        other => Err(format!("packages of family `{other}` are not known").into()),
    };
    read.map_err(|source| match source.downcast::<ListError>() {
        Ok(own) => *own,
        Err(source) => ListError::Archive { package: name(), source },
    })?;
    paths.found.sort();
    paths.found.dedup();
    Ok(paths.found)
}

type Read = Result<(), Box<dyn Error + Send + Sync>>;

struct Paths<'p> {
    package: &'p str,
    found: Vec<String>,
}

impl Paths<'_> {
    fn entry(&mut self, entry: &Entry) -> Read {
        if entry.kind == Kind::Directory { Ok(()) } else { self.path(&entry.path) }
    }

    fn path(&mut self, path: &[u8]) -> Read {
        if self.found.len() >= MAX_FILES {
            return Err(Box::new(ListError::TooMany { package: self.package.to_owned() }));
        }
        self.found.push(format!("/{}", String::from_utf8_lossy(path)));
        Ok(())
    }
}

/// Whether bytes have a digest; an unknown kind of digest is had by none.
fn is_of(digest: Digest, bytes: &[u8]) -> bool {
    let algorithm = match digest {
        Digest::None | Digest::Blake2b(_) => return false,
        Digest::Md5(_) => Algorithm::Md5,
        Digest::Sha1(_) => Algorithm::Sha1,
        Digest::Sha256(_) => Algorithm::Sha256,
        Digest::Sha512(_) => Algorithm::Sha512,
    };
    Checksum::of(algorithm, bytes).bytes() == digest.bytes()
}

fn of_deb(bytes: &[u8], paths: &mut Paths<'_>) -> Read {
    let mut package = deb::archive::Deb::open(bytes)?;
    let mut data = package.data(MAX_UNPACKED, true, 1)?;
    while let Some(entry) = data.next_entry()? {
        paths.entry(&entry)?;
    }
    Ok(())
}

fn of_alpm(bytes: &[u8], paths: &mut Paths<'_>) -> Read {
    let mut package = alpm::archive::Package::open(bytes, MAX_UNPACKED)?;
    while let Some(entry) = package.next_entry()? {
        paths.entry(&entry)?;
    }
    Ok(())
}

fn of_xbps(bytes: &[u8], paths: &mut Paths<'_>) -> Read {
    let mut package = xbps::archive::Archive::open(bytes, MAX_UNPACKED)?;
    while let Some(entry) = package.next_entry()? {
        paths.entry(&entry)?;
    }
    Ok(())
}

/// Alpine's index has the digest of the control member, and that of the data stands in there.
fn of_apk(package: Package<'_>, bytes: &[u8], paths: &mut Paths<'_>) -> Result<Read, ListError> {
    let mut opened = match apk::archive::Apk::open(bytes, apk::Trust::Anybody) {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(error.into())),
    };
    let is_right = match (opened.checksum(), package.digest()) {
        (apk::stanza::Checksum::Sha1(found), Digest::Sha1(expected)) => found == expected,
        _ => false,
    };
    if !is_right {
        return Err(ListError::Digest { package: package.name().to_owned() });
    }
    let mut read = || -> Read {
        let mut data = opened.data(MAX_UNPACKED)?;
        while let Some(entry) = data.next_entry()? {
            paths.entry(&entry)?;
        }
        Ok(())
    };
    Ok(read().and_then(|()| Ok(opened.finish().map(drop)?)))
}

fn of_rpm(bytes: &[u8], paths: &mut Paths<'_>) -> Read {
    for file in Rpm::open(bytes)?.files()? {
        if file.mode & KIND != DIRECTORY {
            paths.path(&file.path)?;
        }
    }
    Ok(())
}

fn of_portage(bytes: &[u8], paths: &mut Paths<'_>) -> Read {
    let reader = BufReader::new(Cursor::new(bytes));
    let mut package = portage::archive::Package::open(reader, &portage::archive::Trust::ByCaller)?;
    let mut image = package.image(MAX_UNPACKED)?;
    while let Some(entry) = image.next_entry()? {
        paths.entry(&entry)?;
    }
    Ok(())
}
