//! The package index of every family: all packages of all sources in one arena.
//!
//! A reader gives each package as an [`Entry`] to a [`Builder`]; what that makes is already the cached form, so that
//! [`Index::open_cache`] has nothing to build. Relations stay text in the family's own syntax until somebody asks for
//! them: resolving looks at a few thousand packages of seventy thousand.
//!
//! - [`entry`]: what a reader gives
//! - `build`: entries to bytes
//! - `layout`: what the bytes mean
//! - `details`: what only a person wants to know, kept apart
//! - `names`: the hash table of names

mod build;
mod details;
pub mod entry;
mod layout;
mod names;

use std::fmt;

use details::Details;
use layout::{Layout, NAME, NONE, PACKAGE, PROVIDER, SLOT, package, u16_at, u32_at, u64_at};

pub use build::Builder;
pub use entry::{Digest, Entry, IndexSource, Kind, Name, Provided};

/// Why an index could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Two different packages claim to be the same.
    #[error("index `{index}` has two different packages `{package}` of version `{version}`")]
    Duplicate {
        /// Suite, component and architecture.
        index: String,
        /// Name.
        package: String,
        /// Version.
        version: String,
    },
    /// A name has more versions than any honest index.
    #[error("package `{package}` has too many versions")]
    TooMany {
        /// Name.
        package: String,
    },
    /// Names that were made to hash alike.
    #[error("too many names collide with `{name}`")]
    Collisions {
        /// Name.
        name: String,
    },
    /// A version, path or list of groups of more than 65,535 bytes.
    #[error("a field of package `{package}` is too long")]
    TooLong {
        /// Name.
        package: String,
    },
    /// More text, packages or sources than the index can address.
    #[error("index is too large")]
    TooLarge,
    /// A package came before any source.
    #[error("a package belongs to no source")]
    NoSource,
}

/// Why a cached index could not be used; parse the text again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// It has another form, from another version of the program.
    #[error("cached index has another form")]
    Form,
    /// Its bytes are not those that were written.
    #[error("cached index is damaged")]
    Damaged,
}

/// The texts of a package record that are short, in their order.
#[derive(Debug, Clone, Copy)]
enum Short {
    Version,
    Source,
    Location,
    Groups,
    Slot,
    Build,
    Extra,
}

/// How many there are.
const SHORT_TEXTS: usize = 7;

/// The parts of an index that are few: kept as JSON at its end.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct Rest {
    family: String,
    sources: Vec<IndexSource>,
    arches: Vec<String>,
}

/// All packages of all sources.
pub struct Index {
    bytes: Vec<u8>,
    layout: Layout,
    rest: Rest,
    details: Option<Details>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("family", &self.rest.family)
            .field("packages", &self.len())
            .field("sources", &self.rest.sources)
            .finish_non_exhaustive()
    }
}

impl Index {
    /// The cached form: the same bytes for the same entries, on every machine.
    pub fn write_cache(&self) -> &[u8] {
        &self.bytes
    }

    /// Opens what [`Self::write_cache`] gave.
    pub fn open_cache(bytes: Vec<u8>) -> Result<Self, CacheError> {
        let layout = Layout::read(&bytes)?;
        let rest: Rest =
            serde_json::from_slice(&bytes[layout.rest_start()..]).map_err(|_| CacheError::Damaged)?;
        if rest.sources.is_empty() && layout.packages > 0 {
            return Err(CacheError::Damaged);
        }
        Ok(Self { bytes, layout, rest, details: None })
    }

    /// The texts that only people read, in a cached form of their own: resolving need not load them.
    pub fn write_details(&self) -> &[u8] {
        self.details.as_ref().map_or(&[], Details::bytes)
    }

    /// Takes what [`Self::write_details`] gave for the same index.
    pub fn open_details(&mut self, bytes: Vec<u8>) -> Result<(), CacheError> {
        self.details = Some(Details::read(bytes, self.len())?);
        Ok(())
    }

    /// The family that the relations are written for, such as `deb`.
    pub fn family(&self) -> &str {
        &self.rest.family
    }

    /// Number of packages.
    pub fn len(&self) -> usize {
        self.layout.packages
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sources, in the order of the builder.
    pub fn sources(&self) -> &[IndexSource] {
        &self.rest.sources
    }

    /// The architectures that packages have; positions are [`Package::arch_number`].
    pub fn arches(&self) -> &[String] {
        &self.rest.arches
    }

    /// Number of names, of packages or provided ones.
    pub fn name_count(&self) -> usize {
        self.layout.names
    }

    /// Number of slots: pairs of a package name and an [`Entry::slot`].
    pub fn slot_count(&self) -> usize {
        self.layout.slots
    }

    /// All packages in the order of the builder.
    pub fn packages(&self) -> impl Iterator<Item = Package<'_>> {
        (0..u32::try_from(self.len()).unwrap_or(NONE)).map(|id| Package { index: self, id })
    }

    /// The package with this id, which is below [`Self::len`].
    pub fn package(&self, id: u32) -> Package<'_> {
        Package { index: self, id }
    }

    /// All versions of `name`, in the order of the builder.
    pub fn named(&self, name: &str) -> impl Iterator<Item = Package<'_>> {
        self.name_id(name).into_iter().flat_map(|id| self.of_name(id))
    }

    /// All names of packages (not the provided ones), in the order of first appearance.
    pub fn package_names(&self) -> impl Iterator<Item = &str> {
        let ids = 0..u32::try_from(self.layout.names).unwrap_or(NONE);
        ids.filter(|id| self.name_number(*id, 2) != NONE).map(|id| self.name_text(id))
    }

    /// Every name, of packages and provided ones, with its id.
    pub fn names(&self) -> impl Iterator<Item = (u32, &str)> {
        (0..u32::try_from(self.layout.names).unwrap_or(NONE)).map(|id| (id, self.name_text(id)))
    }

    /// The number of a name of a package, or of one that is provided.
    pub fn name_id(&self, name: &str) -> Option<u32> {
        let start = self.layout.buckets_start();
        for bucket in names::probes(names::hash(name.as_bytes()), self.layout.buckets) {
            let id = u32_at(&self.bytes, start + bucket * 4).checked_sub(1)?;
            if self.name_text(id) == name {
                return Some(id);
            }
        }
        None
    }

    /// The name with this number.
    pub fn name_text(&self, name: u32) -> &str {
        self.text(self.name_number(name, 0), self.name_number(name, 1))
    }

    /// All packages that bear the name with this number, in the order of the builder.
    pub fn of_name(&self, name: u32) -> impl Iterator<Item = Package<'_>> {
        let next = |package: &Package<'_>| package.number(package::NEXT);
        let existing = |id: u32| (id != NONE).then(|| self.package(id));
        std::iter::successors(existing(self.name_number(name, 2)), move |package| existing(next(package)))
            .take(self.len())
    }

    /// The number of the name that a slot belongs to.
    pub fn name_of_slot(&self, slot: u32) -> u32 {
        u32_at(&self.bytes, self.layout.slots_start() + slot as usize * SLOT)
    }

    /// All packages of a slot, in the order of the builder.
    pub fn of_slot(&self, slot: u32) -> impl Iterator<Item = Package<'_>> {
        self.of_name(self.name_of_slot(slot)).filter(move |package| package.slot_id() == slot)
    }

    /// The packages that provide a name, each with the provided version (empty: none), in the order of the builder.
    pub fn providers(&self, name: u32) -> impl Iterator<Item = (Package<'_>, &str)> {
        let first = self.name_number(name, 3);
        (first..first.saturating_add(self.name_number(name, 4))).map(|provider| {
            let at = self.layout.providers_start() + provider as usize * PROVIDER;
            let number = |position: usize| u32_at(&self.bytes, at + position * 4);
            (self.package(number(0)), self.text(number(1), number(2)))
        })
    }

    /// Everything that is provided: the package, the name, and the version (empty: none). By name.
    pub fn provided(&self) -> impl Iterator<Item = (Package<'_>, &str, &str)> {
        self.names()
            .flat_map(|(id, name)| self.providers(id).map(move |(package, version)| (package, name, version)))
    }

    fn name_number(&self, name: u32, position: usize) -> u32 {
        u32_at(&self.bytes, self.layout.names_start() + name as usize * NAME + position * 4)
    }

    fn text(&self, at: u32, length: u32) -> &str {
        std::str::from_utf8(self.slice(at, length)).unwrap_or_default()
    }

    fn slice(&self, at: u32, length: u32) -> &[u8] {
        let start = at as usize;
        self.bytes.get(start..start + length as usize).unwrap_or_default()
    }
}

/// One package of an index.
#[derive(Clone, Copy)]
pub struct Package<'i> {
    index: &'i Index,
    id: u32,
}

impl fmt::Debug for Package<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name(), self.version(), self.arch())
    }
}

impl PartialEq for Package<'_> {
    /// The same position in the index: packages of two indexes are not to be compared.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Package<'_> {}

impl<'i> Package<'i> {
    /// Position in the index.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The number of its name.
    pub fn name_id(&self) -> u32 {
        self.number(package::NAME)
    }

    /// The number of its slot.
    pub fn slot_id(&self) -> u32 {
        self.number(package::SLOT)
    }

    /// Package name.
    pub fn name(&self) -> &'i str {
        self.index.name_text(self.name_id())
    }

    /// Version text.
    pub fn version(&self) -> &'i str {
        self.short(Short::Version)
    }

    /// Architecture.
    pub fn arch(&self) -> &'i str {
        self.index.rest.arches.get(self.arch_number()).map_or("", String::as_str)
    }

    /// Position of the architecture in [`Index::arches`].
    pub fn arch_number(&self) -> usize {
        usize::from(self.byte(package::BYTES))
    }

    /// Source package.
    pub fn source_name(&self) -> &'i str {
        Some(self.short(Short::Source)).filter(|source| !source.is_empty()).unwrap_or_else(|| self.name())
    }

    /// Path of the archive below the source's base URL as the reader gave it; see
    /// [`Family::location`](crate::resolve::Family::location).
    pub fn location(&self) -> &'i str {
        self.short(Short::Location)
    }

    /// One line that says what it is; empty as long as an index from the cache has no details, see
    /// [`Index::open_details`].
    pub fn summary(&self) -> &'i str {
        self.index.details.as_ref().map_or("", |details| details.summary(self.id))
    }

    /// The groups that it belongs to.
    pub fn groups(&self) -> impl Iterator<Item = &'i str> + use<'i> {
        self.short(Short::Groups).split_ascii_whitespace()
    }

    /// The slot of its name, see [`Entry::slot`].
    pub fn slot(&self) -> &'i str {
        self.short(Short::Slot)
    }

    /// What tells it apart from other builds of its version.
    pub fn build(&self) -> &'i str {
        self.short(Short::Build)
    }

    /// What else the family keeps.
    pub fn extra(&self) -> &'i str {
        self.short(Short::Extra)
    }

    /// Where it comes from.
    pub fn source(&self) -> &'i IndexSource {
        // A cache that names a source which it does not have is damaged, which its checksum would have shown.
        &self.index.rest.sources[self.source_number().min(self.index.rest.sources.len() - 1)]
    }

    /// Position of its source in [`Index::sources`].
    pub fn source_number(&self) -> usize {
        usize::from(u16_at(self.record(), package::SOURCE))
    }

    /// Bytes of the archive.
    pub fn size(&self) -> u64 {
        u64_at(self.record(), package::SIZE)
    }

    /// Bytes of the unpacked files, as the package estimates them.
    pub fn installed_size(&self) -> u64 {
        u64_at(self.record(), package::INSTALLED)
    }

    /// Digest of the archive.
    pub fn digest(&self) -> Digest {
        let code = self.byte(package::BYTES + 1);
        Digest::from_parts(code, self.index.slice(self.number(package::TEXT), Digest::length(code)))
    }

    /// Flags of the family.
    pub fn flags(&self) -> u32 {
        self.number(package::FLAGS)
    }

    /// Rank of the family.
    pub fn rank(&self) -> u32 {
        self.number(package::RANK)
    }

    /// The text of one kind of relations; empty when the package has none.
    pub fn relations(&self, kind: Kind) -> &'i str {
        let position = kind as usize;
        let lengths = |at: usize| self.number(package::LONG_LENGTHS + at * 4);
        let before: u32 = (0..position).map(lengths).fold(self.short_end(), u32::wrapping_add);
        self.index.text(before, lengths(position))
    }

    fn short(&self, wanted: Short) -> &'i str {
        let position = wanted as usize;
        let before: u32 = (0..position).map(|at| self.short_length(at)).sum();
        self.index.text(self.short_start().wrapping_add(before), self.short_length(position))
    }

    /// Where the short texts begin: behind the digest.
    fn short_start(&self) -> u32 {
        self.number(package::TEXT).wrapping_add(Digest::length(self.byte(package::BYTES + 1)))
    }

    fn short_end(&self) -> u32 {
        (0..SHORT_TEXTS).map(|at| self.short_length(at)).fold(self.short_start(), u32::wrapping_add)
    }

    fn short_length(&self, position: usize) -> u32 {
        u32::from(u16_at(self.record(), package::SHORT_LENGTHS + position * 2))
    }

    fn byte(&self, at: usize) -> u8 {
        self.record().get(at).copied().unwrap_or_default()
    }

    fn number(&self, at: usize) -> u32 {
        u32_at(self.record(), at)
    }

    fn record(&self) -> &'i [u8] {
        let start = self.index.layout.packages_start() + self.id as usize * PACKAGE;
        self.index.bytes.get(start..start + PACKAGE).unwrap_or_default()
    }
}
