//! `lbuild validate`: checks a spec and reports every error at once.

use clap::Args;
use lbuild_spec::{Diagnostics, Severity};
use serde::Serialize;

use crate::arguments::SpecFile;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::format::count;
use crate::output;
use crate::spec_file;

/// What to check.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    spec: SpecFile,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    /// The spec can be built from.
    valid: bool,
    file: String,
    diagnostics: &'a Diagnostics,
}

/// Checks the spec.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let source = spec_file::read(&options.spec.path)?;
    let (valid, diagnostics) = match spec_file::check(&source) {
        Ok(blueprint) => (true, Diagnostics(blueprint.warnings)),
        Err(diagnostics) => (false, diagnostics),
    };
    if context.global.json {
        output::print_json(&Report { valid, file: source.file.clone(), diagnostics: &diagnostics })?;
    } else {
        output::print_error(&diagnostics.render(&source, context.terminal.stderr.color));
        let found = |severity| diagnostics.0.iter().filter(|found| found.severity == severity).count();
        let (errors, warnings) = (found(Severity::Error), found(Severity::Warning));
        let verdict = if valid { context.style().good("valid") } else { context.style().bad("invalid") };
        let counts = [(errors, "error"), (warnings, "warning")];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| count(number, what))
            .collect();
        let separator = if counts.is_empty() { "" } else { ", " };
        output::print(&format!("{}: {verdict}{separator}{}\n", source.file, counts.join(", ")))?;
    }
    if valid { Ok(()) } else { Err(Failure::silent(Exit::Spec)) }
}
