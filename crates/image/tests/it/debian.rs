//! A real Debian system, made once per run by mmdebstrap from the mirror that this machine uses.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::machine::{output, program};

/// The root of a minimal system with an ssh server and a program with a file capability.
pub fn tree() -> &'static Path {
    static TREE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, root) = TREE.get_or_init(|| {
        let work = tempfile::tempdir().unwrap();
        let root = work.path().join("root");
        let mut mmdebstrap = program("mmdebstrap", "mmdebstrap");
        mmdebstrap.args([
            "--mode=root",
            "--variant=minbase",
            "--include=openssh-server,iputils-ping",
            "--quiet",
        ]);
        mmdebstrap.arg("trixie").arg(&root).arg(mirror());
        output(&mut mmdebstrap);
        (work, root)
    });
    root
}

/// The archive that the machine's own apt is configured for.
fn mirror() -> String {
    let list = output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
    ]));
    let uri = list.lines().find(|uri| uri.trim_end_matches('/').ends_with("/debian"));
    uri.expect("apt is configured for a Debian archive").to_owned()
}
