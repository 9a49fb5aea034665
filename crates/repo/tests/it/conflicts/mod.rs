//! Real conflicts: what is said about them is kept in `golden/`, and every proposed change really helps.
//!
//! To accept new texts, run the tests once with `LBUILD_GOLDEN=write` and review the difference.

pub mod alpm;
mod apk;
mod xbps;

use std::fmt::Write as _;
use std::path::Path;

use lbuild_repo::index::Index;
use lbuild_repo::resolve::{Change, Family, Request, Unsatisfiable, Wanted, resolve};

/// A request of names; `-name` must not come.
fn request(arch: &str, words: &str) -> Request {
    let mut request = Request::new(arch);
    for word in words.split(' ') {
        match word.strip_prefix('-') {
            Some(name) => request.remove.push(name.to_owned()),
            None => request.packages.push(Wanted { name: word.to_owned(), ..Wanted::default() }),
        }
    }
    request
}

/// Compares what is said about each request with `golden/<family>/<case>.txt`, and tries every fix.
fn check(family: &dyn Family, name: &str, arch: &str, cases: &[(&str, &str)], index: &Index) {
    let mut differing = Vec::new();
    for (case, words) in cases {
        let request = request(arch, words);
        let Err(reason) = resolve(family, index, &request) else { panic!("`{words}` has a solution") };
        for fix in &reason.fixes {
            let changed = changed(&request, &fix.changes);
            assert!(resolve(family, index, &changed).is_ok(), "{case}: `{}` does not help", fix.label);
        }
        let text = render(words, &reason);
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/it/conflicts/golden/{name}/{case}.txt"));
        if std::env::var_os("LBUILD_GOLDEN").is_some_and(|value| value == "write") {
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            std::fs::write(&path, &text).expect("the golden file");
        } else if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            differing.push(format!("--- {case}\n{text}"));
        }
    }
    assert!(differing.is_empty(), "texts differ from their golden files:\n{}", differing.concat());
}

/// All that is said, as plain text.
fn render(words: &str, reason: &Unsatisfiable) -> String {
    let mut text = format!("request: {words}\n{}\n", reason.summary);
    for link in &reason.chain {
        let _ = writeln!(text, "  {} {} {}", link.from, link.relation, link.to);
    }
    for fix in &reason.fixes {
        let (added, removed) = (fix.effect.added.len(), fix.effect.removed.len());
        let _ = writeln!(text, "fix: {} (+{added} -{removed} packages)", fix.label);
    }
    text
}

/// The request with the changes made.
fn changed(request: &Request, changes: &[Change]) -> Request {
    let mut result = request.clone();
    // What goes away goes last and from the end, so that positions stay right.
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by_key(|change| match change {
        Change::DropRequest { index } | Change::DropRemoval { index } | Change::DropPin { index } => {
            (1, usize::MAX - index)
        }
        _ => (0, 0),
    });
    for change in sorted {
        match change {
            Change::DropRequest { index } => drop(result.packages.remove(*index)),
            Change::DropRemoval { index } => drop(result.remove.remove(*index)),
            Change::DropPin { index } => drop(result.pins.remove(*index)),
            Change::Rename { index, name } => result.packages[*index].name.clone_from(name),
            Change::AnyVersion { index } => result.packages[*index].version = None,
            Change::FromSuite { index, suite } => result.packages[*index].suite = Some(suite.clone()),
            Change::Enable { switch } => result.enable.push(switch.clone()),
            Change::LeaveOut { name } => result.remove.push(name.clone()),
        }
    }
    result
}
