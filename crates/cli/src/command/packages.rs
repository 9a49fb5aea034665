//! `lbuild packages`: looks around in the packages of a base.

mod about;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use lbuild_engine::{Cancel, Catalog, Engine, Observer};
use lbuild_repo::catalog;
use lbuild_repo::index::{IndexSource, Package};
use lbuild_repo::resolve::{Link, Request, Unsatisfiable, Wanted, switches, why};
use lbuild_spec::model::{Architecture, Base};
use serde::Serialize;

use crate::arguments::EngineArguments;
use crate::context::Context;
use crate::engine_failure;
use crate::failure::{Exit, Failure};
use crate::format::{clean, cut};
use crate::output;
use crate::session::Session;
use crate::spec_file;
use crate::terminal::Style;

/// What to find out.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Find packages by name, by what they provide, by what they say about themselves, and by their files
    ///
    /// A word with a slash, such as bin/rg or /usr/bin/rg, means a file: the packages that have one whose path ends so.
    Search(Search),
    /// Show what is known about a package
    Show(Named),
    /// List the packages that require or recommend a package
    WhoNeeds(Named),
    /// Show the chain from a request to a package
    Why(Why),
    /// List the files of a package
    Files(Named),
}

/// Where to look.
#[derive(Debug, Args)]
struct Place {
    /// The base, or base and release, such as debian or debian/trixie
    #[arg(value_name = "BASE")]
    base: String,
    #[command(flatten)]
    engine: EngineArguments,
}

/// For which words.
#[derive(Debug, Args)]
pub struct Search {
    #[command(flatten)]
    place: Place,
    /// Words that must all be there
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,
    /// Show at most this many packages
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    limit: usize,
}

/// For which package.
#[derive(Debug, Args)]
pub struct Named {
    #[command(flatten)]
    place: Place,
    /// Name of the package
    #[arg(value_name = "NAME")]
    name: String,
}

/// From where to which package.
#[derive(Debug, Args)]
pub struct Why {
    #[command(flatten)]
    named: Named,
    /// In the system of this spec
    #[arg(long, value_name = "SPEC", value_hint = ValueHint::FilePath, conflicts_with = "wanted")]
    spec: Option<PathBuf>,
    /// In what these packages bring along
    #[arg(long = "for", value_name = "NAME", required_unless_present = "spec")]
    wanted: Vec<String>,
}

/// Does it.
pub fn run(action: &Action, context: &Context) -> Result<(), Failure> {
    match action {
        Action::Search(options) => search(options, context),
        Action::Show(options) => about::show(options, context),
        Action::WhoNeeds(options) => about::who_needs(options, context),
        Action::Why(options) => run_why(options, context),
        Action::Files(options) => files(options, context),
    }
}

impl Place {
    fn catalog(&self, context: &Context) -> Result<Catalog, Failure> {
        self.look(context, |_, _, catalog| Ok(catalog))
    }

    /// Reads the packages, and more with them in hand.
    fn look<T>(
        &self,
        context: &Context,
        more: impl FnOnce(&Engine, &Observer<'_>, Catalog) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (base, release) = match self.base.split_once('/') {
            Some((base, release)) => (base, Some(release)),
            None => (self.base.as_str(), None),
        };
        let known = || Base::ALL.map(Base::key).join(", ");
        let base = Base::ALL.into_iter().find(|known| known.key() == base).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("there is no base `{base}`"))
                .hint(format!("known: {}", known()))
        })?;
        let session = Session::start(context, &format!("reading the packages of {}", self.base))?;
        let engine = self.engine.open(context, session.cancel())?;
        session.run(|observer| {
            let catalog = engine.catalog(base, release, Architecture::X86_64, observer);
            more(&engine, observer, catalog.map_err(|error| engine_failure::catalog(&error))?)
        })
    }
}

/// A package in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    name: &'a str,
    version: &'a str,
    summary: &'a str,
    /// Suite and component.
    source: String,
    /// What a spec would have to switch on for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    switch: String,
}

fn row(package: Package<'_>) -> Row<'_> {
    let source = package.source();
    Row {
        name: package.name(),
        version: package.version(),
        summary: package.summary(),
        source: place(source),
        switch: switches::text(&source.switch),
    }
}

/// `noble-updates/universe`; where a repository has no components, its name.
fn place(source: &IndexSource) -> String {
    match (source.suite.as_str(), source.component.as_str()) {
        (suite, component) if suite == component || component.is_empty() => suite.to_owned(),
        (suite, component) => format!("{suite}/{component}"),
    }
}

/// Whether a word means a file; names of Gentoo have one slash themselves.
fn is_path(word: &str, base: &str) -> bool {
    word.contains('/') && (word.starts_with('/') || !base.starts_with(Base::Gentoo.key()))
}

/// One file and who has it.
#[derive(Serialize)]
struct FileRow<'a> {
    package: &'a str,
    path: &'a str,
}

/// The packages that have a file.
fn search_file(options: &Search, wanted: &str, context: &Context) -> Result<(), Failure> {
    let (found, release) = options.place.look(context, |engine, observer, catalog| {
        let found = engine.find_files(&catalog, wanted, observer);
        Ok((found.map_err(|error| engine_failure::catalog(&error))?, catalog.release))
    })?;
    let found = found.ok_or_else(|| {
        let base = &options.place.base;
        Failure::new(Exit::Spec, format!("`{base}` publishes no lists of the files of its packages"))
            .hint(format!("`lbuild packages files {base} NAME` lists the files of one package"))
    })?;
    let shown: Vec<FileRow<'_>> = found
        .iter()
        .take(options.limit)
        .map(|found| FileRow { package: &found.package, path: &found.path })
        .collect();
    if context.global.json {
        return output::print_json(&shown);
    }
    if shown.is_empty() {
        let what = format!("no package of {release} has a file `{}`", clean(wanted));
        return Err(Failure::new(Exit::Spec, what));
    }
    let style = context.style();
    let width = shown.iter().map(|row| row.package.chars().count()).max().unwrap_or_default();
    let line = |row: &FileRow<'_>| {
        format!("{}  {}\n", style.strong(&format!("{:width$}", clean(row.package))), clean(row.path))
    };
    let mut text: String = shown.iter().map(line).collect();
    text.push_str(&and_more(found.len() - shown.len(), style));
    output::print(&text)
}

fn and_more(left: usize, style: Style) -> String {
    if left == 0 { String::new() } else { style.faint(&format!("and {left} more; --limit shows them\n")) }
}

/// The files of a package.
fn files(options: &Named, context: &Context) -> Result<(), Failure> {
    let paths = options.place.look(context, |engine, observer, catalog| {
        let package = catalog::best(catalog.family(), &catalog.index, &options.name)
            .ok_or_else(|| nothing(&options.name, &catalog))?;
        engine.package_files(&catalog, package, observer).map_err(|error| engine_failure::catalog(&error))
    })?;
    if context.global.json {
        return output::print_json(&paths);
    }
    let lines: Vec<String> = paths.iter().map(|path| clean(path) + "\n").collect();
    output::print(&lines.concat())
}

fn search(options: &Search, context: &Context) -> Result<(), Failure> {
    if let [wanted] = &options.words[..]
        && is_path(wanted, &options.place.base)
    {
        return search_file(options, wanted, context);
    }
    let catalog = options.place.catalog(context)?;
    let found = catalog::search(catalog.family(), &catalog.index, &options.words);
    let shown: Vec<Row<'_>> = found.iter().take(options.limit).map(|package| row(*package)).collect();
    if context.global.json {
        return output::print_json(&shown);
    }
    if shown.is_empty() {
        return Err(nothing(&options.words.join(" "), &catalog));
    }
    let style = context.style();
    let width = shown.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for row in &shown {
        let off = if row.switch.is_empty() { String::new() } else { format!("  ({})", row.switch) };
        let name = format!("{:width$}", clean(row.name));
        let line =
            format!("{}  {}{}\n", style.strong(&name), cut(&clean(row.summary), 90), style.faint(&off));
        text.push_str(&line);
    }
    text.push_str(&and_more(found.len() - shown.len(), style));
    output::print(&text)
}

/// No package is like that; names that are near help.
fn nothing(what: &str, catalog: &Catalog) -> Failure {
    let near = lbuild_repo::resolve::near(&catalog.index, what);
    let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    let hint = (!near.is_empty()).then(|| format!("names like it: {}", near.join(", ")));
    Failure::new(Exit::Spec, format!("{} has no package `{}`", catalog.release, clean(what))).hint(hint)
}

fn run_why(options: &Why, context: &Context) -> Result<(), Failure> {
    let Named { place, name } = &options.named;
    let catalog = place.catalog(context)?;
    let request = if let Some(path) = &options.spec {
        let blueprint = spec_file::load(path, context)?.blueprint;
        let engine = place.engine.open(context, &Cancel::new())?;
        engine.request(&blueprint).map_err(|error| engine_failure::catalog(&error))?
    } else {
        let wanted = |name: &String| Wanted { name: name.clone(), ..Wanted::default() };
        let packages = options.wanted.iter().map(wanted).collect();
        Request { packages, ..Request::new(&catalog.architecture) }
    };
    let links = why(catalog.family(), &catalog.index, &request, name).map_err(|reason| conflict(&reason))?;
    let links = links.ok_or_else(|| {
        Failure::new(Exit::Spec, format!("`{}` is not there: nothing needs it", clean(name)))
    })?;
    if context.global.json {
        return output::print_json(&links);
    }
    let style = context.style();
    let line =
        |link: &Link| format!("{} {} {}\n", clean(&link.from), style.faint(&link.relation), clean(&link.to));
    output::print(&links.iter().map(line).collect::<String>())
}

fn conflict(reason: &Unsatisfiable) -> Failure {
    Failure::new(Exit::Spec, clean(&reason.summary))
        .hint("`lbuild resolve SPEC` explains it in full".to_owned())
}
