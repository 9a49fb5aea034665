//! Landlock on top of mounts and ids: no write outside what the job may write to, no abstract socket and no signal
//! across the job's border, and no change of mounts even if the filter of system calls had a hole.

use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope,
};
use rustix::fs::{CWD, Mode, OFlags, openat};

use super::mounts::Entered;
use crate::failure::{Failure, Step};

/// The newest interface that the rules below were written for; an older kernel enforces what it knows.
const INTERFACE: ABI = ABI::V6;

/// Restricts this process and its descendants.
pub(super) fn restrict(entered: &Entered) -> Result<(), Failure> {
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
    enforce(rules).map_err(std::io::Error::other).step("restrict file access by landlock")
}

fn enforce(rules: Vec<PathBeneath<OwnedFd>>) -> Result<(), RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(INTERFACE))?
        .scope(Scope::from_all(INTERFACE))?
        .create()?
        .add_rules(rules.into_iter().map(Ok::<_, RulesetError>))?
        .restrict_self()
        .map(drop)
}

fn open(path: &str) -> Result<OwnedFd, Failure> {
    openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).step_with(|| format!("open `{path}`"))
}
