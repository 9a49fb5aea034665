//! The image hygiene gate: what a build leaves behind and no image may carry.
//!
//! Secrets that would be the same on every machine started from the image (host keys, seeds), traces of the build
//! (logs, caches, host names), and doors left open (unverified repositories, further users with root's number, setuid
//! programs that no package brought).
//! [`clean()`] removes what the build is known to leave; [`check`] then walks the tree and reports the rest.

mod clean;
mod contents;
mod leftovers;
mod privileged;

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

use crate::exclude::Excludes;
use crate::walk::{Found, Step, walk};
pub use clean::clean;
pub use privileged::{Declared, Privileged, privileged};

/// Identities from here on have no meaning inside an image: they are those of the build's sandbox.
const FOREIGN: u32 = 65_536;

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Rule {
    /// A private key that was made during the build.
    GeneratedKey,
    /// The identity of a machine.
    MachineId,
    /// A seed or secret of the system's random numbers.
    RandomSeed,
    /// Indexes, archives and backups of the package manager.
    PackageCache,
    /// Messages of the build.
    Log,
    /// Messages of the package manager and of the programs that make accounts.
    ToolLog,
    /// Commands that somebody typed.
    ShellHistory,
    /// The resolver of the build.
    ResolvConf,
    /// Temporary files.
    Temporary,
    /// A file that the package manager did not put in place.
    Unfinished,
    /// A marker of an overlay filesystem.
    Whiteout,
    /// Paths or names of the machine that built.
    BuildString,
    /// An owner outside the image's range.
    ForeignOwner,
    /// A capability bound to a user namespace.
    NamespacedCapability,
    /// A package source that is trusted without a signature.
    TrustedRepository,
    /// A user beside `root` with root's number.
    ExtraRoot,
    /// A package database that does not say what was installed.
    PackageDatabase,
    /// A program with more rights than its caller that no package brought.
    PrivilegedProgram,
}

impl Rule {
    /// Whether programs leave it behind without being asked to, so that a script is not to blame for it.
    fn is_byproduct(self) -> bool {
        matches!(self, Self::PackageCache | Self::ToolLog | Self::Temporary)
    }

    /// Whether a spec can ask for it: not for what every machine with the image would share.
    fn can_be_wanted(self) -> bool {
        !matches!(self, Self::GeneratedKey | Self::MachineId | Self::RandomSeed | Self::Unfinished)
    }
}

/// How much [`clean()`] cleans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Everything that packages are known to leave.
    Everything,
    /// Caches, temporary files and logs of tools. What else there is was put there on purpose, and whoever did it
    /// gets told by [`check`].
    Byproducts,
}

/// One thing that must not be in the image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// Path inside the image, with leading slash.
    pub path: String,
    /// The rule.
    pub rule: Rule,
    /// What is wrong, as a phrase that follows the path.
    pub reason: String,
}

/// What the gate has to know about the build.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Policy {
    /// What the image leaves out is not looked at.
    pub excludes: Excludes,
    /// Paths, host names and the like of the machine that builds; none may stand in a file of the image.
    pub build_strings: Vec<String>,
    /// Files that the spec itself asks for, without leading slash: not cleaned, and not reported as left behind unless
    /// they are secrets or identities.
    pub wanted: Vec<String>,
    /// Programs with more rights than their caller, as packages left them.
    pub privileged: Vec<Privileged>,
    /// Those that the spec declares as files of its own.
    pub declared: Vec<Declared>,
}

/// The tree could not be searched.
#[derive(Debug, thiserror::Error)]
#[error("cannot inspect `/{path}`")]
pub struct HygieneError {
    /// Path inside the tree.
    pub path: String,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl HygieneError {
    fn new(path: &[u8], source: impl Into<io::Error>) -> Self {
        Self { path: String::from_utf8_lossy(path).into_owned(), source: source.into() }
    }
}

/// Everything in the tree below `root` that must not be in an image, sorted by path.
///
/// # Errors
/// An entry that cannot be read.
pub fn check(root: BorrowedFd<'_>, policy: &Policy) -> Result<Vec<Violation>, HygieneError> {
    let searcher = contents::Searcher::new(&policy.build_strings);
    let mut violations = Vec::new();
    walk(
        root,
        &mut |found| {
            if policy.excludes.omits(found.path) {
                return Ok(Step::Over);
            }
            inspect(found, policy, &searcher, &mut violations)?;
            Ok(if policy.excludes.empties(found.path) { Step::Over } else { Step::Into })
        },
        &|path, error| HygieneError::new(path, error),
    )?;
    violations.sort();
    Ok(violations)
}

fn inspect(
    found: &Found<'_>,
    policy: &Policy,
    searcher: &contents::Searcher,
    violations: &mut Vec<Violation>,
) -> Result<(), HygieneError> {
    let mut report = |rule, reason: String| {
        let path = format!("/{}", String::from_utf8_lossy(found.path));
        violations.push(Violation { path, rule, reason });
    };
    let stat = &found.stat;
    if stat.st_uid >= FOREIGN || stat.st_gid >= FOREIGN {
        report(Rule::ForeignOwner, format!("is owned by {}:{}", stat.st_uid, stat.st_gid));
    }
    if found.kind() == FileType::CharacterDevice && stat.st_rdev == 0 {
        report(Rule::Whiteout, "is the mark of a deleted file".to_owned());
    }
    let wanted = policy.wanted.iter().any(|path| path.as_bytes() == found.path);
    if let Some(leftover) = leftovers::find(found)?
        && !(wanted && leftover.rule.can_be_wanted())
    {
        report(leftover.rule, leftover.reason.to_owned());
    }
    let capability = privileged::capability(found)?;
    if contents::is_namespaced(&capability) {
        let reason = "has a capability that only counts in the build's namespace";
        report(Rule::NamespacedCapability, reason.to_owned());
    }
    if let Some(program) = privileged::find(found, &capability) {
        privileged::check(&program, policy, &mut report);
    }
    searcher.search(found, &mut report)
}

#[cfg(test)]
mod tests;
