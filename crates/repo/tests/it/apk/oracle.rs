//! The real `apk`, from Alpine's own root filesystem, run by that system's own loader: nothing of it is installed here.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use lbuild_repo::compress::Capped;
use lbuild_repo::tar::{Archive, Kind, Policy};
use lbuild_testkit::realdata;

/// The unpacked root filesystem of Alpine 3.20.3, with apk-tools 2.14.4.
fn system() -> &'static Path {
    static SYSTEM: OnceLock<tempfile::TempDir> = OnceLock::new();
    SYSTEM.get_or_init(unpack).path()
}

/// Unpacks the program and the libraries that it needs.
fn unpack() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let bytes = realdata::read("alpine/alpine-minirootfs-3.20.3-x86_64.tar.gz");
    let plain = Capped::new(&bytes[..], 64 << 20).expect("gzip");
    let mut archive = Archive::new(plain, Policy::package());
    while let Some(entry) = archive.next_entry().expect("a root filesystem") {
        let name = String::from_utf8(entry.path).expect("text");
        let wanted = name == "sbin/apk" || name.starts_with("lib/ld-musl") || name.starts_with("lib/lib");
        if !wanted {
            continue;
        }
        let path = directory.path().join(&name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        match entry.kind {
            Kind::File => {
                let mut file = std::fs::File::create(&path).expect("a file");
                std::io::copy(&mut archive.content(), &mut file).expect("content");
                let mode = std::os::unix::fs::PermissionsExt::from_mode(entry.mode);
                std::fs::set_permissions(&path, mode).expect("a mode");
            }
            Kind::Symlink(target) => {
                let target = String::from_utf8(target).expect("text");
                std::os::unix::fs::symlink(target, &path).expect("a symlink");
            }
            other => panic!("{name} is {other:?}"),
        }
    }
    directory
}

/// Runs `apk` with these arguments.
pub fn apk(arguments: &[&str]) -> Output {
    let system = system();
    Command::new(system.join("lib/ld-musl-x86_64.so.1"))
        .arg("--library-path")
        .arg(system.join("lib"))
        .arg(system.join("sbin/apk"))
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .expect("apk runs")
}

/// A root directory in which `apk` thinks that `installed` is installed and `world` is wanted. Nothing can be unpacked there,
/// but everything can be planned.
pub struct Root {
    directory: tempfile::TempDir,
}

impl Root {
    /// Makes the directory, with these files `APKINDEX.tar.gz` as its repositories.
    pub fn new(repositories: &[Vec<u8>], installed: &str, world: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = Self { directory };
        root.write("lib/apk/db/installed", installed.as_bytes());
        root.write("lib/apk/db/triggers", b"");
        root.write("lib/apk/db/lock", b"");
        root.write("etc/apk/world", world.as_bytes());
        root.write("etc/apk/arch", b"x86_64\n");
        let mut lines = String::new();
        for (number, index) in repositories.iter().enumerate() {
            root.write(&format!("repository{number}/x86_64/APKINDEX.tar.gz"), index);
            let path = root.directory.path().join(format!("repository{number}"));
            lines.extend([path.to_str().expect("text"), "\n"]);
        }
        root.write("etc/apk/repositories", lines.as_bytes());
        root
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(path, content).expect("a file");
    }

    /// Runs `apk` on it; returns what it printed, both streams after each other.
    pub fn run(&self, arguments: &[&str]) -> String {
        let root = self.directory.path().to_str().expect("text");
        let options = ["--root", root, "--allow-untrusted", "--no-network", "--no-progress", "--no-cache"];
        let output = apk(&[&options[..], arguments].concat());
        let text = |bytes| String::from_utf8(bytes).expect("text");
        text(output.stdout) + &text(output.stderr)
    }
}
