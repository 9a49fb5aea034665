//! RPM: real repositories and packages, and rpm itself as the judge.

mod distros;
mod fixtures;
mod metadata;
mod packages;
pub mod solver;
mod versions;

use std::path::{Path, PathBuf};

/// The directory of test data of the family.
fn data() -> PathBuf {
    lbuild_testkit::realdata::path("rpm")
}

/// An armored key, without the text that some repositories write around it.
fn key(name: &str) -> Vec<u8> {
    let text = std::fs::read(data().join(name)).expect("a key of the test data");
    let find = |mark: &[u8]| text.windows(mark.len()).position(|window| window == mark);
    let (Some(start), Some(end)) = (find(b"-----BEGIN"), find(b"-----END")) else { return text };
    let line = text[end..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |line| end + line + 1);
    text[start..line].to_vec()
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
