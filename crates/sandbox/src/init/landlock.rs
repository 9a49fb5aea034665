//! Landlock on top of mounts and ids: no write outside what the job may write to, no abstract socket and no signal
//! across the job's border, and no change of mounts even if the filter of system calls had a hole.

use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::fs::{CWD, Mode, OFlags, openat};

use super::mounts::Entered;
use crate::failure::{Failure, Step};
use crate::sys;

/// The newest interface that the rules below were written for; an older kernel enforces what it knows.
const INTERFACE: ABI = ABI::V6;

/// The interface that this kernel can enforce the rules by, 0 for none.
pub(crate) fn interface() -> i32 {
    sys::landlock_interface().min(INTERFACE as i32)
}

/// Restricts this process and its descendants; returns the interface by which the kernel enforces it, 0 for none.
pub(super) fn restrict(entered: &Entered) -> Result<i32, Failure> {
    let all = AccessFs::from_all(INTERFACE);
    let mut rules = Vec::new();
    if entered.writable_root {
        rules.push(PathBeneath::new(open("/")?, all));
    } else {
        rules.push(PathBeneath::new(open("/")?, AccessFs::from_read(INTERFACE)));
        for target in entered.writable.iter().map(String::as_str).chain(["/dev", "/proc"]) {
            rules.push(PathBeneath::new(open(target)?, all));
        }
    }
    let status = enforce(rules).map_err(std::io::Error::other).step("restrict file access by landlock")?;
    Ok(match status.ruleset {
        RulesetStatus::NotEnforced => 0,
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => interface(),
    })
}

fn enforce(rules: Vec<PathBeneath<OwnedFd>>) -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(INTERFACE))?
        .scope(Scope::from_all(INTERFACE))?
        .create()?
        .add_rules(rules.into_iter().map(Ok::<_, RulesetError>))?
        .restrict_self()
}

fn open(path: &str) -> Result<OwnedFd, Failure> {
    openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).step_with(|| format!("open `{path}`"))
}
