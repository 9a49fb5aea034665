//! The way out: results to standard output, everything else to standard error.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::failure::{Exit, Failure};

/// Prints the result.
pub fn print(text: &str) -> Result<(), Failure> {
    write(text.as_bytes())
}

/// Prints the result as one JSON object.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Failure::because(Exit::Build, "cannot write the result as JSON", &error))?;
    text.push(b'\n');
    write(&text)
}

/// Prints something that is not the result: warnings, explanations.
pub fn print_error(text: &str) {
    // there is nowhere left to say that standard error is gone
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // a reader that has seen enough, such as `head`
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::because(Exit::Build, "cannot write to standard output", &error)),
        Ok(()) => Ok(()),
    }
}
