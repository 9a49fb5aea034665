//! The OCI image in the hands of the programs that people load it with.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::place::{Place, SMALL};

/// Containers and images of a test, in a store of their own.
struct Storage {
    directory: tempfile::TempDir,
}

impl Storage {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    /// Runs `podman` or `buildah`; returns what it printed.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        for name in ["root", "runroot"] {
            command.arg(format!("--{name}")).arg(self.directory.path().join(name));
        }
        succeed(command.args(["--storage-driver", "vfs"]).args(arguments))
    }
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    String::from_utf8(output.stdout).expect("a text")
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn privileged_the_oci_image_is_inspected_loaded_and_run() {
    let place = Place::shared();
    place.spec(SMALL);
    let archive = place.build().out.join("small-amd64.oci.tar");
    let mut skopeo = Command::new("skopeo");
    let told = succeed(skopeo.arg("inspect").arg(format!("oci-archive:{}", utf8(&archive))));
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["Architecture"], &told["Os"]), (&"amd64".into(), &"linux".into()));

    let storage = Storage::new();
    let loaded = storage.run("podman", &["load", "--input", utf8(&archive)]);
    assert!(loaded.contains("localhost/small:trixie"), "{loaded}");
    let from = format!("oci-archive:{}", utf8(&archive));
    let container = storage.run("buildah", &["from", &from]);
    let container = container.trim();
    // A change of root alone: what machine the tests run on decides whether more can be had.
    let script = "dpkg --audit && dpkg-query --show --showformat '${Package}\\n' apt && id --name --user";
    let isolated = ["run", "--isolation", "chroot", container, "sh", "-c", script];
    assert_eq!(storage.run("buildah", &isolated), "apt\nroot\n");
    storage.run("buildah", &["rm", "--all"]);
    storage.run("podman", &["rmi", "--all", "--force"]);
}
