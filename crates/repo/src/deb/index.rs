//! Debian's `Packages` files, read into the arena of [`crate::index`].
//!
//! `scan` checks the text and borrows from it; [`parse`] overlaps the scanning of one piece with the building of the
//! one before it.

mod scan;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::control::ControlError;
use super::resolve::Priority;
use crate::index::{BuildError, Builder, Package};

pub use crate::index::{CacheError, Index, IndexSource};

/// [`Index::family`] of what [`parse`] makes.
pub const FAMILY: &str = "deb";

/// Why an index could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The text is not deb822.
    #[error("index `{index}` is malformed")]
    Control {
        /// Suite, component and architecture.
        index: String,
        /// Where; lines count from the start of the piece that was read.
        source: ControlError,
    },
    /// A field that every package must have is not there.
    #[error("package `{package}` of index `{index}` has no field `{field}`")]
    Missing {
        /// Suite, component and architecture.
        index: String,
        /// Name of the package, if it got that far.
        package: String,
        /// The field.
        field: &'static str,
    },
    /// A field has a value that it cannot have, or stands twice.
    #[error("package `{package}` of index `{index}` has a bad or repeated field `{field}`: `{value}`")]
    Value {
        /// Suite, component and architecture.
        index: String,
        /// Name of the package, if it got that far.
        package: String,
        /// The field.
        field: String,
        /// The start of the value.
        value: String,
    },
    /// The packages cannot be one index.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Bytes of a stanza of Debian's main archive, on average: for the first guess of how much room is needed.
const USUAL_STANZA: usize = 800;

/// Pieces that are scanned together: enough that no processor waits long for another.
const PIECES: usize = 8;

/// Reads the `Packages` texts of all sources. The order of sources decides between equal versions.
pub fn parse(sources: &[(IndexSource, &[u8])]) -> Result<Index, IndexError> {
    let bytes: usize = sources.iter().map(|(_, text)| text.len()).sum();
    let mut builder = Builder::new(FAMILY, bytes / USUAL_STANZA);
    for (source, text) in sources {
        builder.source(source)?;
        // Some pieces are scanned while those before them are built; whoever is done first scans on.
        let mut scanned = Vec::new();
        for pieces in scan::split(text).chunks(PIECES) {
            let before = scanned;
            let scan = || pieces.par_iter().map(|piece| scan::scan(source, piece)).collect();
            let build = || before.iter().flatten().try_for_each(|entry| builder.add(entry));
            let (next, done): (Result<Vec<_>, IndexError>, _) = rayon::join(scan, build);
            done?;
            scanned = next?;
        }
        scanned.iter().flatten().try_for_each(|entry| builder.add(entry))?;
    }
    Ok(builder.finish()?)
}

/// `Essential: yes`, in [`Package::flags`].
const ESSENTIAL: u32 = 1;
/// `Protected: yes`.
const PROTECTED: u32 = 2;

/// `Multi-Arch` of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiArch {
    /// No such field.
    No,
    /// Can be installed for several architectures at once.
    Same,
    /// Serves packages of every architecture.
    Foreign,
    /// The depending package says which.
    Allowed,
}

impl MultiArch {
    /// Its place among the flags.
    const MASK: u32 = 0b1100;

    fn from_field(value: &[u8]) -> Self {
        match value {
            b"same" => Self::Same,
            b"foreign" => Self::Foreign,
            b"allowed" => Self::Allowed,
            _ => Self::No,
        }
    }

    fn flags(self) -> u32 {
        (self as u32) << 2
    }

    /// That of `package`.
    pub fn of(package: Package<'_>) -> Self {
        match (package.flags() & Self::MASK) >> 2 {
            1 => Self::Same,
            2 => Self::Foreign,
            3 => Self::Allowed,
            _ => Self::No,
        }
    }
}

/// `Phased-Update-Percentage` below 100, as Ubuntu's updates have it in their first days.
const PHASED: u32 = 1 << 5;

/// Whether a version is an update that only some systems are to have yet.
pub fn is_phased(package: Package<'_>) -> bool {
    package.flags() & PHASED != 0
}

/// The archive is where the pool of its component keeps it: [`Package::location`] is empty.
const IN_POOL: u32 = 1 << 4;

/// Path of the archive below the root of the repository.
pub fn location(package: Package<'_>) -> String {
    if package.flags() & IN_POOL == 0 {
        return package.location().to_owned();
    }
    let [source, name, arch] = [package.source_name(), package.name(), package.arch()];
    PoolPath::new(&package.source().component, source, name, package.version(), arch).0.concat()
}

/// `pool/main/liba/liba/liba1_1.0_amd64.deb`: where the pool keeps a package, in parts.
struct PoolPath<'a>([&'a str; 13]);

impl<'a> PoolPath<'a> {
    fn new(component: &'a str, source: &'a str, name: &'a str, version: &'a str, arch: &'a str) -> Self {
        let letters = if source.starts_with("lib") { 4 } else { 1 };
        let directory = source.get(..letters).unwrap_or(source);
        let version = version.split_once(':').map_or(version, |(_, rest)| rest);
        Self(["pool/", component, "/", directory, "/", source, "/", name, "_", version, "_", arch, ".deb"])
    }

    /// Whether a path is this one.
    fn is(&self, path: &str) -> bool {
        let rest = self.0.iter().try_fold(path, |rest, part| rest.strip_prefix(part));
        rest.is_some_and(str::is_empty)
    }
}

/// `Essential: yes`.
pub fn is_essential(package: Package<'_>) -> bool {
    package.flags() & ESSENTIAL != 0
}

/// `Protected: yes`.
pub fn is_protected(package: Package<'_>) -> bool {
    package.flags() & PROTECTED != 0
}

/// `Priority`.
pub fn priority(package: Package<'_>) -> Priority {
    match package.rank() {
        0 => Priority::Required,
        1 => Priority::Important,
        2 => Priority::Standard,
        4 => Priority::Extra,
        _ => Priority::Optional,
    }
}
