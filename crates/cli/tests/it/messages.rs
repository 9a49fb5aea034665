//! The exact text of what people read. To accept new texts, run the tests once with `LBUILD_GOLDEN=write` and review
//! the difference.

use std::fs;
use std::path::Path;

use lbuild_engine::lock::HEADING;

use crate::program::{Ended, MINIMAL, Place};

/// Compares exit code and both streams with `golden/<name>.txt`.
fn golden(name: &str, ended: &Ended) {
    let text =
        format!("exit {}\n-- stdout\n{}-- stderr\n{}", ended.code.unwrap_or(-1), ended.stdout, ended.stderr);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(format!("{name}.txt"));
    if std::env::var_os("LBUILD_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, &text).expect("the golden file");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{} differs; now it is:\n{text}", path.display());
}

#[test]
fn every_error_of_a_spec_is_shown_at_its_place() {
    let spec = "\
spec = 1
name = \"Bad Name\"
base = \"debain\"
pakages = [\"curl\"]
packages = [\"cu\\nrl\", \"../x\"]
hostname = 5
";
    golden("validate-errors", &Place::with_spec(spec).run(&["validate", "spec.toml"]));
}

#[test]
fn a_valid_spec_says_so() {
    golden("validate-ok", &Place::with_spec(MINIMAL).run(&["validate", "spec.toml"]));
}

#[test]
fn an_invalid_spec_is_not_built() {
    let place = Place::with_spec("spec = 1\nname = \"x\"\nbase = \"debian\"\noutputs = [\"floppy\"]\n");
    golden("build-invalid", &place.run(&["build", "spec.toml"]));
    assert!(!place.path("out").exists() && !place.path("store").exists());
}

#[test]
fn a_spec_that_is_not_there_is_named() {
    golden("no-spec", &Place::new().run(&["build", "nowhere.toml"]));
}

#[test]
fn a_file_of_no_known_format_is_refused() {
    let place = Place::new();
    place.write("spec.txt", MINIMAL);
    golden("no-format", &place.run(&["validate", "spec.txt"]));
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let place = Place::new();
    place.write("spec.toml", b"spec = 1\nname = \"\xff\"\n");
    golden("no-text", &place.run(&["validate", "spec.toml"]));
}

#[test]
fn an_output_that_the_spec_does_not_list_is_refused() {
    golden("output-not-listed", &Place::with_spec(MINIMAL).run(&["build", "spec.toml", "--outputs", "iso"]));
}

#[test]
fn a_locked_build_needs_a_lock() {
    golden("no-lock", &Place::with_spec(MINIMAL).run(&["build", "spec.toml", "--locked"]));
}

#[test]
fn a_lock_that_is_no_lock_is_refused() {
    let place = Place::with_spec(MINIMAL);
    place.write("spec.lock", "version = 99\n");
    golden("wrong-lock", &place.run(&["build", "spec.toml", "--locked"]));
}

#[test]
fn a_file_that_is_no_lock_is_not_overwritten() {
    let place = Place::with_spec(MINIMAL);
    golden("lock-over-spec", &place.run(&["lock", "spec.toml", "--out", "spec.toml"]));
    assert_eq!(fs::read_to_string(place.path("spec.toml")).expect("the spec"), MINIMAL);
}

/// What another version of the program locked is locked anew; a stranger's file with a version is left alone.
#[test]
fn only_a_lock_of_ours_is_replaced_by_another_format() {
    let place = Place::with_spec(MINIMAL);
    let lock = || place.run(&["lock", "spec.toml", "--offline"]);
    place.write("spec.lock", "version = 1\n");
    let refused = lock();
    assert!(refused.stderr.contains("has lockfile format 1"), "{refused:?}");
    place.write("spec.lock", format!("{HEADING}version = 1\n"));
    // Offline, with an empty store, it comes as far as the indexes.
    let tried = lock();
    assert!(
        !tried.stderr.contains("lockfile format") && tried.stderr.contains("locking minimal"),
        "{tried:?}"
    );
}

#[test]
fn offline_with_an_empty_store_says_what_is_missing() {
    let place = Place::with_spec(MINIMAL);
    let mut command = place.command(&["resolve", "spec.toml", "--offline"]);
    command.env("LBUILD_MIRROR_DEBIAN", "http://mirror.test/debian");
    command.env("LBUILD_MIRROR_DEBIAN_SECURITY", "http://mirror.test/debian-security");
    golden("offline", &Ended::of(&mut command));
}

#[test]
fn usage_errors_name_what_is_wrong() {
    let place = Place::with_spec(MINIMAL);
    golden("usage-unknown-output", &place.run(&["build", "spec.toml", "--outputs", "floppy"]));
    golden("usage-unknown-command", &place.run(&["biuld"]));
    golden("usage-unknown-progress", &place.run(&["schema", "--progress", "loud"]));
}

#[test]
fn help_is_one_screen() {
    golden("help", &Place::new().run(&["--help"]));
    let short = Place::new().run(&["-h"]);
    assert!(short.stdout.lines().count() <= 40, "{}", short.stdout);
    golden("help-build", &Place::new().run(&["build", "-h"]));
}
