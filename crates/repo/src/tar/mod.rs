//! Strict reader of tar archives: everything that two readers could understand differently is refused by name.
//!
//! Understood: ustar, GNU long names, pax `path`, `linkpath`, `size`, `uid`, `gid`, `mtime`, `uname`, `gname` and
//! `SCHILY.xattr.*`. Refused: `..`, absolute names, sparse files, global and nested pax headers, sizes that disagree,
//! unknown types, data after the end; and, as the [`Policy`] says, devices, fifos, setuid bits, entries below a symlink of
//! the same archive, and too many entries.

mod error;
mod header;
mod name;
mod pax;
mod policy;
mod reader;

pub use error::TarError;
pub(crate) use name::normalise;
pub use policy::Policy;
pub use reader::{Archive, Content, Entry, Kind};

#[cfg(test)]
mod tests;
