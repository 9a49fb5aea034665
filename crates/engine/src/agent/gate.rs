//! The hygiene gate: looks for what no image may hold.

use std::fs::File;
use std::os::fd::AsFd as _;

use lbuild_image::hygiene::{self, Policy, Violation};
use lbuild_sandbox::AgentIo;
use serde::{Deserialize, Serialize};

use super::{chain, input, report};

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GateReport {
    /// Everything that must not be in the image.
    pub(crate) violations: Vec<Violation>,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let policy: Policy = input(io)?;
    let root = File::open("/").map_err(|error| format!("cannot open the root: {error}"))?;
    let violations = hygiene::check(root.as_fd(), &policy).map_err(|error| chain(&error))?;
    report(io, &GateReport { violations })
}
