//! Lends the system a program of the tools, for as long as the copy of it lasts in which the generator runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::agent::stand_ins::script;

/// Where the generator looks for programs: it sets its own `PATH`.
const PROGRAMS: &str = "/usr/bin";

/// A program of the tools tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lent {
    /// Where the tools are seen.
    pub(crate) tools: PathBuf,
    /// Its name in `/usr/bin`.
    pub(crate) program: String,
}

impl Lent {
    /// Makes the program callable by its name, unless the system has its own. It runs with the libraries of the tools,
    /// because the system need not have those either.
    pub(super) fn put(&self) -> io::Result<()> {
        let place = Path::new(PROGRAMS).join(&self.program);
        if place.symlink_metadata().is_ok() {
            return Ok(());
        }
        let program = self.tools.join("usr/bin").join(&self.program);
        let (libraries, loader) = find_loader(&self.tools.join("usr/lib"))?;
        let [libraries, loader, program] =
            [libraries, loader, program].map(|path| path.display().to_string());
        script(&place, &format!("#!/bin/sh\nexec {loader} --library-path {libraries} {program} \"$@\"\n"))
    }
}

/// The directory of the libraries of this architecture, and the program loader in it.
fn find_loader(directory: &Path) -> io::Result<(PathBuf, PathBuf)> {
    for entry in fs::read_dir(directory)? {
        let libraries = entry?.path();
        if !libraries.to_string_lossy().ends_with("-linux-gnu") {
            continue;
        }
        for entry in fs::read_dir(&libraries)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // `ld-linux-x86-64.so.2`, `ld-linux-aarch64.so.1`
            if name.starts_with("ld-linux") && name.contains(".so.") {
                return Ok((libraries, path));
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "the tools have no program loader"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_is_found_beside_its_libraries() {
        let directory = tempfile::tempdir().unwrap();
        let libraries = directory.path().join("aarch64-linux-gnu");
        fs::create_dir_all(&libraries).unwrap();
        fs::create_dir_all(directory.path().join("apt")).unwrap();
        fs::write(libraries.join("libc.so.6"), "").unwrap();
        assert!(find_loader(directory.path()).is_err());
        let loader = libraries.join("ld-linux-aarch64.so.1");
        fs::write(&loader, "").unwrap();
        assert_eq!(find_loader(directory.path()).unwrap(), (libraries, loader));
    }
}
