//! The image layout against the tools that people load it with.

use std::collections::BTreeMap;
use std::path::Path;

use lbuild_image::blob::{Compressor, ZstdOptions};
use lbuild_image::exclude::Excludes;
use lbuild_image::oci::{OciImage, OciOptions, write_layout};

use crate::machine::{output, program};
use crate::{sample, tar};

fn layout(stream: &[u8], threads: u32, archive: &Path) -> OciImage {
    let mut compressor = Compressor::new(Vec::new(), &ZstdOptions { level: 3, threads }).unwrap();
    std::io::Write::write_all(&mut compressor, stream).unwrap();
    let (blob, layer) = compressor.finish().unwrap();
    let options = OciOptions {
        architecture: "amd64".into(),
        epoch: sample::EPOCH,
        reference: "sample-live:trixie".into(),
        cmd: vec!["/bin/bash".into()],
        env: vec!["PATH=/usr/bin:/bin".into()],
        labels: BTreeMap::from([("org.opencontainers.image.title".into(), "sample".into())]),
        created_by: "lbuild".into(),
    };
    let mut out = std::fs::File::create(archive).unwrap();
    write_layout(&options, &layer, &mut blob.as_slice(), &mut out).unwrap()
}

#[test]
fn skopeo_reads_the_image() {
    let work = tempfile::tempdir().unwrap();
    let (tree, archive) = (work.path().join("tree"), work.path().join("image.oci.tar"));
    sample::plain(&tree, false);
    let (stream, _) = tar::stream(&tree, Excludes::default());
    let image = layout(&stream, 1, &archive);
    let source = format!("oci-archive:{}:sample-live:trixie", archive.display());
    let mut skopeo = program("skopeo", "skopeo");
    let found: serde_json::Value = serde_json::from_str(&output(skopeo.args(["inspect", &source]))).unwrap();
    assert_eq!(found["Digest"], format!("sha256:{}", image.manifest.sha256));
    assert_eq!(found["Created"], "2023-11-14T22:13:20Z");
    assert_eq!((&found["Architecture"], &found["Os"]), (&"amd64".into(), &"linux".into()));
    assert_eq!(found["Labels"]["org.opencontainers.image.title"], "sample");
    // A copy decompresses the layer and so checks both digests.
    let target = format!("oci:{}:x", work.path().join("copy").display());
    output(program("skopeo", "skopeo").args(["--insecure-policy", "copy", &source, &target]));

    let again = work.path().join("again.oci.tar");
    layout(&stream, 4, &again);
    assert!(
        std::fs::read(&archive).unwrap() == std::fs::read(&again).unwrap(),
        "the layout depends on the threads"
    );
}

#[test]
fn privileged_podman_and_buildah_load_the_image() {
    let work = tempfile::tempdir().unwrap();
    let (tree, archive) = (work.path().join("tree"), work.path().join("image.oci.tar"));
    sample::plain(&tree, false);
    sample::special(&tree);
    layout(&tar::stream(&tree, Excludes::default()).0, 2, &archive);
    let store = ["root", "runroot"].map(|name| work.path().join(name).display().to_string());
    let storage = ["--root", &store[0], "--runroot", &store[1], "--storage-driver", "vfs"];
    let podman = |arguments: &[&str]| output(program("podman", "podman").args(storage).args(arguments));
    let buildah = |arguments: &[&str]| output(program("buildah", "buildah").args(storage).args(arguments));

    let archive = archive.display().to_string();
    assert!(podman(&["load", "-i", &archive]).contains("localhost/sample-live:trixie"));
    let format = "{{.Architecture}} {{.Os}} {{.Config.Cmd}} {{len .RootFS.Layers}}";
    let facts = podman(&["image", "inspect", "--format", format, "localhost/sample-live:trixie"]);
    assert_eq!(facts.trim(), "amd64 linux [/bin/bash] 1");

    let container = buildah(&["from", "--pull-never", "localhost/sample-live:trixie"]);
    let mounted = buildah(&["mount", container.trim()]);
    let root = Path::new(mounted.trim());
    assert_eq!(std::fs::read_link(root.join("etc/link")).unwrap(), Path::new("alpha"));
    let capability = output(program("getcap", "libcap2-bin").arg(root.join("etc/alpha-b")));
    assert!(capability.contains("cap_net_raw=ep"), "{capability}");
    let listing = "find . -path ./proc -prune -o -printf '%p %M %U %G %y %l\\n' | sort";
    let find = |tree: &Path| output(program("sh", "dash").args(["-ec", listing]).current_dir(tree));
    assert_eq!(find(root), find(&tree));
    buildah(&["umount", "--all"]);
    buildah(&["rm", "--all"]);
    podman(&["rmi", "--all", "--force"]);
}
