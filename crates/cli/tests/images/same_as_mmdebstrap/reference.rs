//! Has mmdebstrap make a tree of the packages of a lock.
//!
//! apt sees a repository with just these packages, so it has nothing to choose. The tree takes minutes to make, so it is
//! kept with the build of the tests, under a name that stands for everything that it was made from.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lbuild_engine::{Lock, LockedPackage};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::succeed;

/// Makes the tree in memory: dpkg flushes every file to the disk otherwise. `$1` is where, then the tar, the repository,
/// the packages; the mount is gone with the shell.
const SCRIPT: &str = r#"
set -e
mount -t tmpfs -o mode=0755 reference "$1"
TMPDIR="$1" mmdebstrap --quiet --mode=root --variant=essential --format=tar \
    --aptopt='APT::Install-Recommends "false"' --include="$4" trixie - "deb [trusted=yes] copy:$3 ./" |
    zstd --quiet -1 --force -o "$2"
"#;

/// The tree of the packages of `lock`, as a compressed tar. Their files are in the store `downloads`.
pub fn make(lock: &Lock, downloads: &Path) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mmdebstrap");
    fs::create_dir_all(&directory).expect("a directory of the build");
    let kept = directory.join(format!("{}-{}.tar.zst", lock.name, key(lock)));
    if kept.exists() {
        return kept;
    }
    sweep(&directory, &lock.name);
    // Beside what is kept, so that it can be renamed; gone with the process.
    let scratch = TempDir::new_in(&directory).expect("a directory of the build");
    let (repository, draft) = (scratch.path().join("repository"), scratch.path().join("tree.tar.zst"));
    let memory = scratch.path().join("memory");
    for directory in [&repository, &memory] {
        fs::create_dir(directory).expect("a directory");
    }
    publish(lock, downloads, &repository);
    let names: Vec<&str> = lock.system.iter().map(|package| package.name.as_str()).collect();
    let mut command = Command::new("unshare");
    // Nothing of the caller's environment: Python, for one, would not compile with a variable of its own set.
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
    command.env("SOURCE_DATE_EPOCH", lock.epoch.to_string());
    command.args(["--mount", "bash", "-o", "pipefail", "-c", SCRIPT, "bash"]);
    succeed(command.arg(&memory).arg(&draft).arg(&repository).arg(names.join(",")));
    fs::rename(&draft, &kept).expect("a tree to keep");
    kept
}

/// Removes the trees of earlier locks of this name.
fn sweep(directory: &Path, name: &str) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let digest = entry
            .file_name()
            .to_str()
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('-').map(str::len));
        if digest == Some(64 + ".tar.zst".len()) {
            fs::remove_file(entry.path()).expect("an old tree to remove");
        }
    }
}

/// Stands for everything that the tree depends on.
fn key(lock: &Lock) -> String {
    let mut hasher = Sha256::new();
    hasher.update(succeed(Command::new("mmdebstrap").arg("--version")));
    hasher.update(SCRIPT);
    hasher.update(lock.epoch.to_string());
    for package in &lock.system {
        hasher.update(format!("{} {} {}\n", package.name, package.requested_by, package.sha256));
    }
    hex::encode(hasher.finalize())
}

/// Makes a repository of the packages of a lock.
pub fn publish(lock: &Lock, downloads: &Path, repository: &Path) {
    let mut index = String::new();
    for package in &lock.system {
        let digest = package.sha256.to_string();
        let blob = downloads.join("blobs").join(&digest[..2]).join(&digest);
        let name = format!("{digest}.deb");
        let file = repository.join(&name);
        fs::hard_link(&blob, &file).or_else(|_| fs::copy(&blob, &file).map(drop)).expect("a package");
        index.push_str(&stanza(package, &file, &name));
    }
    let (digest, size) = (hex::encode(Sha256::digest(&index)), index.len());
    let release = format!(
        "Suite: stable\nCodename: trixie\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nArchitectures: {}\nSHA256:\n {digest} {size} Packages\n",
        lock.architecture
    );
    fs::write(repository.join("Packages"), index).expect("an index");
    fs::write(repository.join("Release"), release).expect("a release file");
}

/// What an index says of a package: what the package says of itself, and where it is.
fn stanza(package: &LockedPackage, file: &Path, name: &str) -> String {
    let mut text = succeed(Command::new("dpkg-deb").arg("--field").arg(file)).trim_end().to_owned();
    let _ = write!(text, "\nFilename: ./{name}\nSize: {}\nSHA256: {}\n\n", package.size, package.sha256);
    text
}
