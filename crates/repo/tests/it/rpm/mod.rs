//! RPM: real repositories and packages, and rpm itself as the judge.

mod fixtures;
mod metadata;
mod packages;
mod versions;

use std::path::{Path, PathBuf};

/// The directory of test data of the family, beside the repository.
fn data() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/rpm");
    assert!(path.is_dir(), "the test data must be at {}", path.display());
    path
}

/// Every file below `directory` whose name `wanted` accepts, in order.
fn files_below(directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a directory of the test data") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().and_then(|name| name.to_str()).is_some_and(wanted) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
