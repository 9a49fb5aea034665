//! Ubuntu, the second distribution of deb: its signed lists, its media, and what `data/distros/ubuntu.toml` says of it.

pub mod data;
pub mod medium;
mod phased;
mod release;

use std::path::{Path, PathBuf};

/// The directory of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|error| panic!("{} is needed by this test: {error}", file.display()))
}

/// A file of the data that is shared beside the repository.
fn shared(path: &str) -> Vec<u8> {
    read(&repository().join("../shared/data/debian").join(path))
}
