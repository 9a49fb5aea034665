//! Carries out configuration actions on the tree.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use lbuild_sandbox::AgentIo;
use serde::{Deserialize, Serialize};

use super::program::Program;
use super::prove::prove;
use super::seal::{Seal, seal};
use super::{input, report};
use crate::configure::{Action, Owner, Probe};

/// What to do, and how to leave the tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ApplyInput {
    /// The actions, in order, each group under a name for errors.
    pub(crate) groups: Vec<(String, Vec<Action>)>,
    /// What must hold afterwards.
    pub(crate) probes: Vec<Probe>,
    /// Environment of programs.
    pub(crate) env: Vec<(String, String)>,
    /// How to leave the tree.
    pub(crate) seal: Seal,
}

/// Said before each group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ApplyReport {
    /// Name of the group.
    pub(crate) group: String,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let options: ApplyInput = input(io)?;
    let mut blobs: Blobs = std::mem::take(&mut io.fds).into_iter();
    for (group, actions) in &options.groups {
        report(io, &ApplyReport { group: group.clone() })?;
        for action in actions {
            apply(action, &options.env, &mut blobs).map_err(|reason| format!("{group}: {reason}"))?;
        }
    }
    prove(&options.probes, &options.env)?;
    seal(&options.seal)
}

/// The contents of [`Action::WriteBlob`]s, in the order of the actions.
type Blobs = std::vec::IntoIter<OwnedFd>;

fn apply(action: &Action, env: &[(String, String)], blobs: &mut Blobs) -> Result<(), String> {
    let failed = |path: &str, error: io::Error| format!("cannot write `{path}`: {error}");
    match action {
        Action::WriteFile { path, contents, mode, owner } => {
            write_file(path, &mut contents.as_slice(), *mode, owner).map_err(|error| failed(path, error))
        }
        Action::WriteBlob { path, mode, owner, .. } => {
            let mut contents = File::from(blobs.next().ok_or("a blob came without its file")?);
            write_file(path, &mut contents, *mode, owner).map_err(|error| failed(path, error))
        }
        Action::Symlink { path, target } => symlink(path, target).map_err(|error| failed(path, error)),
        Action::Directory { path, mode, owner } => {
            directory(path, *mode, owner).map_err(|error| failed(path, error))
        }
        Action::Remove { path } => remove(path).map_err(|error| failed(path, error)),
        Action::SetLine { path, prefix, line } => {
            set_line(path, prefix, line).map_err(|error| failed(path, error))
        }
        Action::Run { purpose, argv, stdin, env: more } => {
            let env: Vec<_> = env.iter().chain(more).cloned().collect();
            let program = Program { argv, env: &env, stdin: Some(stdin) };
            program.run().map_err(|reason| format!("{purpose} failed: {reason}"))
        }
        Action::IfExists { path, then } if Path::new(path).symlink_metadata().is_ok() => {
            then.iter().try_for_each(|action| apply(action, env, blobs))
        }
        Action::IfExists { then, .. } => {
            blobs.by_ref().take(Action::blobs(then).len()).for_each(drop);
            Ok(())
        }
    }
}

fn write_file(path: &str, contents: &mut impl io::Read, mode: u32, owner: &Owner) -> io::Result<()> {
    let (uid, gid) = ids(owner)?;
    make_parents(path)?;
    remove(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::copy(contents, &mut file)?;
    finish(&file, uid, gid, mode)
}

/// The owner first: changing it clears the setuid bit.
fn finish(file: &File, uid: u32, gid: u32, mode: u32) -> io::Result<()> {
    fchown(file, Some(uid), Some(gid))?;
    file.set_permissions(Permissions::from_mode(mode))
}

fn symlink(path: &str, target: &str) -> io::Result<()> {
    make_parents(path)?;
    remove(path)?;
    std::os::unix::fs::symlink(target, path)
}

fn directory(path: &str, mode: u32, owner: &Owner) -> io::Result<()> {
    let (uid, gid) = ids(owner)?;
    DirBuilder::new().recursive(true).mode(0o755).create(path)?;
    finish(&File::open(path)?, uid, gid, mode)
}

fn remove(path: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn set_line(path: &str, prefix: &str, line: &str) -> io::Result<()> {
    let old = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    let mut found = false;
    let mut new = String::with_capacity(old.len() + line.len() + 1);
    for existing in old.lines() {
        let matches = existing.starts_with(prefix);
        if !(matches && found) {
            new.push_str(if matches { line } else { existing });
            new.push('\n');
        }
        found |= matches;
    }
    if !found {
        new.push_str(line);
        new.push('\n');
    }
    make_parents(path)?;
    fs::write(path, new)
}

fn make_parents(path: &str) -> io::Result<()> {
    match Path::new(path).parent() {
        Some(parent) => DirBuilder::new().recursive(true).mode(0o755).create(parent),
        None => Ok(()),
    }
}

fn ids(owner: &Owner) -> io::Result<(u32, u32)> {
    Ok((id(&owner.user, "/etc/passwd")?, id(&owner.group, "/etc/group")?))
}

/// A number, or the third field of the name's line in `passwd(5)` or `group(5)`.
fn id(name: &str, file: &str) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let table = fs::read_to_string(file)?;
    let line = table.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|rest| rest.split(':').nth(1)).and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, format!("`{name}` is not in {file} of the system"))
    })
}
