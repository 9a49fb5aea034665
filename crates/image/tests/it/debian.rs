//! A real Debian system, made by mmdebstrap from the mirror that this machine uses and kept for later runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::machine::{output, program};

/// The root of a minimal system with an ssh server and a program with a file capability. Tests only read it.
pub fn tree() -> &'static Path {
    static TREE: OnceLock<PathBuf> = OnceLock::new();
    TREE.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (tree, draft) = (directory.join("image-debian"), directory.join("image-debian.draft"));
        std::fs::create_dir_all(directory).unwrap();
        // Another run may be making the same tree.
        let lock = File::create(directory.join("image-debian.lock")).unwrap();
        lock.lock().unwrap();
        if !tree.exists() {
            make(&draft);
            std::fs::rename(&draft, &tree).unwrap();
        }
        tree
    })
}

fn make(root: &Path) {
    if root.exists() {
        std::fs::remove_dir_all(root).unwrap();
    }
    let mut mmdebstrap = program("mmdebstrap", "mmdebstrap");
    mmdebstrap.args(["--mode=root", "--variant=minbase", "--include=openssh-server,iputils-ping", "--quiet"]);
    mmdebstrap.arg("trixie").arg(root).arg(mirror());
    output(&mut mmdebstrap);
}

/// The archive that the machine's own apt is configured for.
fn mirror() -> String {
    let mut apt = Command::new("apt-get");
    let list = output(apt.args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]));
    let uri = list.lines().find(|uri| uri.trim_end_matches('/').ends_with("/debian"));
    uri.expect("apt is configured for a Debian archive").to_owned()
}
