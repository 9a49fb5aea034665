//! `lbuild lock`: writes down exactly which packages a spec is built from.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use lbuild_engine::lock::HEADING;
use lbuild_engine::{Lock, LockError};
use serde::Serialize;

use crate::arguments::{EngineArguments, SpecFile};
use crate::context::Context;
use crate::engine_failure;
use crate::failure::{Exit, Failure};
use crate::file;
use crate::format::count;
use crate::output;
use crate::session::Session;
use crate::spec_file;

/// For which spec, and where to.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    spec: SpecFile,
    /// The lockfile [default: beside the spec, with the ending .lock]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
}

/// What changed against the lockfile that was there before.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<Change>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    name: String,
    from: String,
    to: String,
}

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    file: String,
    packages: usize,
    tools: usize,
    download_size: u64,
    /// Against the lockfile that was there before; absent when there was none.
    changes: Option<Changes>,
}

/// The lockfile that belongs to a spec.
pub fn beside(spec: &Path) -> PathBuf {
    spec.with_extension("lock")
}

/// Reads a lockfile.
pub fn read(path: &Path) -> Result<Lock, Failure> {
    let (_, lock) = parse(path)?;
    lock.map_err(|error| {
        let other_format = matches!(error, LockError::Format { .. });
        Failure::from_error(Exit::Spec, &error)
            .hint(other_format.then(|| "`lbuild lock SPEC` writes it anew".to_owned()))
    })
}

/// The text of a file, and the lock in it.
fn parse(path: &Path) -> Result<(String, Result<Lock, LockError>), Failure> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::because(Exit::Spec, format!("cannot read the lockfile `{file}`"), &error).hint(
            (error.kind() == io::ErrorKind::NotFound).then(|| "`lbuild lock SPEC` writes it".to_owned()),
        )
    })?;
    let lock = Lock::parse(&text, &file);
    Ok((text, lock))
}

/// The lockfile that a new one replaces; `None` where there is none, or one that another version of the program made.
fn replaced(path: &Path) -> Result<Option<Lock>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    match parse(path)? {
        (_, Ok(lock)) => Ok(Some(lock)),
        (text, Err(LockError::Format { .. })) if text.starts_with(HEADING) => Ok(None),
        // A spec given as `--out` by mistake is not overwritten.
        (_, Err(error)) => Err(Failure::from_error(Exit::Spec, &error)),
    }
}

/// Resolves, and writes the lockfile.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let blueprint = spec_file::load(&options.spec.path, context)?.blueprint;
    let path = options.out.clone().unwrap_or_else(|| beside(&options.spec.path));
    let before = replaced(&path)?;
    let session =
        Session::start(context, &format!("locking {} ({})", blueprint.name, super::system(&blueprint)))?;
    let engine = options.engine.open(context, session.cancel())?;
    let lock = session
        .run(|observer| engine.lock(&blueprint, observer))
        .map_err(|error| engine_failure::resolve(&error, &blueprint, context))?;
    file::replace(&path, &lock.to_text()).map_err(|error| {
        Failure::because(Exit::Build, format!("cannot write `{}`", path.display()), &error)
    })?;
    let report = Report {
        file: path.display().to_string(),
        packages: lock.system.len(),
        tools: lock.tools.len() + lock.boot.len(),
        download_size: lock.packages().map(|package| package.size).sum(),
        changes: before.map(|before| changes(&before, &lock)),
    };
    if context.global.json {
        return output::print_json(&report);
    }
    output::print(&text(&report))
}

fn changes(before: &Lock, after: &Lock) -> Changes {
    let versions = |lock: &Lock| -> BTreeMap<String, String> {
        lock.packages()
            .map(|package| (format!("{}:{}", package.name, package.arch), package.version.clone()))
            .collect()
    };
    let (before, after) = (versions(before), versions(after));
    let mut changes = Changes::default();
    for (name, to) in &after {
        match before.get(name) {
            None => changes.added.push(name.clone()),
            Some(from) if from != to => {
                changes.changed.push(Change { name: name.clone(), from: from.clone(), to: to.clone() });
            }
            Some(_) => {}
        }
    }
    changes.removed = before.into_keys().filter(|name| !after.contains_key(name)).collect();
    changes
}

fn text(report: &Report) -> String {
    let packages = count(report.packages, "package");
    let mut lines = vec![format!("{}: {packages}, {} for tools\n", report.file, report.tools)];
    let Some(changes) = &report.changes else { return lines.concat() };
    lines.extend(changes.added.iter().map(|name| format!("  + {name}\n")));
    lines.extend(changes.removed.iter().map(|name| format!("  - {name}\n")));
    lines.extend(
        changes
            .changed
            .iter()
            .map(|change| format!("  ~ {} {} -> {}\n", change.name, change.from, change.to)),
    );
    if lines.len() == 1 {
        lines.push("  no package changed\n".to_owned());
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Change, Changes, Report, beside, text};

    #[test]
    fn the_lock_lies_beside_the_spec() {
        assert_eq!(beside(Path::new("a/b.live.toml")), Path::new("a/b.live.lock"));
    }

    #[test]
    fn changes_are_listed_one_per_line() {
        let changes = Changes {
            added: vec!["nano:amd64".into()],
            removed: vec!["vim:amd64".into()],
            changed: vec![Change { name: "bash:amd64".into(), from: "1".into(), to: "2".into() }],
        };
        let mut report =
            Report { file: "x.lock".into(), packages: 2, tools: 3, download_size: 4, changes: Some(changes) };
        assert_eq!(
            text(&report),
            "x.lock: 2 packages, 3 for tools\n  + nano:amd64\n  - vim:amd64\n  ~ bash:amd64 1 -> 2\n"
        );
        report.changes = Some(Changes::default());
        assert!(text(&report).ends_with("  no package changed\n"));
    }
}
