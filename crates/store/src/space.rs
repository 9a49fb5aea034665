//! Free space of file systems, for error messages and for checks made before a large write.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Mount point of the file system that holds `path` (or its nearest existing ancestor) and the bytes that an
/// ordinary write may still use there.
pub fn of(path: &Path) -> (PathBuf, u64) {
    let existing = path.ancestors().find(|candidate| candidate.exists()).unwrap_or(Path::new("/"));
    let available =
        rustix::fs::statvfs(existing).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    (mount_point(existing), available)
}

/// The topmost ancestor that lies on the same device.
fn mount_point(path: &Path) -> PathBuf {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev()).ok();
    let own = device(&absolute);
    absolute
        .ancestors()
        .take_while(|ancestor| device(ancestor) == own)
        .last()
        .unwrap_or(&absolute)
        .to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_its_own_file_system() {
        assert_eq!(of(Path::new("/proc/self/missing")).0, Path::new("/proc"));
    }

    #[test]
    fn a_missing_path_is_answered_by_its_ancestor() {
        let dir = tempfile::tempdir().unwrap();
        let (mount, available) = of(&dir.path().join("a/b/c"));
        assert!(dir.path().canonicalize().unwrap().starts_with(mount));
        assert!(available > 0);
    }
}
