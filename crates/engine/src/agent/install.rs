//! Installs packages into the tree: native unpack, preinst scripts, `dpkg --configure`.

use std::fs::File;
use std::os::fd::AsFd as _;

use lbuild_image::hygiene::{self, Privileged};
use lbuild_repo::deb::unpack::{self, Options, Package, Preinst, Progress, RunPreinst, Unpacked};
use lbuild_sandbox::AgentIo;
use lbuild_store::Digest;
use serde::{Deserialize, Serialize};

use super::modules;
use super::program::Program;
use super::seal::{Seal, seal};
use super::stand_ins::StandIns;
use super::{chain, input, report};

/// How to install.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InstallInput {
    /// Unpacking threads.
    pub(crate) threads: usize,
    /// Native architecture.
    pub(crate) architecture: String,
    /// Top-level links into `usr`.
    pub(crate) aliases: Vec<String>,
    /// Environment of scripts.
    pub(crate) env: Vec<(String, String)>,
    /// Programs that do nothing while packages are configured, because a later step runs them once.
    pub(crate) deferred: Vec<String>,
    /// How to leave the tree; `None` stops after unpacking, for a tree that holds tools and not a system.
    pub(crate) seal: Option<Seal>,
    /// Whether a message with the outlines of the kernel modules follows when everything is in the tree: their file as a
    /// descriptor, or none. There is a memory file system for them then.
    pub(crate) outlines: bool,
}

/// Comes with one descriptor, the package's file; the end of the messages is the end of the packages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PackageMessage {
    /// Rank in the lock.
    pub(crate) order: u32,
    /// Digest that the file must have.
    pub(crate) sha256: Digest,
}

/// Programs with more rights than their caller, in the whole tree.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PrivilegedPrograms {
    /// Those that the packages of this layer brought.
    pub(crate) brought: Vec<Privileged>,
    /// All others: of the layers below, and what scripts made.
    pub(crate) others: Vec<Privileged>,
}

/// What the agent tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum InstallReport {
    /// A package is in the tree.
    Unpacked(String),
    /// Everything is in the tree; this many devices became empty files.
    Configuring {
        /// Device files that could not be made.
        placeholders: usize,
    },
    /// What may run with more rights than its caller, now that all scripts have run.
    Privileged(PrivilegedPrograms),
    /// A script failed.
    Failed {
        /// Its package.
        package: String,
        /// The script, such as `preinst`.
        script: String,
    },
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let options: InstallInput = input(io)?;
    let root = File::open("/").map_err(|error| format!("cannot open the root: {error}"))?;
    let Some(last) = &options.seal else { return unpack_all(io, &root, &options, None).map(drop) };
    let mut stand_ins = None;
    let mut preinst = |preinst: &Preinst| {
        // The directories that they lie in come with the packages.
        if stand_ins.is_none() {
            stand_ins = Some(StandIns::put(&options.deferred)?);
        }
        run_preinst(io, &options, preinst)
    };
    let unpacked = unpack_all(io, &root, &options, Some(&mut preinst))?;
    let stand_ins = match stand_ins {
        Some(stand_ins) => stand_ins,
        None => StandIns::put(&options.deferred)?,
    };
    report(io, &InstallReport::Configuring { placeholders: unpacked.placeholders.len() })?;
    let stand_ins = stand_ins.complete()?;
    let outlines = || if options.outlines { receive_outlines(io) } else { None };
    modules::beside(&options.env, outlines, || dpkg(&options))?;
    stand_ins.remove()?;
    seal(last)?;
    let programs = hygiene::privileged(root.as_fd(), &last.policy.excludes).map_err(|error| chain(&error))?;
    let (brought, others) =
        programs.into_iter().partition(|program| unpacked.brought(program.path.as_bytes()));
    report(io, &InstallReport::Privileged(PrivilegedPrograms { brought, others }))
}

fn unpack_all(
    io: &AgentIo,
    root: &File,
    options: &InstallInput,
    preinst: Option<&mut RunPreinst<'_>>,
) -> Result<Unpacked, String> {
    let mut broken = None;
    let packages = std::iter::from_fn(|| {
        receive(io).unwrap_or_else(|reason| {
            broken = Some(reason);
            None
        })
    });
    let unpack_options = Options {
        threads: options.threads,
        aliases: options.aliases.clone(),
        architectures: vec![options.architecture.clone()],
        ..Options::default()
    };
    let unpacked =
        unpack::unpack(root.as_fd(), packages, &unpack_options, preinst, &|progress| tell(io, progress));
    match broken {
        Some(reason) => Err(reason),
        None => unpacked.map_err(|error| chain(&error)),
    }
}

fn tell(io: &AgentIo, progress: Progress<'_>) {
    if let Progress::Unpacked { name, .. } = progress {
        // A caller that is gone takes the whole job down, so there is nobody to tell of the failure.
        let _ = report(io, &InstallReport::Unpacked(name.to_owned()));
    }
}

fn receive(io: &AgentIo) -> Result<Option<Package>, String> {
    let Some(message) = io.recv().map_err(|error| format!("lost the engine: {error}"))? else {
        return Err("the engine went away before the last package".to_owned());
    };
    if message.bytes.is_empty() {
        return Ok(None);
    }
    let package: PackageMessage =
        serde_json::from_slice(&message.bytes).map_err(|error| format!("bad message: {error}"))?;
    let file = message.fds.into_iter().next().ok_or("a package came without its file")?;
    Ok(Some(Package { file: File::from(file), order: package.order, sha256: Some(package.sha256.0) }))
}

/// Waits for the outlines. When the engine is gone, the modules serve as well.
fn receive_outlines(io: &AgentIo) -> Option<File> {
    io.recv().ok().flatten()?.fds.into_iter().next().map(File::from)
}

fn run_preinst(io: &AgentIo, options: &InstallInput, preinst: &Preinst) -> Result<(), String> {
    let (argv, mut env) = preinst.command();
    env.extend(options.env.iter().cloned());
    Program { argv: &argv, env: &env, stdin: None }.run().or_else(|reason| {
        report(
            io,
            &InstallReport::Failed { package: preinst.package.clone(), script: "preinst".to_owned() },
        )?;
        Err(reason)
    })
}

fn dpkg(options: &InstallInput) -> Result<(), String> {
    let argv =
        ["dpkg", "--force-unsafe-io", "--force-confold", "--configure", "--pending"].map(str::to_owned);
    Program { argv: &argv, env: &options.env, stdin: None }.run()
}
