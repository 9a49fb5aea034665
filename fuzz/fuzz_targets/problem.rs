//! Saved problems: what is read can be written again, and solved without harm.

use lbuild_repo::family::family;
use lbuild_repo::resolve::{Snapshot, resolve};

/// Reads the bytes as a saved problem and solves it.
pub fn run(data: &[u8]) {
    let Ok(problem) = Snapshot::parse(data) else { return };
    let again = Snapshot::parse(problem.to_text().as_bytes());
    assert_eq!(again.ok().as_ref(), Some(&problem));
    let (Ok(index), Some(rules)) = (problem.index(), family(&problem.family)) else { return };
    match resolve(rules, &index, &problem.request) {
        Ok(selection) => assert!(selection.packages.len() <= index.len()),
        Err(reason) => assert!(!reason.summary.is_empty()),
    }
}
