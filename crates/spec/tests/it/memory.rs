//! T04: how much memory a hostile spec can make the reader take, each case in a process of its own.

use std::process::Command;

use lbuild_spec::{Format, MAX_BYTES, validate};

use crate::source;

/// Growth that no spec may cause, in kB.
const LIMIT: u64 = 64 << 10;

/// Which case the child process runs.
const CASE: &str = "LBUILD_SPEC_MEMORY_CASE";

fn cases() -> Vec<(Format, String)> {
    let full = |start: &str, unit: &str, end: &str| {
        let room = MAX_BYTES - start.len() - end.len();
        format!("{start}{}{end}", unit.repeat(room / unit.len()))
    };
    let json_keys: Vec<_> = (0..99_000).map(|n| format!("\"k{n}\":1")).collect();
    let toml_keys: Vec<_> = (0..95_000).map(|n| format!("k{n} = 1\n")).collect();
    vec![
        (
            Format::Json,
            full(
                "{\"name\":\"t\",\"base\":\"debian\",\"files\":[{\"path\":\"/a\",\"base64\":\"",
                "AAAA",
                "\"}]}",
            ),
        ),
        (Format::Json, full("[", "1,", "1]")),
        (Format::Json, format!("{{{}}}", json_keys.join(","))),
        (Format::Toml, full("a = [", "1,", "]")),
        (Format::Toml, full("", "= \n", "")),
        (Format::Toml, full("", "a.", "=1")),
        (Format::Toml, toml_keys.concat()),
        (Format::Toml, full("name = \"", "a", "\"")),
        (Format::Yaml, full("a: [", "1, ", "]")),
        (Format::Yaml, full("a: &a [x]\nb: [", "*a, ", "]")),
        (Format::Yaml, full("", "[", "")),
        (Format::Yaml, full("", "# x\n", "")),
        (Format::Yaml, full("a: \"", "\\n", "\"")),
    ]
}

fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse().unwrap()
}

/// The child of the test below; alone it runs the first case.
#[test]
fn t04_one_case_in_this_process() {
    let case = std::env::var(CASE).map_or(0, |case| case.parse().unwrap());
    let (format, text) = cases().swap_remove(case);
    let source = source(format, &text);
    drop(text);
    // A fresh peak: the cases themselves are bigger than what is measured.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    let result = validate(&source);
    let growth = status("VmHWM").saturating_sub(before);
    println!("growth {growth} of case {case}, accepted: {}", result.is_ok());
    if std::env::var_os(CASE).is_some() {
        assert!(growth < LIMIT, "case {case} took {growth} kB");
    }
}

#[test]
fn t04_memory_stays_small() {
    for case in 0..cases().len() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "memory::t04_one_case_in_this_process", "--nocapture"])
            .env(CASE, case.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "case {case}: {text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("growth"), "case {case} did not run: {text}");
    }
}
