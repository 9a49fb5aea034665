//! `lbuild man`: the manual pages.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;
use serde_json::json;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// Where to.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  lbuild man --out ~/.local/share/man/man1")]
pub struct Options {
    /// Write one page per command into this directory instead of printing the first one
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the page, or writes all of them.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let cannot = |error: &io::Error| Failure::because(Exit::Build, "cannot write the manual pages", error);
    let mut command = Arguments::command();
    command.build();
    if let Some(directory) = &options.out {
        std::fs::create_dir_all(directory).map_err(|error| cannot(&error))?;
        write_all(&command, directory).map_err(|error| cannot(&error))?;
        return if context.global.json {
            output::print_json(&json!({ "directory": directory }))
        } else {
            Ok(())
        };
    }
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(|error| cannot(&error))?;
    let page = String::from_utf8_lossy(&page);
    if context.global.json { output::print_json(&json!({ "page": page })) } else { output::print(&page) }
}

fn write_all(command: &clap::Command, directory: &Path) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.generate_to(directory)?;
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .try_for_each(|command| write_all(command, directory))
}
