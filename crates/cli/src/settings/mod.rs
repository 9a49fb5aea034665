//! Settings of the service. Each is declared once, as an option of the command line, and can also come from the
//! environment or from a file: the command line wins over the environment, that over the file, that over the default.
//!
//! | module | purpose |
//! |---|---|
//! | [`list`](mod@list) | every setting, in its three forms |
//! | [`mod@file`] | reads a file of settings and says everything that is wrong with it |
//! | [`parse`](mod@parse) | the command line, the environment and the file as arguments of a command |

pub mod file;
pub mod list;
pub mod parse;

use std::path::PathBuf;

use clap::{Args, ValueHint};

pub use list::{Kind, Setting, list};
pub use parse::{Effective, Refusal, parse};

/// The id of the option that names the file.
pub const FILE: &str = "config";

/// Where settings are read from.
#[derive(Debug, Args)]
pub struct SettingsFile {
    /// File of settings, in TOML: the long names of the options without their dashes
    #[arg(long = FILE, id = FILE, env = "LBUILD_CONFIG", hide_env_values = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
}
