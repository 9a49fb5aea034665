//! Where the real indexes and packages of distributions are that tests read. They are no part of the repository: they stand
//! beside it, and their own `PROVENANCE.md` says where they are from.

use std::path::PathBuf;

/// The path of a file or directory of the real data, such as `alpine/v3.19-iso`.
///
/// # Panics
/// When it is not there: a test that reads it cannot be run without.
pub fn path(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let path = PathBuf::from(root).join(name);
    assert!(path.exists(), "real data `{name}` is missing: `../shared/data` beside the repository has it");
    path
}

/// The content of a file of the real data.
///
/// # Panics
/// When it is not there or cannot be read.
pub fn read(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("real data `{name}`: {error}"))
}
