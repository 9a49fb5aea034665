//! Where supervisors keep their locks and job records.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

use rustix::process::geteuid;

use crate::error::LaunchError;

/// The state directory of this user, made when missing: `/run/lbuild-sandbox` for root, else below the user's run-time
/// directory or, without one, in `/tmp` under a name that carries the user's id.
pub(crate) fn directory() -> Result<PathBuf, LaunchError> {
    let uid = geteuid().as_raw();
    let run = PathBuf::from(format!("/run/user/{uid}"));
    let path = match uid {
        0 => PathBuf::from("/run/lbuild-sandbox"),
        _ if run.is_dir() => run.join("lbuild-sandbox"),
        _ => PathBuf::from(format!("/tmp/lbuild-sandbox-{uid}")),
    };
    let failed = |source| LaunchError::State { path: path.clone(), source };
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let found = path.symlink_metadata().map_err(failed)?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o022 != 0 {
        return Err(failed(io::Error::other("it is not a directory that only you can write to")));
    }
    Ok(path)
}
