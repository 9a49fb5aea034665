//! The hygiene gate: looks for what no image may hold.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use lbuild_image::hygiene::{self, Policy, Violation};
use lbuild_sandbox::AgentIo;
use serde::{Deserialize, Serialize};

use super::database::{self, Installed};
use super::{chain, input, report};

/// What to hold the tree against.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GateInput {
    /// What may be in the image.
    pub(crate) policy: Policy,
    /// What was installed, all of it.
    pub(crate) installed: Vec<Installed>,
}

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GateReport {
    /// Everything that must not be in the image.
    pub(crate) violations: Vec<Violation>,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let input: GateInput = input(io)?;
    let root = File::open("/").map_err(|error| format!("cannot open the root: {error}"))?;
    let mut violations = hygiene::check(root.as_fd(), &input.policy).map_err(|error| chain(&error))?;
    violations.extend(database::check(Path::new("/"), &input.installed)?);
    report(io, &GateReport { violations })
}
