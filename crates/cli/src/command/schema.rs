//! `lbuild schema`: the JSON Schema of a spec.

use clap::Args;

use crate::failure::Failure;
use crate::output;

/// None.
#[derive(Debug, Args)]
pub struct Options {}

/// Prints the schema.
pub fn run() -> Result<(), Failure> {
    output::print_json(&lbuild_spec::schema())
}
