//! The command with the real `mksquashfs`.

use std::path::Path;

use lbuild_image::exclude::Excludes;
use lbuild_image::squashfs::{Compression, SquashfsOptions, command};

use crate::machine::{file, output, program, run};
use crate::sample;

fn pack(tree: &Path, image: &Path, compression: Compression, processors: u32) -> Vec<u8> {
    let excludes = Excludes { contents: vec!["proc".into()], entries: vec!["usr/larger".into()] };
    let options = SquashfsOptions {
        epoch: sample::EPOCH,
        compression,
        block_size: 131_072,
        processors,
        memory_mib: 128,
        excludes,
    };
    file("/usr/bin/mksquashfs", "squashfs-tools");
    run(&command(tree.to_str().unwrap(), image.to_str().unwrap(), &options));
    std::fs::read(image).unwrap()
}

#[test]
fn privileged_images_are_reproducible_and_keep_attributes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (work, reversed) in [(&one, false), (&two, true)] {
        sample::plain(&work.path().join("tree"), reversed);
        sample::special(&work.path().join("tree"));
    }
    for compression in [Compression::Zstd { level: 3 }, Compression::Xz { x86: true }] {
        let first = pack(&one.path().join("tree"), &one.path().join("fs"), compression, 1);
        assert!(
            first == pack(&two.path().join("tree"), &two.path().join("fs"), compression, 3),
            "{compression:?}"
        );
    }
    let unsquashfs = |arguments: &[&str]| {
        let mut unsquashfs = program("unsquashfs", "squashfs-tools");
        output(unsquashfs.args(arguments).env("TZ", "UTC").current_dir(one.path()))
    };
    let names = unsquashfs(&["-lln", "fs"]);
    assert!(names.contains("2020-09-13 12:26 squashfs-root/etc/alpha\n"), "older times stay: {names}");
    assert!(names.contains("2023-11-14 22:13 squashfs-root/etc/Zulu\n"), "newer times are clamped: {names}");
    assert!(
        !names.contains("usr/larger") && !names.contains("proc/1") && names.contains("squashfs-root/proc\n")
    );
    unsquashfs(&["-no-progress", "-d", "out", "fs", "etc/alpha-b"]);
    let capability = output(program("getcap", "libcap2-bin").arg(one.path().join("out/etc/alpha-b")));
    assert!(capability.contains("cap_net_raw=ep"), "{capability}");
}
