//! The steps to an image: small files made here, programs run by the caller.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::esp::esp_image;
use crate::command::ToolCommand;

/// One step. Paths are absolute inside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IsoStep {
    /// Writes a text file.
    Write {
        /// The file, which does not exist yet.
        path: String,
        /// All of its contents.
        text: String,
    },
    /// Runs a program of the tools tree.
    Run(ToolCommand),
    /// Makes the EFI system partition.
    Esp {
        /// The image file.
        output: String,
        /// What it holds.
        files: Vec<EspFile>,
        /// Serial number of the FAT volume.
        serial: u32,
    },
}

/// One file of the EFI system partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EspFile {
    /// Path inside the partition, directories separated by `/`.
    pub path: String,
    /// Where the contents come from.
    pub source: EspSource,
}

/// Where the contents of a file come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EspSource {
    /// A file inside the sandbox.
    File(String),
    /// The text itself.
    Text(String),
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot make `{path}`")]
pub struct StepError {
    /// The file that was read or written.
    pub path: String,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl IsoStep {
    /// Carries the step out, with all paths taken below `root`. Returns the program when it is the caller's to run.
    ///
    /// Meant for the inside of a sandbox: paths are followed as they are.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn perform(&self, root: &Path) -> Result<Option<&ToolCommand>, StepError> {
        let below = |path: &str| root.join(path.trim_start_matches('/'));
        let failed = |path: &str| {
            let path = path.to_owned();
            |source| StepError { path, source }
        };
        match self {
            Self::Write { path, text } => std::fs::write(below(path), text).map_err(failed(path))?,
            Self::Run(command) => return Ok(Some(command)),
            Self::Esp { output, files, serial } => {
                let mut contents = Vec::with_capacity(files.len());
                for file in files {
                    let bytes = match &file.source {
                        EspSource::Text(text) => text.clone().into_bytes(),
                        EspSource::File(path) => std::fs::read(below(path)).map_err(failed(path))?,
                    };
                    contents.push((file.path.as_str(), bytes));
                }
                let image = esp_image(&contents, *serial).map_err(failed(output))?;
                std::fs::write(below(output), image).map_err(failed(output))?;
            }
        }
        Ok(None)
    }
}
