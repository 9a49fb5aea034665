//! libsolv, through its Python bindings: the same files and the same request.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::command::stdout;

/// What a file is.
#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// `Packages` of Debian.
    Debian,
    /// `primary.xml` of an RPM repository.
    Rpm,
}

/// What `libsolv.py` prints.
#[derive(Deserialize)]
struct Answer {
    /// From the files to the answer, without the start of Python.
    seconds: f64,
    /// How many packages were chosen; none where there is no answer.
    chosen: Option<usize>,
}

/// Seconds from the files to an answer.
pub fn answer(
    format: Format,
    files: &[PathBuf],
    request: &[String],
) -> Result<f64, Box<dyn std::error::Error>> {
    let format = match format {
        Format::Debian => "debian",
        Format::Rpm => "rpm",
    };
    let text = stdout(
        Command::new("/usr/bin/python3")
            .args(["-c", include_str!("libsolv.py"), format, &request.join(" ")])
            .args(files),
    )?;
    let answer: Answer = serde_json::from_str(&text)?;
    match answer.chosen {
        Some(1..) => Ok(answer.seconds),
        _ => Err(format!("libsolv finds no packages for {request:?}").into()),
    }
}

/// The version of the package that has it.
pub fn version() -> Result<String, Box<dyn std::error::Error>> {
    Ok(stdout(Command::new("dpkg-query").args(["-W", "-f", "${Version}", "python3-solv"]))?)
}
