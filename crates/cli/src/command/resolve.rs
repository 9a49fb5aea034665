//! `lbuild resolve`: the packages that would be installed, or why there is no such set.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use lbuild_engine::answer::{Answer, Package};
use lbuild_engine::{Engine, ResolveError};
use lbuild_repo::family::family;
use lbuild_repo::resolve::{Selected, Snapshot};
use lbuild_spec::Blueprint;
use serde::Serialize;

use crate::arguments::{EngineArguments, SpecFile};
use crate::conflict;
use crate::context::Context;
use crate::engine_failure;
use crate::failure::{Exit, Failure};
use crate::file;
use crate::fix;
use crate::format::{bytes, clean, count};
use crate::output;
use crate::session::Session;
use crate::spec_file;
use crate::terminal::Style;

/// For which spec.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    spec: SpecFile,
    /// When packages conflict, write this fix into the spec
    #[arg(long, value_name = "NUMBER")]
    fix: Option<usize>,
    /// Also save the problem, so that it can be solved again without any index
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    save: Option<PathBuf>,
    /// The spec is a problem that --save has written
    #[arg(long, conflicts_with_all = ["fix", "save", "force_package", "offline"])]
    replay: bool,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Resolves, and prints the set.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    if options.replay {
        return replay(&options.spec.path, context);
    }
    let blueprint = spec_file::load(&options.spec.path, context)?.blueprint;
    let session =
        Session::start(context, &format!("resolving {} ({})", blueprint.name, super::system(&blueprint)))?;
    let engine = options.engine.open(context, session.cancel())?;
    if let Some(path) = &options.save {
        let problem = session.run(|observer| engine.problem(&blueprint, observer));
        let problem = problem.map_err(|error| engine_failure::resolve(&error, &blueprint, context))?;
        file::replace(path, &problem.to_text()).map_err(|error| {
            Failure::because(Exit::Build, format!("cannot write `{}`", path.display()), &error)
        })?;
    }
    let resolution = match session.run(|observer| engine.resolve(&blueprint, observer)) {
        Ok(resolution) => resolution,
        Err(error) => return fixed(&error, options, &blueprint, (&session, &engine), context),
    };
    let report = report(&resolution.packages);
    if context.global.json {
        return output::print_json(&report);
    }
    output::print(&text_of(&report, context.style()))
}

/// What `--json` prints when a fix was written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fixed<'a> {
    file: String,
    fix: &'a str,
}

/// Writes the fix that was asked for into the spec; without one, the error is the answer.
fn fixed(
    error: &ResolveError,
    options: &Options,
    blueprint: &Blueprint,
    (session, engine): (&Session, &Engine),
    context: &Context,
) -> Result<(), Failure> {
    let (ResolveError::Conflict(conflict), Some(number)) = (error, options.fix) else {
        return Err(engine_failure::resolve(error, blueprint, context));
    };
    let solves = |changed: &Blueprint| {
        let mut changed = changed.clone();
        let directory = options.spec.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        lbuild_engine::embed_keys(&mut changed, directory.unwrap_or(Path::new(".")))
            .map_err(|error| Failure::from_error(Exit::Spec, &error))?;
        let solved = session.run(|observer| engine.resolve(&changed, observer));
        solved.map(drop).map_err(|error| {
            Failure::because(
                Exit::Spec,
                format!("fix {number} is not enough, so that nothing was written"),
                &error,
            )
            .hint("the field has a default that asks for as much; change it by hand".to_owned())
        })
    };
    let label = fix::apply(number, conflict, blueprint, &options.spec.path, &solves)?;
    let file = options.spec.path.display().to_string();
    if context.global.json {
        return output::print_json(&Fixed { file, fix: &label });
    }
    output::print(&format!("{file}: {}\n", clean(&label)))
}

/// Solves a saved problem again.
fn replay(path: &Path, context: &Context) -> Result<(), Failure> {
    let file = path.display().to_string();
    let text = fs::read(path)
        .map_err(|error| Failure::because(Exit::Spec, format!("cannot read `{file}`"), &error))?;
    let broken = |error: &(dyn std::error::Error + 'static)| {
        Failure::because(Exit::Spec, format!("`{file}` cannot be solved again"), error)
    };
    let problem = Snapshot::parse(&text).map_err(|error| broken(&error))?;
    let index = problem.index().map_err(|error| broken(&error))?;
    let family = family(&problem.family).ok_or_else(|| {
        Failure::new(Exit::Spec, format!("`{file}` is of family `{}`, which is not known", problem.family))
    })?;
    match lbuild_repo::resolve::resolve(family, &index, &problem.request) {
        Err(reason) => Err(conflict::saved(reason, context)),
        Ok(selection) => {
            let report = report(&selection.packages);
            if context.global.json {
                return output::print_json(&report);
            }
            output::print(&text_of(&report, context.style()))
        }
    }
}

fn report(packages: &[Selected]) -> Answer {
    Answer::of(packages.iter().map(Package::from).collect())
}

fn text_of(report: &Answer, style: Style) -> String {
    let width = |column: fn(&Package) -> &str, title: &str| {
        report
            .packages
            .iter()
            .map(|package| column(package).chars().count())
            .max()
            .unwrap_or(0)
            .max(title.len())
    };
    let (name, version) =
        (width(|package| &package.name, "package"), width(|package| &package.version, "version"));
    let arch = width(|package| &package.arch, "arch");
    let head = format!(
        "{:name$}  {:version$}  {:arch$}  {:>9}  {:>9}  requested by",
        "package", "version", "arch", "download", "installed"
    );
    let mut lines = vec![format!("{}\n", style.faint(&head))];
    for package in &report.packages {
        lines.push(format!(
            "{:name$}  {:version$}  {:arch$}  {:>9}  {:>9}  {}\n",
            package.name,
            package.version,
            package.arch,
            bytes(package.download_size),
            bytes(package.installed_size),
            style.faint(&package.requested_by),
        ));
    }
    let total = count(report.packages.len(), "package");
    let (download, installed) = (bytes(report.download_size), bytes(report.installed_size));
    lines.push(format!("{}, {download} to download, {installed} installed\n", style.strong(&total)));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::{Answer, Package, text_of};
    use crate::terminal::Style;

    #[test]
    fn columns_are_as_wide_as_their_longest_value() {
        let package = |name: &str, version: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: "amd64".to_owned(),
            download_size: 1_500_000,
            installed_size: 7_000,
            requested_by: "essential".to_owned(),
        };
        let packages = vec![package("bash", "5.2"), package("base-files", "13")];
        let report = Answer::of(packages);
        let expected = "\
package     version  arch    download  installed  requested by
bash        5.2      amd64     1.5 MB       7 kB  essential
base-files  13       amd64     1.5 MB       7 kB  essential
2 packages, 3.0 MB to download, 14 kB installed
";
        assert_eq!(text_of(&report, Style { color: false }), expected);
    }
}
