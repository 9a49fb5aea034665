//! Deleting what the store keeps: its own directories, and in them trees that belong to mapped ids.

use std::fs;
use std::io;
use std::path::Path;

use lbuild_sandbox::Launcher;

/// Deletes the trees in one of the store's directories; what is the store's own is left for the store to delete.
pub(crate) fn delete_trees(launcher: &Launcher, directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            launcher.delete_tree(&entry.path()).map_err(io::Error::other)?;
        }
    }
    Ok(())
}
