//! What goes into an unpack and what comes out.

use std::fs::File;
use std::io;

use super::claims::Claims;
use crate::deb::archive::ArchiveError;

/// One `.deb` to unpack.
#[derive(Debug)]
pub struct Package {
    /// The archive, read from its current position to its end.
    pub file: File,
    /// Rank in the order in which dpkg would unpack, unique within one call. Decides who creates a shared directory.
    pub order: u32,
    /// Digest that the whole archive must have; checked while reading.
    pub sha256: Option<[u8; 32]>,
}

/// How to unpack.
#[derive(Debug, Clone)]
pub struct Options {
    /// Worker threads; at least 1 is used.
    pub threads: usize,
    /// Bytes that all packages together may occupy once decompressed.
    pub max_bytes: u64,
    /// Top-level directories that are symlinks to `usr/NAME` in this release (`bin`, `lib`, ...), made before the first
    /// package when missing, so that no package can create them as directories.
    pub aliases: Vec<String>,
    /// Lines of `/var/lib/dpkg/arch`, native architecture first; nothing is written when empty or when the file exists.
    pub architectures: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 2, max_bytes: 64 << 30, aliases: Vec::new(), architectures: Vec::new() }
    }
}

/// Runs one preinst inside the tree, with the file mode creation mask 022, and waits for it; an error is its output or why
/// it could not run.
pub type RunPreinst<'a> = dyn FnMut(&Preinst) -> Result<(), String> + 'a;

/// What the workers report, from any of their threads.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// The package `name` is in the tree; `files` entries and `bytes` of content.
    Unpacked {
        /// Package name.
        name: &'a str,
        /// Archive entries.
        files: usize,
        /// Bytes of regular files written.
        bytes: u64,
    },
    /// The preinst of the package `name` is about to run.
    Preinst {
        /// Package name.
        name: &'a str,
    },
}

/// A preinst that has to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preinst {
    /// Package name.
    pub package: String,
    /// Package architecture.
    pub architecture: String,
    /// Absolute path of the script inside the tree.
    pub path: String,
}

impl Preinst {
    /// Arguments and environment as dpkg gives them on a first installation: `(argv, environment)`.
    pub fn command(&self) -> (Vec<String>, Vec<(String, String)>) {
        let argv = vec![self.path.clone(), "install".to_owned()];
        let pairs = [
            ("DPKG_MAINTSCRIPT_PACKAGE", self.package.as_str()),
            ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
            ("DPKG_MAINTSCRIPT_ARCH", self.architecture.as_str()),
            ("DPKG_MAINTSCRIPT_NAME", "preinst"),
            ("DPKG_MAINTSCRIPT_DEBUG", "0"),
            ("DPKG_ADMINDIR", "/var/lib/dpkg"),
            ("DPKG_ROOT", ""),
        ];
        (argv, pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// A device file that the archive held and the sandbox may not create; an empty file with its mode stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// Path in the tree, without a leading `/`.
    pub path: String,
    /// Kind of device.
    pub kind: PlaceholderKind,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

/// Kinds of device files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceholderKind {
    /// A character device.
    Character,
    /// A block device.
    Block,
}

/// What an unpack did.
#[derive(Debug, Default)]
pub struct Unpacked {
    /// Names of the packages now in state unpacked, sorted.
    pub packages: Vec<String>,
    /// Device files that could not be made.
    pub placeholders: Vec<Placeholder>,
    /// Packages of the existing system that now have pending triggers, sorted.
    pub triggered: Vec<String>,
    /// Archive entries written.
    pub files: usize,
    /// Bytes of regular files written.
    pub bytes: u64,
    pub(super) claims: Claims,
}

impl Unpacked {
    /// Whether one of the packages brought what stands at `path`, the place in the tree without a leading `/` and without
    /// links in its directories. Scripts cannot change the answer, as they can change the lists in dpkg's database.
    pub fn brought(&self, path: &[u8]) -> bool {
        self.claims.has_node(path)
    }
}

/// Why packages could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive is broken, hostile or not a Debian package.
    #[error("package `{package}` cannot be read")]
    Archive {
        /// Package name, or its rank before the name is known.
        package: String,
        /// The cause.
        #[source]
        source: ArchiveError,
    },
    /// The bytes are not those of the lock.
    #[error("package `{package}` has sha256 `{actual}`, expected `{expected}`")]
    Digest {
        /// Package name.
        package: String,
        /// Digest wanted, in hex.
        expected: String,
        /// Digest found, in hex.
        actual: String,
    },
    /// Two packages ship the same path and neither replaces the other.
    #[error("package `{package}` overwrites `{path}` of package `{owner}`")]
    Conflict {
        /// The later package.
        package: String,
        /// The package that has the path.
        owner: String,
        /// Path without leading `/`.
        path: String,
    },
    /// A path changes its meaning with the order of unpacking (a symlink in one package, a directory in another).
    #[error("`{path}` is a directory in one of the packages `{first}` and `{second}` and not in the other")]
    OrderDependent {
        /// Path without leading `/`.
        path: String,
        /// One package.
        first: String,
        /// The other.
        second: String,
    },
    /// The package is in the tree's database already.
    #[error("package `{package}` is already installed in the tree")]
    AlreadyInstalled {
        /// Package name.
        package: String,
    },
    /// A file of the tree could not be written.
    #[error("cannot write `{path}` of package `{package}`")]
    Write {
        /// Package name.
        package: String,
        /// Path without leading `/`.
        path: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A preinst failed.
    #[error("preinst of package `{package}` failed: {output}")]
    Preinst {
        /// Package name.
        package: String,
        /// Its output, or why it could not run.
        output: String,
    },
    /// dpkg's database in the tree could not be read or written.
    #[error("cannot update the dpkg database at `{path}`")]
    Database {
        /// Path without leading `/`.
        path: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of dpkg's database does not have its format.
    #[error("the dpkg database has a bad `{path}`: {reason}")]
    BadDatabase {
        /// Path without leading `/`.
        path: String,
        /// What is wrong.
        reason: String,
    },
}
