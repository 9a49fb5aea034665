//! The same packages give the same tree as mmdebstrap makes of them, with apt and dpkg doing all the work.
//!
//! | module | purpose |
//! |---|---|
//! | [`reference`] | has mmdebstrap make its tree, once for each set of packages |
//! | [`normal`] | takes out of both trees what depends on the order of configuration alone |
//! | [`marks`] | has apt install the same requests, and compares what it remembers of them |
//! | [`cpio`] | unpacks an initramfs, because two compressors never write the same bytes |
//! | [`allowed`] | what may differ nonetheless, from `differences.toml` |

mod allowed;
mod cpio;
mod marks;
mod normal;
mod reference;

use std::fs;
use std::path::Path;
use std::process::Command;

use lbuild_engine::Lock;
use lbuild_testkit::treediff;

use crate::place::{Place, downloads};

/// The Essential packages and those of priority required.
const MINIMAL: &str = r#"
name = "minimal"
base = "debian"
release = "trixie"
outputs = ["rootfs"]
kernel = { flavor = "none" }
repositories = { priority = "required", recommends = false }
"#;

/// A kernel with the scripts of a live system, and servers with accounts, capabilities, alternatives and Python.
const LIVE_SERVER: &str = r#"
name = "live-server"
base = "debian"
release = "trixie"
outputs = ["rootfs"]
kernel = { flavor = "cloud" }
repositories = { priority = "important", recommends = false }

[packages]
base = ["systemd-sysv", "live-boot", "openssh-server", "ca-certificates"]
networking = ["nginx", "iputils-ping", "nftables", "mtr-tiny", "chrony", "tcpdump"]
security = ["fail2ban", "unattended-upgrades", "sudo"]
utils = ["rsyslog", "vim", "man-db", "rsync", "locales"]
"#;

/// Xfce with its display manager.
const DESKTOP: &str = r#"
name = "desktop"
base = "debian"
release = "trixie"
outputs = ["rootfs"]
kernel = { flavor = "none" }
repositories = { priority = "required", recommends = false }

[packages]
base = ["systemd-sysv"]
utils = ["task-xfce-desktop", "network-manager"]
"#;

/// What each set asks for by name, and by fields that need a package.
const LIVE_SERVER_REQUESTS: [&str; 19] = [
    "linux-image-cloud-amd64",
    "systemd-sysv",
    "live-boot",
    "openssh-server",
    "ca-certificates",
    "nginx",
    "iputils-ping",
    "nftables",
    "mtr-tiny",
    "chrony",
    "tcpdump",
    "fail2ban",
    "unattended-upgrades",
    "sudo",
    "rsyslog",
    "vim",
    "man-db",
    "rsync",
    "locales",
];
const DESKTOP_REQUESTS: [&str; 3] = ["systemd-sysv", "task-xfce-desktop", "network-manager"];

#[test]
fn privileged_same_as_mmdebstrap_minimal() {
    judge("minimal", MINIMAL, &[]);
}

#[test]
fn privileged_same_as_mmdebstrap_live_server() {
    judge("live-server", LIVE_SERVER, &LIVE_SERVER_REQUESTS);
}

#[test]
fn privileged_same_as_mmdebstrap_desktop() {
    judge("desktop", DESKTOP, &DESKTOP_REQUESTS);
}

/// Builds a spec and has mmdebstrap build its packages; the trees may differ in what `differences.toml` says.
fn judge(set: &str, spec: &str, requests: &[&str]) {
    let place = Place::new();
    place.spec(spec);
    let rootfs = place.build().rootfs();
    let text = fs::read_to_string(place.path("spec.lock")).expect("the lock");
    let lock = Lock::parse(&text, "spec.lock").expect("a lock");
    let (ours, theirs) = (place.path("ours"), place.path("theirs"));
    unpack(&rootfs, &ours);
    dpkg_is_content(&ours);
    let reference = reference::make(&lock, &downloads());
    unpack(&reference, &theirs);
    for tree in [&ours, &theirs] {
        normal::normalize(tree);
    }
    let allowances = allowed::of_set(set);
    let report = treediff::compare(&ours, &theirs, false, &allowances).expect("two trees");
    report.assert_equal();
    assert_eq!(report.unused, [""; 0], "`differences.toml` allows what does not differ");
    assert!(report.entries > 5000, "{} entries", report.entries);
    // Last, because apt leaves its caches in the tree.
    marks::judge(&place, &lock, &downloads(), &ours, requests);
}

/// Unpacks an archive into a new directory.
pub fn unpack(archive: &Path, directory: &Path) {
    fs::create_dir(directory).expect("a directory");
    let mut tar = Command::new("tar");
    tar.args([
        "--zstd",
        "--xattrs",
        "--xattrs-include=*",
        "--numeric-owner",
        "--same-permissions",
        "--extract",
    ]);
    succeed(tar.arg("--file").arg(archive).arg("--directory").arg(directory));
}

/// dpkg finds no package that is half installed, and every file as its package brought it.
fn dpkg_is_content(tree: &Path) {
    for check in ["--audit", "--verify"] {
        assert_eq!(succeed(chroot(tree).args(["dpkg", check])), "", "dpkg {check}");
    }
}

/// A command of a tree, to which its arguments are added.
pub fn chroot(tree: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "chroot"]).arg(tree);
    command.env("LC_ALL", "C");
    command
}

/// Runs a command; returns what it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout
}
