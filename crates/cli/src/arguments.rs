//! The command line as types. What each command does with them is in [`crate::command`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use lbuild_engine::{Cancel, Engine, EngineOptions, Reach};
use lbuild_repo::resolve::Forced;

use crate::command::{
    backup, boot, build, cache, completions, config, lock, man, migrate, packages, process, resolve, schema,
    serve, validate, worker,
};
use crate::context::Context;
use crate::engine_failure;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  lbuild build debian-live.toml              build every output of the spec into ./out/debian-live/
  lbuild build debian-live.toml --explain    say why each step ran again
  lbuild resolve debian-live.toml --json     print the packages that would be installed
  lbuild boot out/debian-live/debian-live-amd64.iso --check --uefi

Exit codes: 0 ok, 1 build or boot failed, 2 usage, 3 spec invalid or packages conflict, 6 network, 130 interrupted.";

/// Turn the description of a Linux system into images that boot.
///
/// lbuild reads a spec (TOML, YAML or JSON), chooses packages, and builds ISO images, OCI images and root filesystems
/// in a sandbox. It needs no tools of the host: what a build needs is fetched from the target distribution, locked,
/// and run inside the sandbox.
#[derive(Debug, Parser)]
#[command(name = "lbuild", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Arguments {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Directory of the content-addressed store
    ///
    /// By default it is in the user's cache directory, and that of a service in its data directory. A service can have a
    /// bucket for its artifacts instead: `s3://BUCKET/PREFIX`.
    #[arg(long, global = true, env = "LBUILD_STORE", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub store: Option<PathBuf>,
    /// How to show progress on standard error
    #[arg(
        long,
        global = true,
        env = "LBUILD_PROGRESS",
        hide_env_values = true,
        value_name = "MODE",
        default_value = "auto",
        hide_possible_values = true,
        long_help = "How to show progress on standard error: tty (drawn over), plain (one line per step), quiet \
                     (warnings and errors only), json (one object per line), or auto: tty on a terminal, else plain"
    )]
    pub progress: ProgressMode,
    /// Print the result as one JSON object
    #[arg(long, global = true)]
    pub json: bool,
    /// Also show what programs in the sandbox print
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// `tty` on a terminal, `plain` elsewhere and in continuous integration.
    Auto,
    /// Drawn over.
    Tty,
    /// One line per thing that happened.
    Plain,
    /// Warnings and errors only.
    Quiet,
    /// One JSON object per event and line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the images of a spec
    Build(build::Options),
    /// Choose the packages of a spec, or explain why there is no choice
    Resolve(resolve::Options),
    /// Look at the packages of a base
    #[command(subcommand)]
    Packages(packages::Action),
    /// Write the lockfile of a spec
    Lock(lock::Options),
    /// Check a spec and report every error at once
    Validate(validate::Options),
    /// Print the JSON Schema of a spec
    Schema(schema::Options),
    /// Boot an image in an emulator
    Boot(boot::Options),
    /// Serve builds over HTTP
    #[command(after_help = process::STORES)]
    Serve(serve::Options),
    /// Work on the builds of a service that runs elsewhere
    #[command(after_help = process::STORES)]
    Worker(worker::Options),
    /// Look at the settings of the service
    #[command(subcommand)]
    Config(config::Action),
    /// Bring the database of the service up to date
    Migrate(migrate::Options),
    /// Copy the database and the keys of the service into a file
    Backup(backup::BackupOptions),
    /// Put a backup into an empty data directory
    Restore(backup::RestoreOptions),
    /// Look at the store, or free space in it
    #[command(subcommand)]
    Cache(cache::Action),
    /// Print the completions for a shell
    Completions(completions::Options),
    /// Print the manual page
    Man(man::Options),
}

/// The spec that a command works on.
#[derive(Debug, Clone, Args)]
pub struct SpecFile {
    /// The spec: a .toml, .yaml, .yml or .json file
    #[arg(value_name = "SPEC", value_hint = ValueHint::FilePath)]
    pub path: PathBuf,
}

/// Options of every command that uses the engine.
#[derive(Debug, Clone, Args)]
pub struct EngineArguments {
    /// Use nothing but the store
    #[arg(long)]
    offline: bool,
    /// Take this package in this version, whatever others say of it; the lock records it
    #[arg(long, value_name = "NAME=VERSION", value_parser = forced)]
    force_package: Vec<Forced>,
}

/// Reads `NAME=VERSION`.
fn forced(text: &str) -> Result<Forced, String> {
    match text.split_once('=') {
        Some((name, version)) if !name.is_empty() && !version.is_empty() => {
            Ok(Forced { name: name.to_owned(), version: version.to_owned() })
        }
        _ => Err("this is not NAME=VERSION".to_owned()),
    }
}

impl EngineArguments {
    /// Opens the engine on the store, until somebody asks to stop.
    pub fn open(&self, context: &Context, cancel: &Cancel) -> Result<Engine, Failure> {
        let options = EngineOptions {
            store: context.store()?,
            offline: self.offline,
            reach: Reach::Everywhere,
            force: self.force_package.clone(),
        };
        Engine::open(&options, cancel).map_err(|error| engine_failure::open(&error))
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Arguments;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_and_behind_the_command() {
        for line in [["lbuild", "--json", "validate", "a.toml"], ["lbuild", "validate", "a.toml", "--json"]] {
            assert!(Arguments::try_parse_from(line).expect("parses").global.json);
        }
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        assert!(Arguments::try_parse_from(["lbuild", "build", "a.toml", "--outputs", "floppy"]).is_err());
        assert!(Arguments::try_parse_from(["lbuild", "build"]).is_err());
        assert!(Arguments::try_parse_from(["lbuild", "--progress", "loud", "schema"]).is_err());
    }
}
