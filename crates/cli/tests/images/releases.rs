//! The release before the present one. Its images are packed by tools of the present one.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use crate::place::{LIVE, Place};
use crate::rootfs::Rootfs;

/// First volume descriptor of an ISO 9660 file system, and its volume name: where they lie, in bytes.
const ISO_MAGIC: (u64, &[u8]) = (0x8001, b"CD001");
const ISO_NAME: (u64, &[u8]) = (0x8028, b"BOOKWORM ");

#[test]
fn privileged_the_release_before_is_built() {
    let place = Place::shared();
    let spec = LIVE.replace("\"trixie\"", "\"bookworm\"").replace("\"live\"", "\"bookworm\"");
    place.spec(&spec.replace("\"oci\", ", ""));
    let built = place.build();
    let names: Vec<String> = built.artifacts().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["bookworm-amd64.iso", "bookworm-amd64.tar.zst", "lbuild.lock"]);

    let system = Rootfs::read(&built.rootfs());
    assert!(system.text("usr/lib/os-release").contains("VERSION_CODENAME=bookworm"));
    let kernels: Vec<&str> = system.0.keys().filter_map(|path| path.strip_prefix("boot/vmlinuz-")).collect();
    let [kernel] = kernels[..] else { panic!("not one kernel: {kernels:?}") };
    assert!(kernel.starts_with("6.1."), "{kernel}");
    assert!(system.has(&format!("boot/initrd.img-{kernel}")));
    let unfinished: Vec<_> = system
        .text("var/lib/dpkg/status")
        .lines()
        .filter_map(|line| line.strip_prefix("Status: ").map(str::to_owned))
        .filter(|status| status != "install ok installed")
        .collect();
    assert_eq!(unfinished, [""; 0]);

    let mut iso = File::open(built.out.join(&names[0])).expect("the ISO");
    for (offset, expected) in [ISO_MAGIC, ISO_NAME] {
        let mut found = vec![0; expected.len()];
        iso.seek(SeekFrom::Start(offset)).and_then(|_| iso.read_exact(&mut found)).expect("the ISO");
        assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(expected));
    }
}
