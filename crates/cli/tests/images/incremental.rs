//! A change redoes only what it has to, and the build says why.

use std::time::{Duration, Instant};

use crate::place::{LIVE, Place, SMALL};

/// The steps of [`LIVE`] that only the packages, the kernel and the tools decide.
const BELOW: [&str; 3] = ["base", "core", "tools"];

/// What packs and checks the finished tree, whatever changed in it.
const ABOVE: [&str; 6] = ["hygiene", "initramfs-inputs", "iso", "oci", "rootfs", "squashfs"];

/// An answer from the store takes at most 100 ms when the program is built for speed and the machine is idle.
const AT_ONCE: Duration = Duration::from_secs(3);

fn sorted<'a>(steps: &[&'a str]) -> Vec<&'a str> {
    let mut steps = steps.to_vec();
    steps.sort_unstable();
    steps
}

/// One system that changes step by step, as a person changes a spec.
#[test]
fn privileged_a_change_redoes_only_the_layers_above_it() {
    let place = Place::shared();
    // Under a name of its own, because what changed is told by name.
    let live = LIVE.replace("name = \"live\"", "name = \"changing\"");
    place.spec(&live);
    let first = place.build();

    nothing_changed(&place, &first.artifacts());
    a_file_is_added(&place, &live);
    a_user_is_added(&place, &live);
    a_package_is_added(&place, &live);

    // And back: what was built once is still there.
    place.spec(&live);
    nothing_changed(&place, &first.artifacts());
}

fn nothing_changed(place: &Place, artifacts: &[(String, String)]) {
    let began = Instant::now();
    let again = place.build();
    let took = began.elapsed();
    assert_eq!(again.steps(false), [""; 0]);
    assert_eq!(again.report["cached"], true);
    assert_eq!(again.artifacts(), artifacts);
    assert!(took < AT_ONCE, "{took:?}");
}

fn a_file_is_added(place: &Place, live: &str) {
    let spec = format!("{live}\n[[files]]\npath = \"/etc/motd\"\ntext = \"hello\\n\"\n");
    place.spec(&spec);
    let built = place.build();
    assert_redone(&built.steps(false), &["files"]);
    assert!(built.changed("squashfs").contains(&"output of files"), "{:?}", built.changed("squashfs"));

    place.spec(&spec.replace("hello", "good day"));
    let built = place.build();
    assert_redone(&built.steps(false), &["files"]);
    assert_eq!(built.changed("files"), ["file /etc/motd"]);
    // The initramfs has no such file.
    assert!(built.steps(true).contains(&"initramfs"), "{:?}", built.steps(true));
}

fn a_user_is_added(place: &Place, live: &str) {
    place.spec(&format!("{live}\n[[users]]\nname = \"ada\"\n"));
    let built = place.build();
    assert_redone(&built.steps(false), &["configure"]);
    assert_eq!(built.changed("configure"), ["users"]);
}

fn a_package_is_added(place: &Place, live: &str) {
    place.spec(&live.replace("[packages]\n", "[packages]\nutils = [\"tree\"]\n"));
    let built = place.build();
    // The identity by which the boot loaders know their medium follows from the packages.
    assert_redone(&built.steps(false), &["boot-loaders", "configure", "packages"]);
    assert!(built.steps(true).contains(&"initramfs"), "{:?}", built.steps(true));
}

/// These steps and what packs the finished tree ran, and the layers below came from the store.
fn assert_redone(ran: &[&str], steps: &[&str]) {
    let expected: Vec<&str> = ABOVE.iter().chain(["boot-files"].iter()).chain(steps).copied().collect();
    assert_eq!(ran, sorted(&expected), "ran");
    assert!(!ran.iter().any(|step| BELOW.contains(step)), "{ran:?}");
}

#[test]
fn privileged_the_explanation_names_the_input_that_changed() {
    let place = Place::shared();
    let spec = SMALL.replace("name = \"small\"", "name = \"explained\"");
    place.spec(&spec);
    place.build();
    place.spec(&spec.replace("name = \"ada\"", "name = \"bob\"").replace("Europe/Berlin", "Europe/Paris"));
    let told = place.run(&["build", "spec.toml", "--lock", "spec.lock", "--out", "out", "--explain"]);
    told.expect_success();
    let line = |step: &str| {
        let line = told.stdout.lines().find(|line| line.trim_start().starts_with(step));
        line.unwrap_or_else(|| panic!("no line for {step}:\n{}", told.stdout)).to_owned()
    };
    assert!(line("base").contains("hit"), "{}", told.stdout);
    assert!(line("configure").contains("changed: timezone, users"), "{}", told.stdout);
    assert!(line("rootfs").contains("changed: output of configure"), "{}", told.stdout);
}
