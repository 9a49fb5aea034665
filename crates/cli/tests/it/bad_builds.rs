//! Builds that cannot succeed, and builds that are stopped: each ends with a message and leaves nothing behind.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lbuild_store::{Digest, Store};
use lbuild_testkit::debfile::DebFile;
use rustix::process::{Pid, Signal, kill_process};

use crate::leftovers::{Watched, assert_only, assert_only_trash, assert_store_is_tidy};
use crate::mirror::{Fault, Mirror};
use crate::program::{Ended, MINIMAL, Place};

const MIRROR_PACKAGE: &str = "/tree_";
const ARTIFACTS: [&str; 4] = ["SHA256SUMS", "lbuild.lock", "manifest.json", "minimal-amd64.tar.zst"];
const LIMIT: Duration = Duration::from_mins(5);

static MIRROR: LazyLock<Mirror> = LazyLock::new(Mirror::start);

/// A place whose store has the minimal system, and the lock that it was built from.
struct Built {
    place: Place,
    lock: String,
    /// What one test has mounted below the store is not what another one left there.
    turn: Mutex<()>,
}

impl Built {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Built once for all tests: its store is shared, as the store of a machine is by its users.
static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let place = Place::with_spec(MINIMAL);
    let ended = Ended::of(place.command(&["build", "spec.toml"]).envs(MIRROR.environment()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lock = fs::read_to_string(place.path("out/minimal/lbuild.lock")).expect("the lock");
    Built { place, lock, turn: Mutex::new(()) }
});

/// Builds the minimal system with one more package, whose `postinst` is this script.
fn build_with_script(name: &str, script: &str, options: &[&str]) -> Ended {
    let Built { place, lock, .. } = &*BUILT;
    let _turn = BUILT.turn();
    let package = DebFile::new(name).member("postinst", &format!("#!/bin/sh\n{script}\n")).build();
    let store = Store::open(place.path("store")).expect("the store");
    let blob = store.blobs().put_bytes(&package).expect("the package in the store");
    let line = format!(
        "    {{ name = \"{name}\", version = \"1.0\", arch = \"all\", tier = \"added\", repository = \"debian\", \
         path = \"pool/main/t/{name}/{name}_1.0_all.deb\", size = {}, installedSize = 0, sha256 = \"{}\", \
         requestedBy = \"test\" }},\n",
        blob.size, blob.digest
    );
    let (head, rest) = lock.split_once("\nsystem = [\n").expect("a list of packages");
    let file = format!("{name}.lock");
    place.write(&file, format!("{head}\nsystem = [\n{line}{rest}"));
    let out = format!("out-{name}");
    let run = [&["build", "spec.toml", "--lock", &file, "--out", &out, "--offline"], options].concat();
    let ended = end(Watched::start(&place.command(&run), place.directory()), place);
    assert_only(&place.path(&out), &[]);
    assert_store_is_tidy(&place.path("store"));
    ended
}

fn end(watched: Watched, place: &Place) -> Ended {
    let Output { status, stdout, stderr } = watched.end(LIMIT, place.directory());
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(ended.stderr.contains(part), "{part} is not in: {}", ended.stderr);
    }
}

/// A file system of its own, so that it can be full or read-only.
struct Small {
    path: PathBuf,
}

impl Small {
    fn mount(path: PathBuf, options: &str) -> Self {
        fs::create_dir_all(&path).expect("a directory");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&path).status();
        assert!(status.expect("mount runs").success(), "tmpfs with {options}");
        Self { path }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // a test that failed may still have something open there
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

#[test]
fn privileged_a_failing_script_is_named_with_its_last_lines() {
    let ended = build_with_script(
        "failing",
        "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; exit 7",
        &[],
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["error: ", "`failing`", "post-installation script", "| line 30", "| line 20"]);
    assert!(!ended.stderr.contains("| line 5\n"), "only the last lines are shown: {}", ended.stderr);
}

#[test]
fn privileged_a_script_that_forks_without_end_is_stopped() {
    let ended = build_with_script("forking", "while :; do sleep 600 & done", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["error: ", "process"]);
}

#[test]
fn privileged_a_script_that_hangs_is_stopped() {
    let ended = build_with_script("hanging", "echo waiting for ever; sleep 86400", &["--time-limit", "10"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["error: step `packages` failed", "time", "| waiting for ever"]);
}

#[test]
fn privileged_a_script_that_fills_the_disk_is_stopped() {
    let script = "echo filling; dd if=/dev/zero of=/var/fill bs=1M count=4000 2>&1";
    let ended = build_with_script("filling", script, &["--disk-limit", "200MB"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["error: step `packages` failed", "disk", "| filling"]);
}

#[test]
fn privileged_a_script_cannot_draw_on_the_terminal() {
    let ended = build_with_script("drawing", "printf '\\033[2J\\033]0;owned\\007\\n'; exit 1", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!ended.stderr.contains('\u{1b}') && !ended.stderr.contains('\u{7}'), "{}", ended.stderr);
}

#[test]
fn privileged_a_damaged_package_is_not_used() {
    for (fault, reason) in
        [(Fault::ChangesAByte, "wrong content: expected sha256"), (Fault::Truncates, "the file ends after")]
    {
        let mirror = Mirror::start();
        mirror.fault(MIRROR_PACKAGE, fault);
        let place = Place::with_spec(MINIMAL);
        let mut command = place.command(&["build", "spec.toml"]);
        command.envs(mirror.environment());
        let ended = end(Watched::start(&command, place.directory()), &place);
        assert_eq!(ended.code, Some(6), "{ended:?}");
        says(&ended, &["error: ", "tree", reason]);
        assert_only(&place.path("out/minimal"), &[]);
    }
}

#[test]
fn privileged_a_full_disk_is_reported_wherever_it_happens() {
    // the index, the packages, the tree, the artifact: each of these sizes is too small for another one
    for megabytes in [4, 40, 90, 160, 230] {
        let place = Place::with_spec(MINIMAL);
        let store = Small::mount(place.path("store"), &format!("size={megabytes}m"));
        let mut command = place.command(&["build", "spec.toml"]);
        command.envs(MIRROR.environment());
        let ended = end(Watched::start(&command, place.directory()), &place);
        assert_eq!(ended.code, Some(1), "{megabytes} MB: {ended:?}");
        let full =
            ["No space left on device", "no space left for"].iter().any(|text| ended.stderr.contains(text));
        assert!(full, "{megabytes} MB: {}", ended.stderr);
        says(&ended, &["free some space (`lbuild cache gc`)"]);
        assert_only(&place.path("out/minimal"), &[]);
        drop(store);
    }
}

#[test]
fn privileged_a_full_output_directory_is_reported() {
    let Built { place, lock, .. } = &*BUILT;
    let _turn = BUILT.turn();
    place.write("full.lock", lock);
    let out = Small::mount(place.path("full"), "size=1m");
    let run = ["build", "spec.toml", "--lock", "full.lock", "--out", "full", "--offline"];
    let ended = end(Watched::start(&place.command(&run), place.directory()), place);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["error: cannot write `", "hint: free some space"]);
    assert_only(&out.path, &[]);
}

#[test]
fn privileged_a_read_only_output_directory_is_reported() {
    let Built { place, lock, .. } = &*BUILT;
    let _turn = BUILT.turn();
    place.write("readonly.lock", lock);
    let out = Small::mount(place.path("readonly"), "ro");
    let run = ["build", "spec.toml", "--lock", "readonly.lock", "--out", "readonly", "--offline"];
    let ended = end(Watched::start(&place.command(&run), place.directory()), place);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["error: cannot write `", "Read-only file system", "hint: choose a directory"]);
    drop(out);
}

/// Stops a build, which must end within two seconds with nothing left but trash in its store.
fn stop(watched: Watched, place: &Place, when: &str) {
    let asked = Instant::now();
    kill_process(pid(&watched), Signal::INT).expect("the signal");
    let ended = end(watched, place);
    let took = asked.elapsed();
    assert_eq!(ended.code, Some(130), "{when}: {ended:?}");
    says(&ended, &["lbuild: stopping", "error: stopped on request"]);
    assert!(took < Duration::from_secs(2), "{when}: {took:?}");
    assert_only(&place.path("out/minimal"), &[]);
    assert_only_trash(&place.path("store"));
}

/// What a build says in the order in which it does so; what one has finished is there for the next.
const MOMENTS: [&str; 6] = [
    "building",
    "plan:",
    ": install",
    " packages unpacked",
    "configure the system",
    "pack the root filesystem",
];

#[test]
fn privileged_a_build_that_is_stopped_ends_within_two_seconds() {
    let place = Place::with_spec(MINIMAL);
    let mut command = place.command(&["build", "spec.toml"]);
    command.envs(MIRROR.environment());
    for moment in MOMENTS {
        let mut watched = Watched::start(&command, place.directory());
        let over = watched.look_until(LIMIT, |said| said.contains(moment));
        assert!(!over, "`{moment}` did not come, or was the last thing to come: {}", watched.said());
        stop(watched, &place, moment);
    }
    let ended = end(Watched::start(&command, place.directory()), &place);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_store_is_tidy(&place.path("store"));
}

/// A release file, an index and packages that come a byte at a time.
#[test]
fn privileged_a_download_that_drips_is_stopped_within_two_seconds() {
    for (pattern, begun) in [("/InRelease", "building"), ("/by-hash/", "building"), ("/pool/", ": install")] {
        let mirror = Mirror::start();
        mirror.fault(pattern, Fault::Drips);
        let place = Place::with_spec(MINIMAL);
        let mut command = place.command(&["build", "spec.toml"]);
        command.envs(mirror.environment());
        let mut watched = Watched::start(&command, place.directory());
        let over = watched.look_until(LIMIT, |said| said.contains(begun));
        assert!(!over && !watched.look(Duration::from_secs(1)), "{pattern}: {}", watched.said());
        stop(watched, &place, pattern);
    }
}

fn pid(watched: &Watched) -> Pid {
    Pid::from_raw(i32::try_from(watched.id()).expect("a process id")).expect("a process id")
}

#[test]
fn privileged_a_build_that_is_killed_at_any_time_can_be_run_again() {
    let place = Place::with_spec(MINIMAL);
    place.write("again.lock", &BUILT.lock);
    let run = ["build", "spec.toml", "--lock", "again.lock", "--out", "again"];
    let command = || {
        let mut command = place.command(&run);
        command.envs(MIRROR.environment());
        command
    };
    for milliseconds in [100, 600, 1500, 3000, 5000, 8000] {
        let mut watched = Watched::start(&command(), place.directory());
        if !watched.look(Duration::from_millis(milliseconds)) {
            kill_process(pid(&watched), Signal::KILL).expect("the signal");
        }
        end(watched, &place);
    }
    let ended = end(Watched::start(&command(), place.directory()), &place);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_only(&place.path("again"), &ARTIFACTS);
    assert_store_is_tidy(&place.path("store"));
    let sums = |path: PathBuf| fs::read_to_string(path).expect("the sums");
    assert_eq!(sums(place.path("again/SHA256SUMS")), sums(BUILT.place.path("out/minimal/SHA256SUMS")));
}

#[test]
fn privileged_two_builds_at_once_share_their_work_and_agree() {
    let place = Place::with_spec(MINIMAL);
    place.write("both.lock", &BUILT.lock);
    let start = |out: &str| {
        let mut command = place.command(&["build", "spec.toml", "--lock", "both.lock", "--out", out]);
        command.envs(MIRROR.environment());
        Watched::start(&command, place.directory())
    };
    let (mut one, mut two) = (start("one"), start("two"));
    let (one, two) = std::thread::scope(|scope| {
        // whatever is left is found by the one that ends last; the other one's processes are still there before
        let one = scope.spawn(|| one.wait(LIMIT));
        let two = scope.spawn(|| two.wait(LIMIT));
        (one.join().expect("one"), two.join().expect("two"))
    });
    assert_eq!((one.status.code(), two.status.code()), (Some(0), Some(0)), "{one:?} {two:?}");
    let sums = |out: &str| fs::read_to_string(place.path(out).join("SHA256SUMS")).expect("the sums");
    assert_eq!(sums("one"), sums("two"));
    assert_store_is_tidy(&place.path("store"));
}

#[test]
fn privileged_a_build_from_the_lock_is_offline_and_identical() {
    let Built { place, lock, .. } = &*BUILT;
    let _turn = BUILT.turn();
    place.write("spec.lock", lock);
    let ended = place.run(&["build", "spec.toml", "--locked", "--offline", "--json", "--progress", "quiet"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let value = ended.json();
    assert_eq!(value["cached"], true);
    let artifact = value["artifacts"]
        .as_array()
        .and_then(|artifacts| artifacts.iter().find(|artifact| artifact["name"] == "minimal-amd64.tar.zst"))
        .expect("the artifact");
    let bytes = fs::read(place.path("out/minimal/minimal-amd64.tar.zst")).expect("the artifact");
    assert_eq!(artifact["sha256"], Digest::of(&bytes).to_string());
    assert_eq!(artifact["size"], bytes.len());
}

#[test]
fn privileged_a_lock_of_another_spec_is_refused() {
    let place = Place::with_spec(&MINIMAL.replace("\"tree\"", "\"nano\""));
    place.write("spec.lock", &BUILT.lock);
    let ended = place.run(&["build", "spec.toml", "--locked"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    says(
        &ended,
        &["error: the lockfile was made for another state of the spec", "hint: run `lbuild lock` again"],
    );
    assert_only(&place.path("out/minimal"), &[]);
}
