//! Removes or empties what a build is known to leave behind.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};

use super::leftovers::{self, Remedy};
use super::{HygieneError, Policy, Scope};
use crate::walk::{Found, Step, walk};

/// Cleans the tree below `root` and returns the paths that were removed or emptied, without leading slash.
///
/// What the spec wants and what the image leaves out stays. Links to what is removed go with it. Removing is not undone
/// when a later entry fails.
///
/// # Errors
/// An entry that cannot be read, removed or emptied.
pub fn clean(root: BorrowedFd<'_>, policy: &Policy, scope: Scope) -> Result<Vec<String>, HygieneError> {
    let mut cleaned = Vec::new();
    let mut removed = Vec::new();
    walk(
        root,
        &mut |found| {
            if policy.excludes.omits(found.path) || policy.excludes.empties(found.path) {
                return Ok(Step::Over);
            }
            if policy.wanted.iter().any(|path| path.as_bytes() == found.path) {
                return Ok(Step::Into);
            }
            let known = leftovers::find(found)?;
            let Some(leftover) =
                known.filter(|leftover| scope == Scope::Everything || leftover.rule.is_byproduct())
            else {
                return Ok(Step::Into);
            };
            apply(found, leftover.remedy).map_err(|error| HygieneError::new(found.path, error))?;
            if leftover.remedy != Remedy::Report {
                cleaned.push(String::from_utf8_lossy(found.path).into_owned());
            }
            if leftover.remedy == Remedy::Remove {
                removed.push(found.path.to_vec());
            }
            Ok(if leftover.remedy == Remedy::Remove { Step::Over } else { Step::Into })
        },
        &|path, error| HygieneError::new(path, error),
    )?;
    if !removed.is_empty() {
        cleaned.extend(remove_links(root, &removed)?);
    }
    Ok(cleaned)
}

/// Removes the links to what was removed: those beside it, as `openssl-rehash(1)` makes them for certificates.
fn remove_links(root: BorrowedFd<'_>, removed: &[Vec<u8>]) -> Result<Vec<String>, HygieneError> {
    let leads_there = |directory: &[u8]| {
        let below = |path: &Vec<u8>| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"));
        directory.is_empty() || removed.iter().any(below)
    };
    let mut links = Vec::new();
    walk(
        root,
        &mut |found| {
            let failed = |error| HygieneError::new(found.path, error);
            if found.kind() == FileType::Symlink {
                let target = beside(found.path, found.read_link().map_err(failed)?.to_bytes());
                if removed.contains(&target) {
                    fs::unlinkat(found.parent, found.name, AtFlags::empty()).map_err(failed)?;
                    links.push(String::from_utf8_lossy(found.path).into_owned());
                }
            }
            Ok(if leads_there(found.path) { Step::Into } else { Step::Over })
        },
        &|path, error| HygieneError::new(path, error),
    )?;
    Ok(links)
}

/// Where the link at `path` leads, if it says so from the root of the tree or from its own directory.
fn beside(path: &[u8], target: &[u8]) -> Vec<u8> {
    if let Some(absolute) = target.strip_prefix(b"/") {
        return absolute.to_vec();
    }
    let directory = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    [&path[..directory], target].concat()
}

fn apply(found: &Found<'_>, remedy: Remedy) -> rustix::io::Result<()> {
    match remedy {
        Remedy::Report => Ok(()),
        Remedy::Empty => {
            let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            fs::openat(found.parent, found.name, flags, Mode::empty()).map(drop)
        }
        Remedy::Remove if found.kind() == FileType::Directory => {
            empty_directory(&found.open()?)?;
            fs::unlinkat(found.parent, found.name, AtFlags::REMOVEDIR)
        }
        Remedy::Remove => fs::unlinkat(found.parent, found.name, AtFlags::empty()),
    }
}

fn empty_directory(dir: &OwnedFd) -> rustix::io::Result<()> {
    for name in crate::walk::names(dir)? {
        let stat = fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            empty_directory(&fs::openat(dir, &name, flags, Mode::empty())?)?;
            fs::unlinkat(dir, &name, AtFlags::REMOVEDIR)?;
        } else {
            fs::unlinkat(dir, &name, AtFlags::empty())?;
        }
    }
    Ok(())
}
