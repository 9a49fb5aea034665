//! Programs of the tree, started by an agent.

use std::io::Write as _;
use std::process::{Command, ExitStatus, Stdio};

/// A program of the tree with its arguments and its whole environment.
#[derive(Debug, Clone)]
pub(super) struct Program<'a> {
    pub(super) argv: &'a [String],
    pub(super) env: &'a [(String, String)],
    pub(super) stdin: Option<&'a [u8]>,
}

impl Program<'_> {
    /// Runs it to its end; what it prints goes to the log of the job.
    pub(super) fn run(&self) -> Result<(), String> {
        let mut child = self
            .command()?
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .spawn()
            .map_err(|error| format!("cannot run `{}`: {error}", self.name()))?;
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), self.stdin) {
            // A program that does not read all of its input is judged by its exit status alone.
            let _ = pipe.write_all(bytes);
        }
        let status = child.wait().map_err(|error| format!("cannot wait for `{}`: {error}", self.name()))?;
        self.judge(status)
    }

    /// Runs it without input and returns what it prints.
    pub(super) fn output(&self) -> Result<Vec<u8>, String> {
        let output = self
            .command()?
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot run `{}`: {error}", self.name()))?;
        self.judge(output.status).map(|()| output.stdout)
    }

    fn command(&self) -> Result<Command, String> {
        let Some((name, arguments)) = self.argv.split_first() else {
            return Err("an empty command".to_owned());
        };
        let mut command = Command::new(name);
        let env = self.env.iter().map(|(key, value)| (key, value));
        command.args(arguments).env_clear().envs(env).current_dir("/");
        Ok(command)
    }

    fn name(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    fn judge(&self, status: ExitStatus) -> Result<(), String> {
        if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", self.argv.join(" "))) }
    }
}
