//! portage itself, from the Python package index, as the judge of what we read.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The release that judges.
const RELEASE: &str = "3.0.83";
/// Answers questions on its standard input, one per line.
const JUDGE: &str = include_str!("judge.py");

/// The directory that portage was installed into: below the build directory, once for all tests.
pub fn portage() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("portage-{RELEASE}"));
        if !directory.exists() {
            let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
            let status = Command::new("pip3")
                .args(["install", "--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check"])
                .args(["--root-user-action=ignore", "--only-binary", ":all:", "--target"])
                .arg(fresh.path().join("tree"))
                .arg(format!("portage=={RELEASE}"))
                .status()
                .expect("pip3 is needed to get portage, the judge of these tests");
            assert!(status.success(), "portage {RELEASE} is needed as the judge of these tests");
            // Another process of tests may have been faster; then its directory stays.
            drop(std::fs::rename(fresh.path().join("tree"), &directory));
        }
        assert!(directory.join("portage").is_dir(), "{} has no portage", directory.display());
        directory
    })
}

/// Asks `kind` of every question (JSON values) and gives the answers in the same order.
pub fn ask(kind: &str, questions: &[serde_json::Value]) -> Vec<serde_json::Value> {
    let mut judge = Command::new("python3")
        .args(["-c", JUDGE, kind])
        .env("PYTHONPATH", portage())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed to run portage, the judge of these tests");
    let lines = questions.iter().fold(String::new(), |lines, question| lines + &question.to_string() + "\n");
    let mut input = judge.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = judge.wait_with_output().expect("python3");
    writer.join().expect("no panic").expect("the judge reads all questions");
    let text = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), questions.len(), "the judge has an answer to everything");
    answers
}
