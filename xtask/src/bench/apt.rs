//! `apt-get` with directories of its own, over given sources and an empty system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::Outcome;
use crate::command::stdout;

/// A private configuration and state of apt.
pub struct Apt {
    directory: PathBuf,
}

impl Apt {
    /// Makes the directories and gets the lists.
    pub fn prepare(sources: &str, scratch: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let directory = scratch.join("apt");
        for part in ["state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"] {
            fs::create_dir_all(directory.join(part))?;
        }
        fs::write(directory.join("etc/sources.list"), sources)?;
        fs::write(directory.join("status"), "")?;
        let path = |part: &str| directory.join(part).display().to_string();
        let settings = [
            ("Dir::Etc", path("etc")),
            ("Dir::State", path("state")),
            ("Dir::State::status", path("status")),
            ("Dir::Cache", path("cache")),
            ("APT::Architecture", "amd64".to_owned()),
            ("APT::Install-Recommends", "false".to_owned()),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            // the keys stay the machine's own
            ("Dir::Etc::trusted", "/etc/apt/trusted.gpg".to_owned()),
            ("Dir::Etc::trustedparts", "/etc/apt/trusted.gpg.d".to_owned()),
        ];
        let lines: Vec<String> =
            settings.iter().map(|(key, value)| format!("{key} \"{value}\";\n")).collect();
        fs::write(directory.join("apt.conf"), lines.concat())?;
        let apt = Self { directory };
        stdout(apt.command().arg("update"))?;
        Ok(apt)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.env("APT_CONFIG", self.directory.join("apt.conf"));
        command
    }

    /// Where the lists of packages are, as text.
    pub fn lists(&self) -> PathBuf {
        self.directory.join("state/lists")
    }

    /// Finds out what would be installed.
    pub fn simulate(&self, packages: &[&str]) -> Outcome {
        stdout(self.command().args(["-s", "install"]).args(packages))?;
        Ok(ExitCode::SUCCESS)
    }
}
