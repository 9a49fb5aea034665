//! How the effect of a configuration is proven in the finished image.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Something that must hold in the finished image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The concern whose effect it proves.
    pub concern: String,
    /// What must hold.
    pub check: Check,
}

/// What can be checked from inside a tree, with the tree as `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// A file has exactly this content and these permission bits.
    File {
        /// Where.
        path: String,
        /// Its content.
        contents: Vec<u8>,
        /// Permission bits.
        mode: u32,
    },
    /// A file has a line that is exactly this.
    Line {
        /// Where.
        path: String,
        /// The line.
        line: String,
    },
    /// A file has a line that starts like this.
    LineStart {
        /// Where.
        path: String,
        /// Start of the line.
        start: String,
    },
    /// A symbolic link points there.
    Link {
        /// Where.
        path: String,
        /// Its target.
        target: String,
    },
    /// Something is at a path.
    Present {
        /// Where.
        path: String,
    },
    /// Nothing is at a path.
    Absent {
        /// Where.
        path: String,
    },
    /// A program of the tree succeeds and prints this somewhere in its output.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
        /// Part of its standard output.
        output: String,
    },
}

impl Check {
    /// Checks everything but [`Check::Command`] on a tree below `root`; `Ok(None)` for a command, which the caller has
    /// to run inside the sandbox.
    ///
    /// Paths are joined as they are: call it where `root` is `/` of the tree, or on a tree that is trusted.
    pub fn holds(&self, root: &Path) -> io::Result<Option<bool>> {
        let at = |path: &str| root.join(path.trim_start_matches('/'));
        let lines = |path: &str, test: &dyn Fn(&str) -> bool| {
            present(fs::read_to_string(at(path)).map(|text| text.lines().any(test)))
        };
        match self {
            Self::File { path, contents, mode } => present(fs::read(at(path)).and_then(|found| {
                let permissions = fs::metadata(at(path))?.permissions().mode() & 0o7777;
                Ok(found == *contents && permissions == *mode)
            })),
            Self::Line { path, line } => lines(path, &|found| found == line),
            Self::LineStart { path, start } => lines(path, &|found| found.starts_with(start.as_str())),
            Self::Link { path, target } => {
                present(fs::read_link(at(path)).map(|found| found == Path::new(target)))
            }
            Self::Present { path } => present(at(path).symlink_metadata().map(|found| found.nlink() > 0)),
            Self::Absent { path } => {
                present(at(path).symlink_metadata().map(|_| true)).map(|found| found.map(|found| !found))
            }
            Self::Command { .. } => Ok(None),
        }
    }
}

impl fmt::Display for Check {
    /// What must hold, as a phrase.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, contents, mode } => {
                write!(formatter, "`{path}` is the file of {} bytes with mode {mode:04o}", contents.len())
            }
            Self::Line { path, line } => write!(formatter, "`{path}` has the line `{line}`"),
            Self::LineStart { path, start } => {
                write!(formatter, "`{path}` has a line that starts with `{start}`")
            }
            Self::Link { path, target } => write!(formatter, "`{path}` is a link to `{target}`"),
            Self::Present { path } => write!(formatter, "`{path}` exists"),
            Self::Absent { path } => write!(formatter, "`{path}` does not exist"),
            Self::Command { argv, output } => {
                write!(formatter, "`{}` prints `{output}`", argv.join(" "))
            }
        }
    }
}

/// A missing file fails a check; any other error is an error.
fn present(found: io::Result<bool>) -> io::Result<Option<bool>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(false)),
        other => other.map(Some),
    }
}
