//! `lbuild completions`: completions for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};
use serde_json::json;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lbuild completions bash > ~/.local/share/bash-completion/completions/lbuild
  lbuild completions zsh > \"${fpath[1]}/_lbuild\"
  lbuild completions fish > ~/.config/fish/completions/lbuild.fish")]
pub struct Options {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(options.shell, &mut Arguments::command(), "lbuild", &mut script);
    let script = String::from_utf8_lossy(&script);
    if context.global.json {
        return output::print_json(&json!({ "shell": options.shell.to_string(), "script": script }));
    }
    output::print(&script)
}
