//! Our own code inside the sandbox: it runs on the tree as `/`, after every privilege is gone.
//!
//! An agent takes JSON as its input, tells what it does over its channel, and prints what programs print.

mod apply;
mod database;
mod gate;
mod initramfs;
mod install;
mod iso;
mod measure;
mod modules;
mod outlines;
mod program;
mod prove;
mod seal;
mod stand_ins;
mod tarball;

pub(crate) use apply::ApplyInput;
pub(crate) use database::Installed;
pub(crate) use gate::{GateInput, GateReport};
pub(crate) use initramfs::{GenerateInput, GenerateReport, Generated, InputsInput, InputsReport, Lent};
pub(crate) use install::{InstallInput, InstallReport, PackageMessage, PrivilegedPrograms};
pub(crate) use iso::IsoInput;
pub(crate) use measure::Measured;
pub(crate) use modules::BASE as OUTLINED;
pub(crate) use outlines::{MODULES, OutlinesInput, OutlinesReport, SPACE, is_module};
pub(crate) use seal::Seal;
pub(crate) use stand_ins::script_path;
pub(crate) use tarball::{TarballInput, TarballReport};

use lbuild_sandbox::{Agent, AgentIo};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Names of the agents.
pub(crate) mod name {
    pub(crate) const APPLY: &str = "apply";
    pub(crate) const HYGIENE: &str = "hygiene";
    pub(crate) const INITRAMFS: &str = "initramfs";
    pub(crate) const INITRAMFS_INPUTS: &str = "initramfs-inputs";
    pub(crate) const INSTALL: &str = "deb-install";
    pub(crate) const ISO: &str = "iso";
    pub(crate) const MEASURE: &str = "measure";
    pub(crate) const OUTLINES: &str = "outlines";
    pub(crate) const TARBALL: &str = "tarball";
}

/// The agents of this program, for [`lbuild_sandbox::dispatch`].
pub fn agents() -> &'static [Agent] {
    &[
        Agent { name: name::APPLY, run: apply::run },
        Agent { name: name::HYGIENE, run: gate::run },
        Agent { name: name::INITRAMFS, run: initramfs::generate },
        Agent { name: name::INITRAMFS_INPUTS, run: initramfs::inputs },
        Agent { name: name::INSTALL, run: install::run },
        Agent { name: name::ISO, run: iso::run },
        Agent { name: name::MEASURE, run: measure::run },
        Agent { name: name::OUTLINES, run: outlines::run },
        Agent { name: name::TARBALL, run: tarball::run },
    ]
}

fn input<T: DeserializeOwned>(io: &AgentIo) -> Result<T, String> {
    serde_json::from_slice(&io.input).map_err(|error| format!("bad input of an agent: {error}"))
}

fn report<T: Serialize>(io: &AgentIo, report: &T) -> Result<(), String> {
    let bytes = serde_json::to_vec(report).map_err(|error| error.to_string())?;
    io.send(&bytes).map_err(|error| format!("lost the engine: {error}"))
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
