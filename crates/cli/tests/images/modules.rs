//! The kernel's modules are decompressed once, and what is made of them is what their packed files give.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::place::{LIVE, Place};
use crate::same_as_mmdebstrap::{chroot, succeed, unpack};

/// What the jobs say when they work with outlines.
const MADE: &str = "kernel modules have outlines";
const USED: &str = "the generator sees the outlines of the kernel modules";

#[test]
fn privileged_outlines_of_modules_give_what_the_modules_give() {
    let place = Place::new();
    place.spec(&LIVE.replace("outputs = [\"iso\", \"oci\", \"rootfs\"]", "outputs = [\"rootfs\"]"));
    let log = build(&place, "first");
    assert!(log.contains(MADE) && log.contains(USED), "{log}");
    index_is_that_of_depmod(&place);

    // With a core from the store there are no outlines, and the generator works with the modules.
    forget(place.store(), "initramfs");
    let log = build(&place, "again");
    assert!(log.contains("Generating") && !log.contains(MADE) && !log.contains(USED), "{log}");
    assert_eq!(sums(&place, "first"), sums(&place, "again"));
}

#[test]
fn privileged_a_generator_that_works_otherwise_gets_the_modules() {
    let place = Place::new();
    let system = LIVE.replace("outputs = [\"iso\", \"oci\", \"rootfs\"]", "outputs = [\"rootfs\"]");
    // Without the stand-in, nothing would bring the packed modules back.
    place.spec(&format!(
        "{system}\n[[files]]\npath = \"/etc/initramfs-tools/hooks/otherwise\"\nmode = \"0755\"\n\
         text = \"#!/bin/sh\\nrm -f /usr/bin/depmod\\n\"\n"
    ));
    let log = build(&place, "first");
    // For the core and, in vain, for the whole system; then once more.
    let times = |what: &str| log.matches(what).count();
    assert_eq!((times(USED), times("Generating")), (2, 3), "{log}");

    forget(place.store(), "initramfs");
    build(&place, "again");
    assert_eq!(sums(&place, "first"), sums(&place, "again"));
}

/// Builds and returns the log of all jobs.
fn build(place: &Place, out: &str) -> String {
    let arguments = ["build", "spec.toml", "--lock", "spec.lock", "--progress", "json", "--out", out];
    let ended = place.run(&arguments);
    ended.expect_success();
    let events = ended.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = events.filter_map(|event| event["line"].as_str().map(|line| format!("{line}\n")));
    lines.collect()
}

/// Runs the system's own `depmod` over its modules and compares every file that it makes.
fn index_is_that_of_depmod(place: &Place) {
    let tree = place.path("tree");
    unpack(&place.path("first").join("live-amd64.tar.zst"), &tree);
    let modules = tree.join("usr/lib/modules");
    let kernel = fs::read_dir(&modules).expect("modules").next().expect("a kernel").expect("its name");
    succeed(chroot(&tree).args(["depmod", "-o", "/tmp"]).arg(kernel.file_name()));
    let mut files = 0;
    for entry in fs::read_dir(tree.join("tmp/lib/modules").join(kernel.file_name())).expect("an index") {
        let entry = entry.expect("a file");
        let ours = fs::read(kernel.path().join(entry.file_name())).expect("the same file");
        assert!(ours == fs::read(entry.path()).expect("a file"), "{}", entry.path().display());
        files += 1;
    }
    assert!(files >= 10, "{files}");
}

fn sums(place: &Place, out: &str) -> String {
    fs::read_to_string(place.path(out).join("SHA256SUMS")).expect("sums")
}

/// Makes the store forget the steps whose names end so.
fn forget(store: &Path, step: &str) {
    let mut forgotten = 0;
    for entry in fs::read_dir(store.join("steps")).expect("steps") {
        let path = entry.expect("a step").path();
        let record: Value = serde_json::from_slice(&fs::read(&path).expect("a record")).expect("JSON");
        if record["name"].as_str().is_some_and(|name| name.ends_with(step)) {
            fs::remove_file(path).expect("a file that can be removed");
            forgotten += 1;
        }
    }
    assert!(forgotten > 0, "{step}");
}
