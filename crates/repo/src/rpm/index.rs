//! From the metadata of repositories to the index of packages that is resolved from.
//!
//! A file that is required but not listed in `primary.xml` is looked for in `filelists.xml`, and whether a group's
//! members exist is known only when all packages were seen; so [`Survey`] reads everything once before [`Repositories`]
//! adds it. Packages of modules that are not enabled, source packages and packages of other machines are left out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::io::BufRead;

use super::comps::{Comps, MemberKind};
use super::filelists::{Filelists, FilelistsError};
use super::primary::{Entry as Relation, Field, Package, Primary, PrimaryError};
use super::relation::{Bound, Operator, RelationError};
use super::resolve::OBSOLETED;
use super::version::Evr;
use crate::index::{BuildError, Builder, Digest, Entry, Index, IndexSource, Kind, Provided};

/// What a package says that several of may be installed beside each other.
const INSTALL_ONLY: [&str; 3] =
    ["installonlypkg(kernel)", "installonlypkg(kernel-module)", "multiversion(kernel)"];
/// Such packages that do not say so, as dnf and zypper know them.
const INSTALL_ONLY_NAMES: [&str; 9] = [
    "kernel",
    "kernel-core",
    "kernel-debug",
    "kernel-debug-core",
    "kernel-default",
    "kernel-devel",
    "kernel-modules",
    "kernel-modules-core",
    "kernel-modules-extra",
];

/// The name of the family in an index.
pub const FAMILY: &str = "rpm";

/// Why repositories cannot be put into an index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The package index of a repository is malformed.
    #[error("the packages of `{repository}` cannot be read")]
    Primary {
        /// The repository.
        repository: String,
        /// What is wrong.
        source: PrimaryError,
    },
    /// The list of files of a repository is malformed.
    #[error("the files of `{repository}` cannot be read")]
    Filelists {
        /// The repository.
        repository: String,
        /// What is wrong.
        source: FilelistsError,
    },
    /// A package has a dependency that cannot be read.
    #[error("package `{package}` of `{repository}` has a bad dependency")]
    Relation {
        /// The repository.
        repository: String,
        /// The package.
        package: String,
        /// What is wrong.
        source: RelationError,
    },
    /// There is too much of something.
    #[error("the packages do not fit into an index")]
    Build(#[from] BuildError),
}

/// The architectures whose packages run on a machine of architecture `arch`, the best first.
pub fn compatible(arch: &str) -> &'static [&'static str] {
    match arch {
        "x86_64" => &["x86_64", "noarch", "i686", "i586", "i486", "i386"],
        "i686" | "i586" => &["i686", "noarch", "i586", "i486", "i386"],
        "aarch64" => &["aarch64", "noarch"],
        "ppc64le" => &["ppc64le", "noarch"],
        "s390x" => &["s390x", "noarch"],
        "riscv64" => &["riscv64", "noarch"],
        _ => &["noarch"],
    }
}

/// The pin of a repository with that priority: dnf's and zypper's are better when they are lower, 99 for most.
pub fn pin(priority: u32) -> i32 {
    599 - i32::try_from(priority.clamp(1, 598)).unwrap_or(99)
}

/// What must be known of all repositories before any package is added.
#[derive(Debug, Default)]
pub struct Survey {
    arches: &'static [&'static str],
    names: HashSet<String>,
    listed_files: HashSet<String>,
    wanted_files: HashSet<String>,
    /// The names that packages obsolete, and by whom.
    obsoleted: HashMap<String, Vec<Obsoleter>>,
}

/// Who obsoletes a name, and which versions of it.
#[derive(Debug)]
struct Obsoleter {
    name: String,
    bound: Option<(Operator, String)>,
}

impl Survey {
    /// For a machine of architecture `arch`.
    pub fn new(arch: &str) -> Self {
        Self { arches: compatible(arch), ..Self::default() }
    }

    /// Reads the packages of a repository.
    ///
    /// # Errors
    /// When its index or a dependency is malformed.
    pub fn read(&mut self, repository: &str, primary: impl BufRead) -> Result<(), IndexError> {
        let named = |source| IndexError::Primary { repository: repository.to_owned(), source };
        let mut primary = Primary::new(primary).map_err(named)?;
        while let Some(package) = primary.next_package().map_err(named)? {
            if self.arches.contains(&package.arch()) {
                self.note(package).map_err(|source| IndexError::Relation {
                    repository: repository.to_owned(),
                    package: package.name().to_owned(),
                    source,
                })?;
            }
        }
        Ok(())
    }

    fn note(&mut self, package: &Package) -> Result<(), RelationError> {
        if !self.names.contains(package.name()) {
            self.names.insert(package.name().to_owned());
        }
        for file in package.files() {
            self.listed_files.insert(file.path.to_owned());
        }
        for entry in package.entries() {
            if entry.name.starts_with('(') {
                entry.dependency()?.atoms(&mut |atom| {
                    if atom.is_file() {
                        self.wanted_files.insert(atom.name.to_owned());
                    }
                });
            } else if entry.name.starts_with('/') {
                if entry.field == Field::Provides {
                    self.listed_files.insert(entry.name.to_owned());
                } else if !self.wanted_files.contains(entry.name) {
                    self.wanted_files.insert(entry.name.to_owned());
                }
            }
            if entry.field == Field::Obsoletes {
                let bound = entry.bound.map(|bound| (bound.operator, bound.evr.to_string()));
                let by = self.obsoleted.entry(entry.name.to_owned()).or_default();
                by.push(Obsoleter { name: package.name().to_owned(), bound });
            }
        }
        Ok(())
    }

    /// The files that are required and that no package index lists: what to look for in the lists of files.
    pub fn missing_files(&self) -> BTreeSet<&str> {
        self.wanted_files.difference(&self.listed_files).map(String::as_str).collect()
    }

    /// Finds the packages (by the hexadecimal checksum of `primary.xml`) that have the missing files.
    ///
    /// # Errors
    /// When the list is malformed.
    pub fn owners(
        &self,
        repository: &str,
        filelists: impl BufRead,
    ) -> Result<HashMap<String, Vec<String>>, IndexError> {
        let named = |source| IndexError::Filelists { repository: repository.to_owned(), source };
        let missing = self.missing_files();
        let mut owners: HashMap<String, Vec<String>> = HashMap::new();
        let mut lists = Filelists::new(filelists).map_err(named)?;
        while let Some(package) = lists.next_package().map_err(named)? {
            let found: Vec<String> = package
                .files()
                .filter(|file| missing.contains(file.path))
                .map(|file| file.path.to_owned())
                .collect();
            if !found.is_empty() {
                owners.entry(package.id.clone()).or_default().extend(found);
            }
        }
        Ok(owners)
    }

    fn is_obsoleted(&self, name: &str, evr: Evr<'_>) -> bool {
        let by = self.obsoleted.get(name).map(Vec::as_slice).unwrap_or_default();
        by.iter().any(|Obsoleter { name: other, bound }| {
            other != name
                && bound.as_ref().is_none_or(|(operator, version)| {
                    Bound { operator: *operator, evr: Evr::split(version) }.meets(&Bound::exactly(evr))
                })
        })
    }
}

/// A repository to add.
#[derive(Debug, Default)]
pub struct Repository<'a> {
    /// Where it is and how its packages rank; see [`pin`].
    pub source: IndexSource,
    /// Packages of it that may not be taken, as `name-epoch:version-release.arch`: those of modules that are not enabled.
    pub hidden: BTreeSet<&'a str>,
    /// Names of packages that the user excludes from it.
    pub excluded: BTreeSet<&'a str>,
    /// Required files that only its list of files has, by the checksum of the package; see [`Survey::owners`].
    pub files: HashMap<String, Vec<String>>,
}

/// An index being made.
pub struct Repositories {
    survey: Survey,
    builder: Builder,
    texts: Texts,
    hidden: usize,
}

/// Room for the texts of one package.
#[derive(Debug, Default)]
struct Texts {
    version: String,
    kinds: [String; KINDS.len()],
    provides: String,
    /// Where names and versions stand in `provides`.
    places: Vec<[usize; 4]>,
}

/// Which dependencies stand where.
const KINDS: [(Field, bool, Kind); 8] = [
    (Field::Requires, true, Kind::PreRequires),
    (Field::Requires, false, Kind::Requires),
    (Field::Conflicts, false, Kind::Conflicts),
    (Field::Obsoletes, false, Kind::Replaces),
    (Field::Recommends, false, Kind::Recommends),
    (Field::Suggests, false, Kind::Suggests),
    (Field::Supplements, false, Kind::Supplements),
    (Field::Enhances, false, Kind::Enhances),
];

impl Repositories {
    /// Starts an index of what `survey` has seen.
    pub fn new(survey: Survey) -> Self {
        let builder = Builder::new(FAMILY, survey.names.len() * 2);
        Self { survey, builder, texts: Texts::default(), hidden: 0 }
    }

    /// Adds the packages of a repository, the preferred repository first.
    ///
    /// # Errors
    /// When its index is malformed or too large.
    pub fn add(&mut self, repository: &Repository<'_>, primary: impl BufRead) -> Result<(), IndexError> {
        let label = || repository.source.suite.clone();
        let named = |source| IndexError::Primary { repository: label(), source };
        self.builder.source(&repository.source)?;
        let mut primary = Primary::new(primary).map_err(named)?;
        while let Some(package) = primary.next_package().map_err(named)? {
            if !self.survey.arches.contains(&package.arch()) || repository.excluded.contains(package.name()) {
                continue;
            }
            let evr = package.evr();
            let (epoch, version, release) = (evr.epoch, evr.version, evr.release);
            let id = format!("{}-{epoch}:{version}-{release}.{}", package.name(), package.arch());
            if repository.hidden.contains(&*id) {
                self.hidden += 1;
                continue;
            }
            let files = if repository.files.is_empty() {
                None
            } else {
                repository.files.get(&hex::encode(package.checksum().bytes()))
            };
            let files = files.map_or(&[][..], Vec::as_slice);
            self.texts.fill(package, files);
            // Of a package for several architectures, only the one for this machine comes by itself.
            if self.survey.arches.first() != Some(&package.arch()) && package.arch() != "noarch" {
                self.texts.forget(Field::Supplements);
            }
            let obsoleted = self.survey.is_obsoleted(package.name(), evr);
            self.builder.add(&self.texts.entry(package, obsoleted))?;
        }
        Ok(())
    }

    /// How many packages were left out because their module is not enabled.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Adds the groups and environments of a repository as packages `@id` without content: they require what is
    /// mandatory and recommend what is default. Members that no repository has are left out, as dnf does.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add_groups(&mut self, source: &IndexSource, comps: &Comps) -> Result<(), IndexError> {
        self.builder.source(source)?;
        let mut groups: BTreeMap<String, (String, String, String)> = BTreeMap::new();
        for group in &comps.groups {
            let (title, requires, recommends) = groups.entry(format!("@{}", group.id)).or_default();
            title.clone_from(&group.name);
            for member in group.members.iter().filter(|member| self.survey.names.contains(&member.package)) {
                match &member.kind {
                    MemberKind::Mandatory => push_line(requires, &member.package),
                    MemberKind::Default => push_line(recommends, &member.package),
                    MemberKind::Conditional(condition) if !condition.is_empty() => {
                        push_line(recommends, &format!("({} if {condition})", member.package));
                    }
                    MemberKind::Optional | MemberKind::Conditional(_) => {}
                }
            }
        }
        for environment in &comps.environments {
            let (title, requires, _) = groups.entry(format!("@{}", environment.id)).or_default();
            title.clone_from(&environment.name);
            for group in environment.groups.iter().filter(|group| comps.group(group).is_some()) {
                push_line(requires, &format!("@{group}"));
            }
        }
        for (id, (title, requires, recommends)) in &groups {
            let entry = Entry {
                name: id.as_str().into(),
                version: "0",
                arch: "noarch",
                summary: title,
                ..Entry::default()
            };
            self.builder.add(&entry.with(Kind::Requires, requires).with(Kind::Recommends, recommends))?;
        }
        Ok(())
    }

    /// The index.
    ///
    /// # Errors
    /// When it is too large.
    pub fn finish(self) -> Result<Index, IndexError> {
        Ok(self.builder.finish()?)
    }
}

fn push_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

impl Texts {
    fn fill(&mut self, package: &Package, files: &[String]) {
        self.version.clear();
        write!(self.version, "{}", package.evr()).expect("writing to a string");
        self.kinds.iter_mut().for_each(String::clear);
        self.provides.clear();
        self.places.clear();
        for entry in package.entries() {
            if entry.field == Field::Provides {
                self.provide(package, &entry);
                continue;
            }
            let wanted = (entry.field, entry.pre && entry.field == Field::Requires);
            let Some(at) = KINDS.iter().position(|(field, pre, _)| (*field, *pre) == wanted) else {
                continue;
            };
            if !self.kinds[at].is_empty() {
                self.kinds[at].push('\n');
            }
            entry.write(&mut self.kinds[at]);
        }
        for path in package.files().map(|file| file.path).chain(files.iter().map(String::as_str)) {
            self.provide_name(path);
        }
    }

    fn forget(&mut self, field: Field) {
        for ((of, ..), text) in KINDS.iter().zip(&mut self.kinds) {
            if *of == field {
                text.clear();
            }
        }
    }

    fn provide(&mut self, package: &Package, entry: &Relation<'_>) {
        let is_itself = entry.name == package.name()
            && entry
                .bound
                .is_some_and(|bound| bound.operator == Operator::Equal && bound.evr == package.evr());
        if is_itself {
            return;
        }
        self.provide_name(entry.name);
        let Some(bound) = entry.bound else { return };
        write!(self.provides, " {bound}").expect("writing to a string");
        let end = self.provides.len();
        let Some(place) = self.places.last_mut() else { return };
        // `= 1.0` is given as `1.0`, every other range with its sign.
        let sign = if bound.operator == Operator::Equal { 3 } else { 1 };
        (place[2], place[3]) = (place[1] + sign, end);
    }

    fn provide_name(&mut self, name: &str) {
        if !self.provides.is_empty() {
            self.provides.push('\n');
        }
        let start = self.provides.len();
        self.provides.push_str(name);
        let end = self.provides.len();
        self.places.push([start, end, end, end]);
    }

    fn entry<'a>(&'a self, package: &'a Package, obsoleted: bool) -> Entry<'a> {
        let is_install_only = INSTALL_ONLY_NAMES.contains(&package.name())
            || package.field(Field::Provides).any(|entry| INSTALL_ONLY.contains(&entry.name));
        let provides = self.places.iter().map(|[start, end, from, to]| Provided {
            name: self.provides[*start..*end].into(),
            version: &self.provides[*from..*to],
        });
        let mut entry = Entry {
            name: package.name().into(),
            version: &self.version,
            arch: package.arch(),
            source: source_name(package.source()),
            location: package.location(),
            summary: package.summary(),
            slot: if is_install_only { &self.version } else { "" },
            size: package.size(),
            installed: package.installed_size(),
            digest: digest(package),
            flags: if obsoleted { OBSOLETED } else { 0 },
            provides: provides.collect(),
            ..Entry::default()
        };
        for ((_, _, kind), text) in KINDS.iter().zip(&self.kinds) {
            entry = entry.with(*kind, text);
        }
        entry.with(Kind::Provides, &self.provides)
    }
}

/// The name of a source package, from the name of its file.
fn source_name(file: &str) -> &str {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm")).unwrap_or_default();
    stem.rsplitn(3, '-').nth(2).unwrap_or_default()
}

fn digest(package: &Package) -> Digest {
    let checksum = package.checksum();
    let bytes = checksum.bytes();
    let of = |bytes: Option<Digest>| bytes.unwrap_or_default();
    match checksum.algorithm() {
        super::checksum::Algorithm::Md5 => of(bytes.try_into().ok().map(Digest::Md5)),
        super::checksum::Algorithm::Sha1 => of(bytes.try_into().ok().map(Digest::Sha1)),
        super::checksum::Algorithm::Sha256 => of(bytes.try_into().ok().map(Digest::Sha256)),
        super::checksum::Algorithm::Sha512 => of(bytes.try_into().ok().map(Digest::Sha512)),
        super::checksum::Algorithm::Sha224 | super::checksum::Algorithm::Sha384 => Digest::None,
    }
}
