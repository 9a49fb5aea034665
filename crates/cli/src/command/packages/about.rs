//! One package: what is known about it, and who needs it.

use lbuild_repo::catalog;
use lbuild_repo::index::Kind;
use serde::Serialize;

use super::{Named, Row, nothing, row};
use crate::context::Context;
use crate::failure::Failure;
use crate::format::{bytes, count};
use crate::output;
use crate::prose::{Line, Tone};

/// Columns of the titles.
const TITLES: usize = 12;

/// A package in full.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    arch: &'a str,
    source_package: &'a str,
    download_size: u64,
    installed_size: u64,
    /// Relations by kind, in the base's own syntax.
    relations: Vec<(Kind, &'a str)>,
    /// Every version of every source.
    versions: Vec<Row<'a>>,
}

/// Shows what is known about a package.
pub(super) fn show(options: &Named, context: &Context) -> Result<(), Failure> {
    let catalog = options.place.catalog(context)?;
    let package = catalog::best(catalog.family(), &catalog.index, &options.name)
        .ok_or_else(|| nothing(&options.name, &catalog))?;
    let relations = Kind::ALL.into_iter().map(|kind| (kind, package.relations(kind)));
    let details = Details {
        row: row(package),
        arch: package.arch(),
        source_package: package.source_name(),
        download_size: package.size(),
        installed_size: package.installed_size(),
        relations: relations.filter(|(_, text)| !text.is_empty()).collect(),
        versions: catalog.index.named(&options.name).map(row).collect(),
    };
    if context.global.json {
        return output::print_json(&details);
    }
    print(&details_lines(&details), context)
}

fn print(lines: &[Line], context: &Context) -> Result<(), Failure> {
    let rendered = lines.iter().map(|line| line.render(context.style(), 0, context.terminal.columns) + "\n");
    output::print(&rendered.collect::<String>())
}

fn details_lines(details: &Details<'_>) -> Vec<Line> {
    let row = &details.row;
    let mut lines =
        vec![Line::default().with(Tone::Strong, row.name).with(Tone::Plain, format!(" {}", row.version))];
    if !row.summary.is_empty() {
        lines.push(Line::from(row.summary.to_owned()));
    }
    lines.push(Line::default());
    let mut line = |title: &str, value: &str| {
        if !value.is_empty() {
            let titled = Line::hanging(TITLES + 2).with(Tone::Faint, format!("{title:>TITLES$}  "));
            lines.push(titled.with(Tone::Plain, value));
        }
    };
    line("from", &row.source);
    line("switch on", &row.switch);
    line("architecture", details.arch);
    line("source", if details.source_package == row.name { "" } else { details.source_package });
    line("download", &bytes(details.download_size));
    if details.installed_size > 0 {
        line("installed", &bytes(details.installed_size));
    }
    for (kind, text) in &details.relations {
        line(title(*kind), &text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let same = |other: &&Row<'_>| (other.version, &other.source) == (row.version, &row.source);
    for other in details.versions.iter().filter(|other| !same(other)) {
        let off = if other.switch.is_empty() { String::new() } else { format!(" ({})", other.switch) };
        line("also", &format!("{} from {}{off}", other.version, other.source));
    }
    lines
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::PreRequires => "pre-depends",
        Kind::Requires => "depends",
        Kind::Recommends => "recommends",
        Kind::Suggests => "suggests",
        Kind::Supplements => "supplements",
        Kind::Enhances => "enhances",
        Kind::Conflicts => "conflicts",
        Kind::Breaks => "breaks",
        Kind::Replaces => "replaces",
        Kind::Provides => "provides",
    }
}

/// One package that speaks of another.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Need<'a> {
    package: &'a str,
    version: &'a str,
    relation: &'a str,
    text: String,
}

/// Lists the packages that require or recommend a package.
pub(super) fn who_needs(options: &Named, context: &Context) -> Result<(), Failure> {
    let catalog = options.place.catalog(context)?;
    let package = catalog::best(catalog.family(), &catalog.index, &options.name)
        .ok_or_else(|| nothing(&options.name, &catalog))?;
    let mentions = catalog::needing(catalog.family(), &catalog.index, package);
    let needs: Vec<Need<'_>> = mentions
        .iter()
        .map(|mention| Need {
            package: mention.package.name(),
            version: mention.package.version(),
            relation: mention.verb,
            text: mention.text.split_whitespace().collect::<Vec<_>>().join(" "),
        })
        .collect();
    if context.global.json {
        return output::print_json(&needs);
    }
    print(&needs_lines(&needs, package.name()), context)
}

/// Each package with what it says, in columns, and how many there are.
fn needs_lines(needs: &[Need<'_>], name: &str) -> Vec<Line> {
    let width = |column: fn(&Need<'_>) -> usize| needs.iter().map(column).max().unwrap_or_default();
    let (first, second) =
        (width(|need| need.package.chars().count()).min(40), width(|need| need.relation.chars().count()));
    let mut lines: Vec<Line> = needs
        .iter()
        .map(|need| {
            Line::hanging(first + second + 4)
                .with(Tone::Strong, format!("{:first$}  ", need.package))
                .with(Tone::Faint, format!("{:second$}  ", need.relation))
                .with(Tone::Plain, need.text.as_str())
        })
        .collect();
    let mut packages: Vec<&str> = needs.iter().map(|need| need.package).collect();
    packages.sort_unstable();
    packages.dedup();
    lines.push(Line::default().with(
        Tone::Faint,
        match packages.len() {
            0 => format!("no package requires or recommends {name}"),
            1 => format!("1 package requires or recommends {name}"),
            more => format!("{} require or recommend {name}", count(more, "package")),
        },
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::{Need, needs_lines};

    #[test]
    fn needs_stand_in_columns_and_packages_are_counted_once() {
        let need =
            |package, relation, text: &str| Need { package, version: "1", relation, text: text.to_owned() };
        let needs = [
            need("a", "depends on", "x"),
            need("a", "recommends", "x-data"),
            need("long", "depends on", "x"),
        ];
        let texts: Vec<String> = needs_lines(&needs, "x").iter().map(crate::prose::Line::text).collect();
        assert_eq!(
            texts,
            [
                "a     depends on  x",
                "a     recommends  x-data",
                "long  depends on  x",
                "2 packages require or recommend x"
            ]
        );
        assert_eq!(needs_lines(&[], "x")[0].text(), "no package requires or recommends x");
    }
}
