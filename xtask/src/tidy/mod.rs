//! The rules of the workspace that no compiler checks, each with its reason.
//!
//! | module | rules |
//! |---|---|
//! | [`layers`] | which crate may depend on which |
//! | [`hazards`] | one home for each dangerous capability |
//! | [`lengths`] | files and functions that fit in a head |
//! | [`words`] | what no file may contain, and what each must |
//! | [`source`] | tells code from comments, strings and tests |

mod hazards;
mod layers;
mod lengths;
mod source;
mod words;

use std::process::ExitCode;

use crate::Outcome;
use crate::workspace::{Workspace, WorkspaceError};

/// One rule and why it is kept.
struct Rule {
    name: &'static str,
    reason: &'static str,
    check: fn(&Workspace) -> Result<Vec<String>, WorkspaceError>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "layers",
        reason: "a crate that depends only downward can be read, tested and reused without what is above it",
        check: layers::dependencies,
    },
    Rule {
        name: "lints",
        reason: "a crate that does not inherit the workspace's lints escapes every rule that they keep",
        check: layers::lints,
    },
    Rule {
        name: "hazards",
        reason: "a capability with one home has one place to harden and to review",
        check: hazards::check,
    },
    Rule {
        name: "lengths",
        reason: "a file or function that fits in a head is changed without fear",
        check: lengths::check,
    },
    Rule {
        name: "module docs",
        reason: "the first line of a file says what it is for, so that nobody reads the wrong one",
        check: words::module_docs,
    },
    Rule { name: "names", reason: "a file named after nothing collects everything", check: words::names },
    Rule {
        name: "unfinished",
        reason: "what is committed is finished; what is not built yet is refused with a message",
        check: words::unfinished,
    },
    Rule {
        name: "machine",
        reason: "hosts and paths of one machine mean nothing on another",
        check: words::machine,
    },
];

/// Findings of one rule that are printed one by one.
const SHOWN: usize = 30;

/// Prints every finding; fails when there is one.
pub fn run(workspace: &Workspace) -> Outcome {
    let (findings, text) = findings(workspace)?;
    print!("{text}");
    println!("tidy: {} rules, {findings} findings", RULES.len());
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The number of findings of all rules, and their text.
pub fn findings(workspace: &Workspace) -> Result<(usize, String), WorkspaceError> {
    let mut count = 0;
    let mut text = String::new();
    for rule in RULES {
        let found = (rule.check)(workspace)?;
        count += found.len();
        for finding in found.iter().take(SHOWN) {
            text.extend([rule.name, ": ", finding, "\n"]);
        }
        if found.len() > SHOWN {
            text.extend([rule.name, ": ", &(found.len() - SHOWN).to_string(), " more\n"]);
        }
        if !found.is_empty() {
            text.extend(["  because ", rule.reason, "\n"]);
        }
    }
    Ok((count, text))
}
