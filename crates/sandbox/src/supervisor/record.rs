//! Records of running jobs: what to remove if their supervisor cannot.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use rustix::process::getpid;

use super::cgroup;
use crate::failure::{Failure, Step};

/// A record without a lock is left alone until it is this old, because its supervisor may be about to lock it.
const GRACE: Duration = Duration::from_secs(10);

/// The record of one job, locked by its supervisor and removed with this value.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: String,
    path: PathBuf,
    file: File,
}

impl Record {
    pub(super) fn create(state: &Path) -> Result<Self, Failure> {
        let directory = directory(state).step("make the directory of job records")?;
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name = format!("lbuild-{}-{}", getpid().as_raw_nonzero(), started.as_nanos());
        let path = directory.join(&name);
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).step("record the job")?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).step("lock the job's record")?;
        Ok(Self { name, path, file })
    }

    /// Notes a control group, before it is made.
    pub(super) fn note(&self, group: &Path) -> Result<(), Failure> {
        (&self.file).write_all(format!("{}\n", group.display()).as_bytes()).step("record a control group")
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // A record that stays behind is removed by the next sweep.
        let _ = fs::remove_file(&self.path);
    }
}

fn directory(state: &Path) -> io::Result<PathBuf> {
    let directory = state.join("jobs");
    match fs::DirBuilder::new().mode(0o700).create(&directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(directory),
    }
}

/// Removes what killed supervisors have left.
pub(super) fn sweep(state: &Path) -> Result<(), Failure> {
    let directory = directory(state).step("make the directory of job records")?;
    for entry in fs::read_dir(&directory).step("list the job records")? {
        let path = entry.step("list the job records")?.path();
        match remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error)
                    .step_with(|| format!("remove the remains of the job `{}`", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(());
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
    if text.is_empty() && age < GRACE {
        return Ok(());
    }
    for group in text.lines() {
        cgroup::remove_abandoned(Path::new(group));
    }
    fs::remove_file(path)
}
