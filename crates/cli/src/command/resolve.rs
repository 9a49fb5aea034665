//! `lbuild resolve`: the packages that would be installed, or why there is no such set.

use clap::Args;
use lbuild_engine::LockedPackage;
use serde::Serialize;

use crate::arguments::{EngineArguments, SpecFile};
use crate::context::Context;
use crate::engine_failure;
use crate::failure::Failure;
use crate::format::{bytes, count};
use crate::output;
use crate::session::Session;
use crate::spec_file;
use crate::terminal::Style;

/// For which spec.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    spec: SpecFile,
    #[command(flatten)]
    engine: EngineArguments,
}

/// What `--json` prints when there is a set; sizes are bytes. When there is none, see [`crate::conflict`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    satisfiable: bool,
    packages: Vec<Package<'a>>,
    download_size: u64,
    installed_size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    arch: &'a str,
    download_size: u64,
    installed_size: u64,
    requested_by: &'a str,
}

/// Resolves, and prints the set.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let blueprint = spec_file::load(&options.spec.path, context)?.blueprint;
    let session =
        Session::start(context, &format!("resolving {} ({})", blueprint.name, super::system(&blueprint)))?;
    let engine = options.engine.open(context)?;
    let resolution = session
        .run(|observer| engine.resolve(&blueprint, observer))
        .map_err(|error| engine_failure::resolve(&error, &blueprint, context))?;
    let report = report(&resolution.packages);
    if context.global.json {
        return output::print_json(&report);
    }
    output::print(&text(&report, context.style()))
}

fn report(packages: &[LockedPackage]) -> Report<'_> {
    let packages: Vec<Package<'_>> = packages
        .iter()
        .map(|package| Package {
            name: &package.name,
            version: &package.version,
            arch: &package.arch,
            download_size: package.size,
            installed_size: package.installed_size,
            requested_by: &package.requested_by,
        })
        .collect();
    let download_size = packages.iter().map(|package| package.download_size).sum();
    let installed_size = packages.iter().map(|package| package.installed_size).sum();
    Report { satisfiable: true, packages, download_size, installed_size }
}

fn text(report: &Report<'_>, style: Style) -> String {
    let width = |column: for<'a> fn(&Package<'a>) -> &'a str, title: &str| {
        report
            .packages
            .iter()
            .map(|package| column(package).chars().count())
            .max()
            .unwrap_or(0)
            .max(title.len())
    };
    let (name, version) =
        (width(|package| package.name, "package"), width(|package| package.version, "version"));
    let arch = width(|package| package.arch, "arch");
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
            style.faint(package.requested_by),
        ));
    }
    let total = count(report.packages.len(), "package");
    let (download, installed) = (bytes(report.download_size), bytes(report.installed_size));
    lines.push(format!("{}, {download} to download, {installed} installed\n", style.strong(&total)));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::{Package, Report, text};
    use crate::terminal::Style;

    #[test]
    fn columns_are_as_wide_as_their_longest_value() {
        let package = |name, version| Package {
            name,
            version,
            arch: "amd64",
            download_size: 1_500_000,
            installed_size: 7_000,
            requested_by: "essential",
        };
        let packages = vec![package("bash", "5.2"), package("base-files", "13")];
        let report = Report { satisfiable: true, packages, download_size: 3_000_000, installed_size: 14_000 };
        let expected = "\
package     version  arch    download  installed  requested by
bash        5.2      amd64     1.5 MB       7 kB  essential
base-files  13       amd64     1.5 MB       7 kB  essential
2 packages, 3.0 MB to download, 14 kB installed
";
        assert_eq!(text(&report, Style { color: false }), expected);
    }
}
