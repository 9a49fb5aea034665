//! Unpacking, judged by what is in the tree afterwards and by dpkg itself.
//!
//! Tests whose packages only have files of root's need no privilege as long as the tree is on a file system of the user
//! who runs them; those that change owners or enter the tree are named `privileged_`.

mod hostile;
mod oracle;
mod rules;

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use lbuild_repo::deb::unpack::{Options, Package, Preinst, RunPreinst, UnpackError, Unpacked, unpack};
use lbuild_testkit::debfile::DebFile;
use lbuild_testkit::tarball::Tarball;

/// A tree to unpack into.
struct Root {
    directory: tempfile::TempDir,
}

impl Root {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.directory.path().join(inside)
    }

    fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|error| panic!("{inside}: {error}"))
    }

    fn write(&self, inside: &str, content: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Unpacks packages, in this order of rank, on two threads.
    fn unpack(&self, debs: Vec<DebFile>) -> Result<Unpacked, UnpackError> {
        self.unpack_with(debs, None)
    }

    fn unpack_with(
        &self,
        debs: Vec<DebFile>,
        scripts: Option<&mut RunPreinst<'_>>,
    ) -> Result<Unpacked, UnpackError> {
        let root = File::open(self.directory.path()).unwrap();
        let packages = debs.into_iter().zip(0..).map(|(deb, order)| package(&deb.build(), order));
        unpack(root.as_fd(), packages, &Options::default(), scripts, &|_| {})
    }

    /// The status stanza of a package.
    fn status(&self, name: &str) -> String {
        let status = self.read("var/lib/dpkg/status");
        let found = status.split("\n\n").find(|stanza| stanza.starts_with(&format!("Package: {name}\n")));
        found.unwrap_or_else(|| panic!("`{name}` is not in the status file:\n{status}")).to_owned()
    }
}

fn package(bytes: &[u8], order: u32) -> Package {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    Package { file, order, sha256: None }
}

/// A package with one file.
fn with_file(name: &str, path: &str, content: &str) -> DebFile {
    DebFile::new(name).data(Tarball::new().file(path, content.as_bytes()))
}

/// Paths below `root`, sorted, without those of the database.
fn paths(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let inside = entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if entry.file_type().unwrap().is_dir() {
                waiting.push(entry.path());
            } else if !inside.starts_with("var/lib/dpkg/") {
                found.push(inside);
            }
        }
    }
    found.sort();
    found
}

/// Runs a preinst on the host's shell, with the tree as its working directory.
fn run_beside(root: &Path, preinst: &Preinst) -> Result<(), String> {
    let (argv, environment) = preinst.command();
    let script = root.join(argv[0].trim_start_matches('/'));
    let output = std::process::Command::new("/bin/sh")
        .arg(script)
        .args(&argv[1..])
        .envs(environment)
        .current_dir(root)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
