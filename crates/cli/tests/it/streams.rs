//! What goes to which stream; colour; terminals; the time to the first output.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Ended, MINIMAL, Place};

const ESCAPE: char = '\u{1b}';

/// Runs the binary in a terminal of its own and returns everything that the terminal got.
fn in_terminal(place: &Place, arguments: &str, environment: &[(&str, &str)]) -> String {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_lbuild"));
    let mut command = Command::new("script");
    for variable in ["CI", "NO_COLOR", "CLICOLOR_FORCE", "LBUILD_PROGRESS"] {
        command.env_remove(variable);
    }
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    command
        .env("TERM", "xterm-256color")
        .env("LBUILD_STORE", place.path("store"))
        .envs(environment.iter().copied());
    Ended::of(command.current_dir(place.directory())).stdout
}

#[test]
fn a_pipe_gets_no_escape_codes() {
    let place = Place::with_spec(MINIMAL);
    place.write("bad.toml", "nonsense = 1\n");
    for arguments in [
        &["validate", "spec.toml"][..],
        &["validate", "bad.toml"],
        &["resolve", "spec.toml", "--offline"],
        &["cache", "ls"],
        &["cache", "verify"],
        &["--help"],
        &["biuld"],
    ] {
        let ended = place.run(arguments);
        assert!(!ended.stdout.contains(ESCAPE) && !ended.stderr.contains(ESCAPE), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn colour_can_be_forced_into_a_pipe_and_refused() {
    let place = Place::with_spec("nonsense = 1\n");
    let run = |variables: &[(&str, &str)]| {
        Ended::of(place.command(&["validate", "spec.toml"]).envs(variables.iter().copied())).stderr
    };
    assert!(run(&[("CLICOLOR_FORCE", "1")]).contains(ESCAPE));
    assert!(!run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).contains(ESCAPE));
}

#[test]
fn a_terminal_gets_colour_and_is_drawn_over() {
    let place = Place::new();
    let shown = in_terminal(&place, "cache verify", &[]);
    // the cursor goes up or the line is erased, and nothing of it is left where the result stands
    assert!(shown.contains("\u{1b}[2K"), "{shown:?}");
    assert!(shown.trim_end().ends_with("hashed 0 files, 0 B: 0 damaged"), "{shown:?}");
}

#[test]
fn a_terminal_is_not_drawn_over_where_that_is_not_wanted() {
    let place = Place::new();
    for environment in [("CI", "true"), ("TERM", "dumb"), ("LBUILD_PROGRESS", "plain")] {
        let shown = in_terminal(&place, "cache verify", &[environment]);
        assert!(!shown.contains("\u{1b}[2K") && !shown.contains("\u{1b}[1A"), "{environment:?}: {shown:?}");
        assert!(shown.contains("lbuild: hashing every file of the store"), "{environment:?}: {shown:?}");
    }
    let shown = in_terminal(&place, "validate nowhere.toml", &[("NO_COLOR", "1")]);
    assert!(!shown.contains("\u{1b}["), "{shown:?}");
}

#[test]
fn progress_goes_to_standard_error_and_the_result_to_standard_output() {
    let place = Place::new();
    let plain = place.run(&["cache", "verify"]);
    assert_eq!(plain.stdout, "hashed 0 files, 0 B: 0 damaged\n");
    assert_eq!(plain.stderr, "lbuild: hashing every file of the store\n");
    let quiet = place.run(&["cache", "verify", "--progress", "quiet"]);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (plain.stdout, ""));
}

#[test]
fn json_progress_is_one_object_per_line() {
    let place = Place::with_spec(MINIMAL);
    let ended = place.run(&["cache", "gc", "--all", "--progress", "json", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in ended.stderr.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("a JSON object");
        assert!(event["event"].is_string() && event["at"].is_number(), "{line}");
    }
    assert!(ended.json()["freedBytes"].is_u64());
}

#[test]
fn the_first_output_comes_within_100_ms() {
    let place = Place::with_spec(MINIMAL);
    // the second run is measured: the first one reads the program from the disk
    place.run(&["resolve", "spec.toml", "--offline"]);
    let started = Instant::now();
    let mut child = place
        .command(&["resolve", "spec.toml", "--offline"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    stderr.read_line(&mut line).expect("a line");
    let elapsed = started.elapsed();
    stderr.read_to_string(&mut String::new()).expect("the rest");
    child.wait().expect("an exit code");
    assert_eq!(line, "lbuild: resolving minimal (debian trixie, x86_64)\n");
    assert!(elapsed < Duration::from_millis(100), "{elapsed:?}");
}

/// Whoever sees that the program has begun may stop it at once.
#[test]
fn an_interruption_at_the_first_word_is_an_interruption() {
    let place = Place::with_spec(MINIMAL);
    // A mirror that takes every connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mirror = format!("http://{}", silent.local_addr().expect("its address"));
    for _ in 0..10 {
        let mut command = place.command(&["resolve", "spec.toml"]);
        command.env("LBUILD_MIRROR_DEBIAN", &mirror).env("LBUILD_MIRROR_DEBIAN_SECURITY", &mirror);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        stderr.read_line(&mut String::new()).expect("a line");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id")).expect("a process id");
        kill_process(pid, Signal::INT).expect("the signal");
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).expect("the rest");
        let status = child.wait().expect("an exit code");
        assert_eq!(status.code(), Some(130), "{status} {rest}");
        assert!(rest.contains("error: stopped on request"), "{rest}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new();
    let mut child =
        place.command(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    // closed before anything was read
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an exit code");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_full_standard_output_is_an_error() {
    let place = Place::new();
    let full = File::options().write(true).open("/dev/full").expect("/dev/full");
    let output = place.command(&["schema"]).stdout(full).output().expect("an exit code");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot write to standard output\n"));
}
