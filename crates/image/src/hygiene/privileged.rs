//! Programs that run with more rights than their caller: setuid, setgid, or with capabilities of their own.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::FileType;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{HygieneError, Policy, Rule};
use crate::exclude::Excludes;
use crate::walk::{Found, Step, walk};

/// Setuid and setgid.
const SPECIAL: u32 = 0o6000;
/// Longest value of `security.capability` (the third revision), with room to spare.
const CAPABILITY: usize = 64;

/// A program that runs with more rights than its caller has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Privileged {
    /// Path inside the image without leading slash; bytes that are not printable ASCII are escaped.
    pub path: String,
    /// Permission bits with the special ones.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
    /// The value of `security.capability` (see `capabilities(7)`) in hexadecimal; empty without capabilities.
    pub capability: String,
}

/// A privileged program that a spec declares as a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// Path without leading slash.
    pub path: String,
    /// Permission bits with the special ones.
    pub mode: u32,
}

impl Privileged {
    /// What it is, as a phrase that follows its path.
    pub fn describe(&self) -> String {
        let kind = match (self.mode & 0o4000 != 0, self.mode & 0o2000 != 0) {
            (true, _) => "a setuid program",
            (false, true) => "a setgid program",
            (false, false) => "a program with capabilities",
        };
        let (user, group) = self.owner;
        format!("is {kind} (mode {:04o}, owner {user}:{group})", self.mode)
    }
}

/// Every privileged program of the tree below `root`, sorted by path; what the image leaves out is not looked at.
///
/// # Errors
/// An entry that cannot be read.
pub fn privileged(root: BorrowedFd<'_>, excludes: &Excludes) -> Result<Vec<Privileged>, HygieneError> {
    let mut programs = Vec::new();
    walk(
        root,
        &mut |found| {
            if excludes.omits(found.path) {
                return Ok(Step::Over);
            }
            programs.extend(find(found, &capability(found)?));
            Ok(if excludes.empties(found.path) { Step::Over } else { Step::Into })
        },
        &|path, error| HygieneError::new(path, error),
    )?;
    programs.sort();
    Ok(programs)
}

/// The entry as a privileged program, if it is one; `capability` is what [`capability`] says of it.
pub(super) fn find(found: &Found<'_>, capability: &[u8]) -> Option<Privileged> {
    let mode = found.stat.st_mode & 0o7777;
    if found.kind() != FileType::RegularFile || (mode & SPECIAL == 0 && capability.is_empty()) {
        return None;
    }
    let hex = capability.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Some(Privileged {
        path: found.path.escape_ascii().to_string(),
        mode,
        owner: (found.stat.st_uid, found.stat.st_gid),
        capability: hex,
    })
}

/// The file capabilities of a program; empty for everything that has none.
pub(super) fn capability(found: &Found<'_>) -> Result<Vec<u8>, HygieneError> {
    if found.kind() != FileType::RegularFile || found.stat.st_mode & 0o111 == 0 {
        return Ok(Vec::new());
    }
    let read = found.open().map_err(io::Error::from).and_then(|file| value(&file));
    read.map_err(|error| HygieneError::new(found.path, error))
}

fn value(file: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut value = vec![0; CAPABILITY];
    match rustix::fs::fgetxattr(file, c"security.capability", value.as_mut_slice()) {
        Ok(count) => value.truncate(count),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => value.clear(),
        Err(error) => return Err(error.into()),
    }
    Ok(value)
}

/// Reports a privileged program that neither a package brought nor the spec declares.
pub(super) fn check(program: &Privileged, policy: &Policy, report: &mut dyn FnMut(Rule, String)) {
    let declared = |declared: &Declared| {
        declared.path == program.path && declared.mode == program.mode && program.capability.is_empty()
    };
    if !policy.privileged.contains(program) && !policy.declared.iter().any(declared) {
        report(Rule::PrivilegedProgram, format!("{} of no package", program.describe()));
    }
}
