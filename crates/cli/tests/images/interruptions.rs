//! Ctrl-C at every moment of a build of tens of thousands of files: it ends at once, leaves nothing but trash in its
//! store, and can be repeated.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::leftovers::{Watched, assert_only, assert_only_trash, assert_store_is_tidy};
use crate::place::{Built, Place};

/// The live system that everybody builds first.
const EXAMPLE: &str = include_str!("../../../../examples/debian-live.toml");

/// Longest time from the request to the end.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Longest time until a moment comes.
const PATIENCE: Duration = Duration::from_mins(10);

/// Between two moments while packages are chosen.
const STRIDE: Duration = Duration::from_millis(250);

/// Where the build is stopped: an event, what it says besides, and how many milliseconds later. What one build has
/// finished is there for the next, so that they come in the order of the steps.
const MOMENTS: [(&str, &str, u64); 15] = [
    ("step-started", "\"core\"", 0),
    ("packages", "unpacked", 0),
    ("packages", "unpacked", 1500),
    ("packages", "set up", 0),
    ("packages", "set up", 4000),
    ("step-started", "\"core-initramfs\"", 0),
    ("packages", "\"base\"", 500),
    ("step-started", "\"core-initramfs\"", 4000),
    ("step-started", "\"configure\"", 0),
    ("step-started", "\"squashfs\"", 0),
    ("step-started", "\"squashfs\"", 500),
    ("step-finished", "\"core-initramfs\"", 0),
    ("step-started", "\"iso\"", 200),
    ("step-started", "\"rootfs\"", 500),
    ("step-started", "\"oci\"", 0),
];

#[test]
fn privileged_the_live_system_can_be_stopped_at_every_moment() {
    let place = Place::new();
    fs::write(place.path("spec.toml"), EXAMPLE).expect("the spec");
    stop_while_packages_are_chosen(&place);
    place.spec(EXAMPLE);
    let mut trash = 0;
    for (event, text, milliseconds) in MOMENTS {
        let when = format!("{event} {text} + {milliseconds} ms");
        let mut watched = start(&place, &["--lock", "spec.lock"]);
        let over = watched.look_until(PATIENCE, |said| told(said, event, text));
        let over = over || watched.look(Duration::from_millis(milliseconds));
        assert!(!over && told(&watched.said(), event, text), "{when} did not come: {}", watched.said());
        stop(watched, &place, &when);
        trash += usage(&place, "trash");
    }
    assert!(trash > 0, "no interruption left anything half-made");
    stop_while_artifacts_appear(&place);
    let Built { report, out } = place.build();
    assert_eq!(report["artifacts"].as_array().map(Vec::len), Some(4), "{report}");
    assert!(out.join("SHA256SUMS").exists());
    assert_store_is_tidy(place.store());
    everything_can_be_collected(&place);
}

/// At one moment after the other until there is a plan.
fn stop_while_packages_are_chosen(place: &Place) {
    for stride in 0_u32.. {
        let mut watched = start(place, &[]);
        let over = watched.look_until(PATIENCE, |said| told(said, "started", ""));
        assert!(!over && !watched.look(STRIDE * stride), "{}", watched.said());
        let planned = told(&watched.said(), "planned", "");
        stop(watched, place, &format!("{:?} of choosing", STRIDE * stride));
        if planned {
            return;
        }
    }
}

/// When everything is made and is being published, which can be over before the request is heard: then everything is
/// there, and else nothing.
fn stop_while_artifacts_appear(place: &Place) {
    let mut watched = start(place, &["--lock", "spec.lock"]);
    let over = watched.look_until(PATIENCE, |said| told(said, "step-finished", "\"oci\""));
    let (code, stderr) = if over { ended(watched, place) } else { interrupt(watched, place, "publishing") };
    if code == Some(0) {
        assert!(place.path("stopped/SHA256SUMS").exists(), "{stderr}");
        fs::remove_dir_all(place.path("stopped")).expect("what was published");
    } else {
        assert_stopped(code, &stderr, place, "publishing");
    }
}

fn everything_can_be_collected(place: &Place) {
    let ended = place.run(&["cache", "gc", "--all"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_store_is_tidy(place.store());
    assert_eq!((usage(place, "trees"), usage(place, "blobs"), usage(place, "trash")), (0, 0, 0));
}

fn start(place: &Place, options: &[&str]) -> Watched {
    let arguments = [&["build", "spec.toml", "--out", "stopped", "--progress", "json"], options].concat();
    Watched::start(&place.command(&arguments), &place.path("."))
}

/// Whether the program has told of an event whose line also holds a text.
fn told(said: &str, event: &str, text: &str) -> bool {
    let event = format!("\"event\":\"{event}\"");
    said.lines().any(|line| line.contains(&event) && line.contains(text))
}

fn stop(watched: Watched, place: &Place, when: &str) {
    let (code, stderr) = interrupt(watched, place, when);
    assert_stopped(code, &stderr, place, when);
}

/// Asks the program to stop, which it must do at once; its exit code, and what it said.
fn interrupt(watched: Watched, place: &Place, when: &str) -> (Option<i32>, String) {
    let asked = Instant::now();
    let pid = Pid::from_raw(i32::try_from(watched.id()).expect("a process id")).expect("a process id");
    // nobody has waited for it yet, so its number is nobody else's
    kill_process(pid, Signal::INT).expect("the process is ours");
    let ended = ended(watched, place);
    let took = asked.elapsed();
    assert!(took < AT_ONCE, "{when}: {took:?}");
    ended
}

fn ended(watched: Watched, place: &Place) -> (Option<i32>, String) {
    let output = watched.end(PATIENCE, &place.path("."));
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn assert_stopped(code: Option<i32>, stderr: &str, place: &Place, when: &str) {
    assert_eq!(code, Some(130), "{when}: {stderr}");
    assert!(stderr.contains("stopped on request"), "{when}: {stderr}");
    assert_only(&place.path("stopped"), &[]);
    assert_only_trash(place.store());
}

/// How many objects of a kind the store counts.
fn usage(place: &Place, kind: &str) -> u64 {
    let ended = place.run(&["cache", "ls", "--json"]);
    let listing: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    listing[kind]["count"].as_u64().expect("a number")
}
