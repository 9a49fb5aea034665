//! What to do with a store after the machine went down while it was being written.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{CLOCK_SLACK, Found};
use crate::{Cancel, Digest, StoreError, atomic, error::During, lock, store::layout};

/// Checks or drops everything that is younger than the oldest of `markers`, then removes the markers.
pub(super) fn run(root: &Path, markers: &[Found], cancel: &Cancel) -> Result<(), StoreError> {
    // Two processes that open the store at once after a crash: the second finds the work done.
    let _guard = lock::acquire(&root.join(layout::LOCKS).join("recovery"), cancel)?;
    let Some(oldest) = markers.iter().filter(|marker| marker.path.exists()).map(|marker| marker.made).min()
    else {
        return Ok(());
    };
    let since = oldest.checked_sub(CLOCK_SLACK).unwrap_or(SystemTime::UNIX_EPOCH);
    check_blobs(root, since, cancel)?;
    for name in
        [layout::STEPS, layout::HISTORY, layout::INDEX, layout::PARTS, layout::RESPONSES, layout::PUBLISHED]
    {
        for path in suspects(&root.join(name), since)? {
            fs::remove_file(&path).during("remove", &path)?;
        }
    }
    for path in suspects(&root.join(layout::TREES), since)? {
        let grave = root.join(layout::TRASH).join(atomic::unique_name("suspect-"));
        fs::rename(&path, &grave).during("set aside", &path)?;
    }
    let handle = File::open(root).during("open", root)?;
    rustix::fs::syncfs(&handle).during("flush", root)?;
    for marker in markers {
        drop(fs::remove_file(&marker.path));
    }
    Ok(())
}

fn check_blobs(root: &Path, since: SystemTime, cancel: &Cancel) -> Result<(), StoreError> {
    let blobs = root.join(layout::BLOBS);
    for shard in entries(&blobs)? {
        for path in suspects(&shard, since)? {
            let named =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<Digest>().ok());
            let file = File::open(&path).during("open", &path)?;
            let (found, _) = Digest::of_reader(&mut cancel.reading(file)).during("read", &path)?;
            if named != Some(found) {
                fs::remove_file(&path).during("remove", &path)?;
            }
        }
    }
    Ok(())
}

/// Entries of `dir`, with those of its subdirectories where it holds records by group, younger than `since`.
fn suspects(dir: &Path, since: SystemTime) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for path in entries(dir)? {
        let metadata = path.symlink_metadata().during("inspect", &path)?;
        let is_group = metadata.is_dir() && dir.file_name().is_some_and(|name| name == layout::HISTORY);
        if is_group {
            found.extend(suspects(&path, since)?);
        } else if metadata.modified().is_ok_and(|made| made >= since) {
            found.push(path);
        }
    }
    Ok(found)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let listing = fs::read_dir(dir).during("read", dir)?;
    listing.map(|entry| Ok(entry.during("read", dir)?.path())).collect()
}
