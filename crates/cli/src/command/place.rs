//! Where a service keeps things, as options of every command that deals with one.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::failure::{Exit, Failure};
use crate::settings::SettingsFile;

/// Where the service keeps things.
#[derive(Debug, Args)]
pub struct Place {
    /// Directory of the database, the artifacts and the store [default: in the user's data directory]
    #[arg(long, env = "LBUILD_DATA", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
    /// Address of the database: postgres://..., or sqlite:FILE [default: a file in the data directory]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL", value_parser = database)]
    database: Option<String>,
    #[command(flatten)]
    _settings: SettingsFile,
}

/// Where the key is that secrets are sealed with.
#[derive(Debug, Args)]
pub struct SealingKey {
    /// File of the key that secrets of tenants are sealed with [default: in the data directory]
    #[arg(long, env = "LBUILD_SECRET_KEY", hide_env_values = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    secret_key: Option<PathBuf>,
}

impl SealingKey {
    /// The file, when one was named.
    pub fn file(&self) -> Option<&Path> {
        self.secret_key.as_deref()
    }
}

fn database(text: &str) -> Result<String, String> {
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if text.is_empty() || known.iter().any(|start| text.starts_with(start) && text.len() > start.len()) {
        return Ok(text.to_owned());
    }
    // what was written may have a password
    Err("it begins with neither sqlite:, postgres:// nor postgresql://".to_owned())
}

impl Place {
    /// The data directory.
    pub fn data(&self) -> Result<PathBuf, Failure> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let home = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = home("XDG_DATA_HOME").or_else(|| Some(home("HOME")?.join(".local/share")));
        base.map(|base| base.join("lbuild")).ok_or_else(|| {
            Failure::new(Exit::Usage, "there is no home directory to keep the data in")
                .hint("name a directory with --data".to_owned())
        })
    }

    /// Address of the database, when one was named.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref().filter(|text| !text.is_empty())
    }

    /// Both, as the service takes them.
    pub fn resolve(&self) -> Result<lbuild_server::place::Place, Failure> {
        Ok(lbuild_server::place::Place { data: self.data()?, database: self.database().map(str::to_owned) })
    }
}
