//! `lbuild build`: from a spec to images in the output directory.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use lbuild_engine::{BuildRequest, JobLimits};
use lbuild_spec::Blueprint;
use lbuild_spec::model::Output;

use super::lock;
use crate::arguments::{EngineArguments, SpecFile};
use crate::context::Context;
use crate::engine_failure;
use crate::explain;
use crate::failure::{Exit, Failure};
use crate::format::parse_size;
use crate::output;
use crate::session::Session;
use crate::spec_file;
use crate::summary;

/// What to build and where to put it.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    spec: SpecFile,
    /// Directory for the artifacts [default: `out` and the name of the spec]
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Build only these outputs of the spec: iso, oci, rootfs, disk
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_output)]
    outputs: Vec<Output>,
    /// Build exactly the packages of this lockfile
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    lock: Option<PathBuf>,
    /// Build exactly the packages of the lockfile beside the spec, and fail when it is not of this spec
    #[arg(long)]
    locked: bool,
    /// Boot the image when it is built, and keep the proof beside it
    #[arg(long)]
    boot_check: bool,
    /// Say for each step whether it came from the store, and which input changed
    #[arg(long)]
    explain: bool,
    /// End a step that takes longer than this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = JobLimits::default().time.as_secs())]
    time_limit: u64,
    /// End a step that fills more of the disk than this
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value_t = JobLimits::default().disk)]
    disk_limit: u64,
    #[command(flatten)]
    engine: EngineArguments,
}

fn parse_output(text: &str) -> Result<Output, String> {
    let known = [Output::Iso, Output::Oci, Output::Rootfs, Output::Disk];
    known
        .into_iter()
        .find(|output| output.key() == text)
        .ok_or_else(|| "use iso, oci, rootfs or disk".to_owned())
}

/// Builds, and prints what was built.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let spec_file::Loaded { mut blueprint, directory } = spec_file::load(&options.spec.path, context)?;
    choose_outputs(&mut blueprint, &options.outputs)?;
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from("out").join(&blueprint.name));
    let lock = match &options.lock {
        Some(path) => Some(lock::read(path)?),
        None if options.locked => Some(lock::read(&lock::beside(&options.spec.path))?),
        None => None,
    };
    let title = format!("building {} ({})", blueprint.name, super::system(&blueprint));
    let session = Session::start(context, &title)?;
    let limits = JobLimits { time: Duration::from_secs(options.time_limit), disk: options.disk_limit };
    let engine = options.engine.open(context, session.cancel())?.with_limits(limits);
    let request = BuildRequest { blueprint, lock, out, spec_dir: directory, boot_check: options.boot_check };
    let report = session
        .run(|observer| engine.build(&request, observer))
        .map_err(|error| engine_failure::build(&error, &request.blueprint, context))?;
    if context.global.json {
        return output::print_json(&report);
    }
    if options.explain {
        output::print(&explain::table(&report, context.style()))?;
    }
    output::print(&summary::text(&report, context.terminal))
}

fn choose_outputs(blueprint: &mut Blueprint, chosen: &[Output]) -> Result<(), Failure> {
    let missing = chosen.iter().find(|output| !blueprint.outputs.contains(output));
    if let Some(output) = missing {
        let listed: Vec<&str> = blueprint.outputs.iter().map(|output| output.key()).collect();
        let message = format!("the spec does not list `{}` among its outputs", output.key());
        return Err(Failure::new(Exit::Usage, message).hint(format!("it lists: {}", listed.join(", "))));
    }
    if !chosen.is_empty() {
        blueprint.outputs.retain(|output| chosen.contains(output));
    }
    Ok(())
}
