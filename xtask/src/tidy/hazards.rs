//! One home for each dangerous capability: words of code that only some crates may contain.

use super::source::{code_only, production_code};
use crate::workspace::{Workspace, WorkspaceError, crate_of, is_test_file};

/// Words that only some places may contain. A place is a path from the root of the repository.
struct Hazard {
    words: &'static [&'static str],
    homes: &'static [&'static str],
    /// Also in tests.
    in_tests: bool,
    why: &'static str,
}

/// Crates without a clock, environment, network or processes.
const UNREACHING: &[&str] = &["crates/spec/", "crates/solve/", "crates/repo/", "crates/image/"];
/// Programs of developers, which run compilers and package tools.
const DEVELOPERS: &[&str] = &["xtask/", "fuzz/"];

const HAZARDS: &[Hazard] = &[
    Hazard {
        words: &["unsafe"],
        homes: &["crates/sandbox/"],
        in_tests: true,
        why: "`unsafe` lives in `sandbox` only, where every block says why it is sound",
    },
    Hazard {
        words: &["process::Command", "Command::new", "posix_spawn"],
        // an agent of the engine is itself a process inside the sandbox, and what it starts stays there
        homes: &["crates/sandbox/", "crates/engine/src/agent/", "crates/testkit/"],
        in_tests: false,
        why: "programs are started by `sandbox` only, with everything closed that they need not have",
    },
    Hazard {
        words: &[
            "XzDecoder",
            "GzDecoder",
            "ZlibDecoder",
            "DeflateDecoder",
            "read::Decoder",
            "zstd::Decoder",
            "decode_all",
        ],
        homes: &["crates/repo/src/compress"],
        in_tests: false,
        why: "foreign bytes are decompressed through one reader that caps the output",
    },
    Hazard {
        words: &["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs"],
        homes: &["crates/fetch/", "crates/server/src/serve", "crates/server/src/listen/", "crates/testkit/"],
        in_tests: false,
        why: "the network is reached by `fetch`, and by the service that listens",
    },
];

/// Words that pure and format crates must not contain.
const REACHING: &[(&str, &str)] = &[
    ("SystemTime::now", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("Timestamp::now", "time is an argument"),
    ("Zoned::now", "time is an argument"),
    ("env::var", "the environment is read at the edge"),
    ("env::args", "the command line is read at the edge"),
    ("env::current_dir", "paths are arguments"),
    ("env::temp_dir", "paths are arguments"),
    ("process::exit", "nothing here ends the process"),
    ("process::abort", "nothing here ends the process"),
    ("thread::sleep", "nothing here waits for time to pass"),
];

/// The rule about hazards.
pub fn check(workspace: &Workspace) -> Result<Vec<String>, WorkspaceError> {
    let mut found = Vec::new();
    for file in workspace.rust_files().filter(|file| crate_of(file).is_some()) {
        let text = workspace.read(file)?;
        let (all, production) = (code_only(&text), production_code(&text));
        let tests = is_test_file(file);
        for hazard in HAZARDS {
            let at_home = |homes: &[&str]| homes.iter().any(|home| file.starts_with(home));
            let exempt = at_home(hazard.homes) || (!hazard.in_tests && (tests || at_home(DEVELOPERS)));
            if !exempt {
                let code = if hazard.in_tests { &all } else { &production };
                found.extend(hits(file, code, hazard.words, hazard.why));
            }
        }
        if !tests && UNREACHING.iter().any(|home| file.starts_with(home)) {
            for (word, why) in REACHING {
                found.extend(hits(file, &production, &[word], why));
            }
        }
    }
    Ok(found)
}

fn hits(file: &str, code: &str, words: &[&str], why: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        if let Some(word) = words.iter().find(|word| contains_word(line, word)) {
            found.push(format!("{file}:{}: `{word}`: {why}", number + 1));
        }
    }
    found
}

/// Whether `line` has `word` with no letter, digit or underscore around it.
fn contains_word(line: &str, word: &str) -> bool {
    let part_of_name =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    line.match_indices(word).any(|(at, _)| {
        let bytes = line.as_bytes();
        !part_of_name(at.checked_sub(1).and_then(|before| bytes.get(before)))
            && !part_of_name(bytes.get(at + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::{contains_word, hits};

    #[test]
    fn a_word_is_not_part_of_a_name() {
        assert!(contains_word("    unsafe { x }", "unsafe"));
        assert!(!contains_word("#![deny(unsafe_code)]", "unsafe"));
        assert!(!contains_word("std::env::vars()", "env::var"));
    }

    #[test]
    fn a_hit_names_the_line() {
        assert_eq!(hits("a.rs", "x\nstd::net::X\n", &["std::net"], "why"), ["a.rs:2: `std::net`: why"]);
    }
}
