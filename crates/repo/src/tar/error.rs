//! Reasons for refusing an archive.

use std::io;

/// Why a tar archive is refused. Names are shown with escapes, so that a hostile name cannot write to a terminal.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The bytes cannot be read or decompressed.
    #[error("cannot read the tar archive")]
    Read(#[source] io::Error),
    /// The archive ends without its closing block.
    #[error("tar archive is truncated")]
    Truncated,
    /// Something other than zeros follows the closing block.
    #[error("tar archive has data after its end")]
    TrailingData,
    /// A header's checksum is wrong.
    #[error("tar header {index} has a wrong checksum")]
    Checksum {
        /// Number of the header, from 0.
        index: u64,
    },
    /// A number is not one, or too large.
    #[error("tar header {index} has a bad {field}")]
    Number {
        /// Number of the header, from 0.
        index: u64,
        /// The field.
        field: &'static str,
    },
    /// The type of an entry is not known.
    #[error("`{path}` has unknown tar type `{kind}`")]
    UnknownType {
        /// Name of the entry.
        path: String,
        /// The type byte, escaped.
        kind: String,
    },
    /// A sparse file.
    #[error("`{path}` is a sparse file")]
    Sparse {
        /// Name of the entry.
        path: String,
    },
    /// A pax header that changes all following entries.
    #[error("tar archive has a global pax header")]
    GlobalPax,
    /// A pax header directly after another.
    #[error("tar archive has nested pax headers")]
    NestedPax,
    /// A pax or GNU long-name record is malformed or too long.
    #[error("tar archive has a bad extended header: {reason}")]
    Extended {
        /// What is wrong.
        reason: &'static str,
    },
    /// The pax size and the header's size disagree.
    #[error("`{path}` has two sizes, {header} and {pax}")]
    SizeMismatch {
        /// Name of the entry.
        path: String,
        /// Size in the header, bytes.
        header: u64,
        /// Size in the pax record, bytes.
        pax: u64,
    },
    /// An entry that cannot have content has some.
    #[error("`{path}` is not a file but has content")]
    UnexpectedContent {
        /// Name of the entry.
        path: String,
    },
    /// A name starts with `/`.
    #[error("`{path}` is an absolute name")]
    Absolute {
        /// Name of the entry.
        path: String,
    },
    /// A name has a `..` component.
    #[error("`{path}` has a `..` component")]
    ParentComponent {
        /// Name of the entry.
        path: String,
    },
    /// A name is empty, too long, or has a NUL or a newline.
    #[error("`{path}` is not a usable name: {reason}")]
    BadName {
        /// Name of the entry.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// An entry lies below a symlink of the same archive, or replaces one.
    #[error("`{path}` would be written through the symlink `{link}`")]
    ThroughSymlink {
        /// Name of the entry.
        path: String,
        /// Name of the symlink.
        link: String,
    },
    /// Two entries that are not both directories have one name.
    #[error("`{path}` is there twice")]
    Duplicate {
        /// Name of the entry.
        path: String,
    },
    /// A hardlink to something that is not an earlier file of the same archive.
    #[error("`{path}` is a hardlink to `{target}`, which is not an earlier file of the archive")]
    HardlinkTarget {
        /// Name of the entry.
        path: String,
        /// Name linked to.
        target: String,
    },
    /// A device file where none is allowed.
    #[error("`{path}` is a device")]
    Device {
        /// Name of the entry.
        path: String,
    },
    /// A fifo where none is allowed.
    #[error("`{path}` is a fifo")]
    Fifo {
        /// Name of the entry.
        path: String,
    },
    /// A setuid or setgid bit where none is allowed.
    #[error("`{path}` has a setuid or setgid bit")]
    Setuid {
        /// Name of the entry.
        path: String,
    },
    /// More entries than allowed.
    #[error("tar archive has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
}

impl From<io::Error> for TarError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Read(error) }
    }
}
