//! A problem that can be saved and solved again without any index.
//!
//! It holds the request and the packages that the request can reach: what may be chosen, every version and every
//! provider of each name that those speak of, and names like those that do not exist. Solving it again gives the same
//! answer, with the same explanation.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::family::{Family, Role};
use super::near::{group, near};
use super::problem;
use super::{Request, Unsatisfiable, Wanted};
use crate::index::{BuildError, Builder, Digest, Entry, Index, IndexSource, Kind, Name, Package, Provided};

/// Version of the form that this program writes and reads.
pub const FORMAT: u32 = 1;
/// More packages than this are not read: no request reaches as many.
const MOST_PACKAGES: usize = 500_000;

/// A problem on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// Version of the form, [`FORMAT`].
    pub format: u32,
    /// Family whose rules count, as [`Index::family`] names it.
    pub family: String,
    /// What was asked.
    pub request: Request,
    /// What the answer was: the set, or the summary of the reason.
    pub answer: Answer,
    /// Where the packages come from.
    pub sources: Vec<IndexSource>,
    /// The packages, in the order of the index.
    pub packages: Vec<SavedPackage>,
}

/// The answer that a problem had when it was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// `name version architecture` of each package.
    Packages(Vec<String>),
    /// One sentence.
    Conflict(String),
}

/// One package of a saved problem; see [`Entry`] for the fields. What is empty is not written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SavedPackage {
    name: String,
    version: String,
    arch: String,
    /// Position in [`Snapshot::sources`].
    #[serde(skip_serializing_if = "is_default")]
    source: usize,
    #[serde(skip_serializing_if = "is_default")]
    slot: String,
    #[serde(skip_serializing_if = "is_default")]
    build: String,
    #[serde(skip_serializing_if = "is_default")]
    extra: String,
    #[serde(skip_serializing_if = "is_default")]
    groups: String,
    #[serde(skip_serializing_if = "is_default")]
    flags: u32,
    #[serde(skip_serializing_if = "is_default")]
    rank: u32,
    #[serde(skip_serializing_if = "is_default")]
    size: u64,
    #[serde(skip_serializing_if = "is_default")]
    installed: u64,
    #[serde(skip_serializing_if = "is_default")]
    relations: BTreeMap<Kind, String>,
    /// Names with the versions in which they are provided.
    #[serde(skip_serializing_if = "is_default")]
    provides: Vec<(String, String)>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Why a saved problem cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Not a saved problem.
    #[error("this is not a saved problem")]
    Syntax(#[source] serde_json::Error),
    /// A newer or unknown form.
    #[error("the problem is saved in form {found}, this program reads form {FORMAT}")]
    Format {
        /// The form that it names.
        found: u32,
    },
    /// It holds more packages than any request reaches.
    #[error("the problem has too many packages")]
    TooLarge,
    /// A package comes from a source that is not listed.
    #[error("package `{package}` comes from source {source_number}, which is not listed")]
    Source {
        /// The package.
        package: String,
        /// The source.
        source_number: usize,
    },
    /// The packages cannot be one index.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What every form has.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

impl Snapshot {
    /// Takes what `request` can reach in `index`.
    pub fn of(family: &dyn Family, index: &Index, request: &Request) -> Self {
        let reached = Reach::of(family, index, request);
        let answer = match super::resolve(family, index, request) {
            Ok(selection) => Answer::Packages(
                selection
                    .packages
                    .iter()
                    .map(|package| format!("{} {} {}", package.name, package.version, package.arch))
                    .collect(),
            ),
            Err(Unsatisfiable { summary, .. }) => Answer::Conflict(summary),
        };
        Self {
            format: FORMAT,
            family: index.family().to_owned(),
            request: request.clone(),
            answer,
            sources: index.sources().to_vec(),
            packages: saved(index, &reached),
        }
    }

    /// As text, with one package per line.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{{\"format\":{},\"family\":{},\n\"request\":{},\n\"answer\":{},\n\"sources\":{},\n\"packages\":[\n",
            self.format,
            json(&self.family),
            json(&self.request),
            json(&self.answer),
            json(&self.sources)
        );
        let lines: Vec<String> = self.packages.iter().map(json).collect();
        text.push_str(&lines.join(",\n"));
        text.push_str("\n]}\n");
        text
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn parse(text: &[u8]) -> Result<Self, SnapshotError> {
        // Another form may have other fields, so its number is looked at first.
        let Header { format } = serde_json::from_slice(text).map_err(SnapshotError::Syntax)?;
        if format != FORMAT {
            return Err(SnapshotError::Format { found: format });
        }
        let snapshot: Self = serde_json::from_slice(text).map_err(SnapshotError::Syntax)?;
        if snapshot.packages.len() > MOST_PACKAGES {
            return Err(SnapshotError::TooLarge);
        }
        Ok(snapshot)
    }

    /// The packages as an index.
    pub fn index(&self) -> Result<Index, SnapshotError> {
        let mut builder = Builder::new(&self.family, self.packages.len());
        let mut by_source: Vec<Vec<&SavedPackage>> = vec![Vec::new(); self.sources.len()];
        for package in &self.packages {
            let source = by_source.get_mut(package.source).ok_or_else(|| SnapshotError::Source {
                package: package.name.clone(),
                source_number: package.source,
            })?;
            source.push(package);
        }
        for (source, packages) in self.sources.iter().zip(by_source) {
            builder.source(source)?;
            packages.into_iter().try_for_each(|package| builder.add(&package.entry()))?;
        }
        Ok(builder.finish()?)
    }
}

/// Packages with what they provide.
fn saved(index: &Index, ids: &BTreeSet<u32>) -> Vec<SavedPackage> {
    let mut packages: BTreeMap<u32, SavedPackage> =
        ids.iter().map(|id| (*id, SavedPackage::of(index.package(*id)))).collect();
    for (package, name, version) in index.provided() {
        if let Some(saved) = packages.get_mut(&package.id()) {
            saved.provides.push((name.to_owned(), version.to_owned()));
        }
    }
    packages.into_values().collect()
}

/// As JSON: of the types here, writing cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl SavedPackage {
    fn of(package: Package<'_>) -> Self {
        let kinds = Kind::ALL.into_iter().filter(|kind| !package.relations(*kind).is_empty());
        Self {
            name: package.name().to_owned(),
            version: package.version().to_owned(),
            arch: package.arch().to_owned(),
            source: package.source_number(),
            slot: package.slot().to_owned(),
            build: package.build().to_owned(),
            extra: package.extra().to_owned(),
            groups: package.groups().collect::<Vec<_>>().join(" "),
            flags: package.flags(),
            rank: package.rank(),
            size: package.size(),
            installed: package.installed_size(),
            relations: kinds.map(|kind| (kind, package.relations(kind).to_owned())).collect(),
            provides: Vec::new(),
        }
    }

    fn entry(&self) -> Entry<'_> {
        let mut entry = Entry {
            name: Name::new(&self.name),
            version: &self.version,
            arch: &self.arch,
            slot: &self.slot,
            build: &self.build,
            extra: &self.extra,
            groups: &self.groups,
            flags: self.flags,
            rank: self.rank,
            size: self.size,
            installed: self.installed,
            digest: Digest::None,
            ..Entry::default()
        };
        for (kind, text) in &self.relations {
            entry = entry.with(*kind, text);
        }
        let provided =
            self.provides.iter().map(|(name, version)| Provided { name: Name::new(name), version });
        entry.provides = provided.collect();
        entry
    }
}

/// The walk over everything that a request can reach.
struct Reach<'i> {
    index: &'i Index,
    family: &'i dyn Family,
    recommends: bool,
    names_seen: BTreeSet<u32>,
    packages: BTreeSet<u32>,
    queue: Vec<Package<'i>>,
}

impl<'i> Reach<'i> {
    fn of(family: &'i dyn Family, index: &'i Index, request: &Request) -> BTreeSet<u32> {
        let recommends = request.recommends;
        let (names_seen, packages, queue) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let mut reach = Self { index, family, recommends, names_seen, packages, queue };
        for wanted in &request.packages {
            reach.request(wanted);
        }
        for name in &request.remove {
            reach.request(&Wanted { name: name.clone(), ..Wanted::default() });
        }
        let world = problem::world(family, index, request);
        let task = problem::translate(&world, request);
        for package in task.problem.goals.iter().flat_map(|goal| &goal.any_of) {
            reach.add(index.package(package.0));
        }
        if request.supplements {
            let additions = lbuild_solve::Universe::additions(&world);
            for addition in additions {
                reach.add(index.package(addition.package.0));
            }
        }
        reach.follow();
        reach.packages
    }

    fn request(&mut self, wanted: &Wanted) {
        let atom = self.family.wanted(wanted);
        self.name(atom.name);
        for package in group(self.index, atom.name) {
            self.add(package);
        }
        if self.index.named(atom.name).next().is_none() {
            let meant = [near(self.index, atom.name), self.family.renamed(self.index, atom.name)];
            for name in meant.iter().flatten() {
                self.name(name);
            }
        }
    }

    /// Everything that bears or provides a name.
    fn name(&mut self, name: &str) {
        let Some(name) = self.index.name_id(name) else { return };
        if self.names_seen.insert(name) {
            let index = self.index;
            let providers = index.providers(name).map(|(package, _)| package);
            for package in index.of_name(name).chain(providers) {
                self.add(package);
            }
        }
    }

    fn add(&mut self, package: Package<'i>) {
        if self.packages.insert(package.id()) {
            self.queue.push(package);
        }
    }

    fn follow(&mut self) {
        while let Some(package) = self.queue.pop() {
            for statement in self.family.statements(package) {
                let follows = match statement.role {
                    Role::Requires => true,
                    Role::Recommends => self.recommends,
                    Role::Excludes | Role::Supplements => false,
                };
                let atoms = if follows { statement.formula.atoms() } else { Vec::new() };
                for atom in atoms {
                    self.name(atom.name);
                }
            }
        }
    }
}
