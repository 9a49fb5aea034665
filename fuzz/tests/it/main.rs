//! The runner must notice every way in which a target can break: a panic, an abort, a hang, eaten memory.

use std::path::Path;
use std::process::{Command, Output};

fn fuzz(directory: &Path, target: &str, runs: u32) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lbuild-fuzz"))
        .args(["--target", target, "--seconds", "60", "--runs", &runs.to_string(), "--directory"])
        .arg(directory)
        .output()
        .expect("the runner starts")
}

/// A directory whose corpus for `target` is one harmless input and, when asked, one that breaks it.
fn corpus(target: &str, breaking: bool) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let corpus = directory.path().join("corpus").join(target);
    std::fs::create_dir_all(&corpus).expect("corpus directory");
    std::fs::write(corpus.join("a"), "fine.").expect("corpus file");
    if breaking {
        std::fs::write(corpus.join("b"), "breaks!").expect("corpus file");
    }
    directory
}

fn assert_broken(target: &str, cause: &str) {
    let directory = corpus(target, true);
    let output = fuzz(directory.path(), target, 10);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(cause), "{text}");
    assert!(text.contains("breaks!"), "{text}");
    let saved: Vec<_> = std::fs::read_dir(directory.path().join("artifacts").join(target))
        .expect("artifacts")
        .map(|entry| entry.expect("entry").path())
        .collect();
    assert_eq!(saved.len(), 1, "only the input that broke it stays: {saved:?}");
    assert_eq!(std::fs::read(&saved[0]).expect("saved input"), b"breaks!");
}

#[test]
fn a_panic_is_caught_and_its_input_saved() {
    assert_broken("broken-panic", "an exclamation mark");
}

#[test]
fn an_abort_is_caught_and_its_input_saved() {
    assert_broken("broken-abort", "signal 6");
}

#[test]
fn a_hang_is_caught_and_its_input_saved() {
    assert_broken("broken-hang", "more than 5 s");
}

#[test]
fn eaten_memory_is_caught_and_its_input_saved() {
    assert_broken("broken-memory", "signal 6");
}

#[test]
fn mutation_alone_finds_the_breaking_input() {
    let directory = corpus("broken-panic", false);
    let output = fuzz(directory.path(), "broken-panic", 100_000);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_sound_target_passes_and_leaves_nothing() {
    let directory = corpus("broken-panic", false);
    let output = fuzz(directory.path(), "broken-panic", 1);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let left = std::fs::read_dir(directory.path().join("artifacts/broken-panic")).expect("artifacts").count();
    assert_eq!(left, 0);
}

#[test]
fn a_target_without_corpus_is_an_error() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let output = fuzz(directory.path(), "broken-panic", 1);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("corpus"));
}
