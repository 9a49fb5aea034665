//! Measures a tree: what it takes on the disk.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use lbuild_sandbox::AgentIo;
use serde::{Deserialize, Serialize};

use super::report;
use super::seal::is_mounted;

/// What a tree takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Bytes on the disk, in whole blocks; a file with several names counts once for each.
    pub(crate) bytes: u64,
    /// Files, directories and links.
    pub(crate) entries: u64,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let mut total = Measured::default();
    add(Path::new("/"), &mut total).map_err(|error| format!("cannot measure the tree: {error}"))?;
    report(io, &total)
}

fn add(directory: &Path, total: &mut Measured) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if is_mounted(&path) {
            continue;
        }
        let metadata = path.symlink_metadata()?;
        total.entries += 1;
        // `st_blocks` counts units of 512 bytes, see stat(3type).
        total.bytes += metadata.blocks() * 512;
        if metadata.is_dir() {
            add(&path, total)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_below_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/file"), vec![1_u8; 10_000]).unwrap();
        let mut total = Measured::default();
        add(dir.path(), &mut total).unwrap();
        assert_eq!(total.entries, 2);
        assert!(total.bytes >= 10_000, "{total:?}");
    }
}
