//! The package index: every stanza of every `Packages` file in one arena.
//!
//! [`Index::parse`] reads the text once; what it makes is already the cached form, so that [`Index::open_cache`] has
//! nothing to build. Relations stay text until somebody asks for them: resolving looks at a few thousand packages
//! of seventy thousand.
//!
//! - `scan`: text to checked stanzas
//! - `build`: stanzas to bytes
//! - `layout`: what the bytes mean
//! - `names`: the hash table of names

mod build;
mod layout;
mod names;
mod scan;

use std::fmt;

use layout::{
    ESSENTIAL, Layout, NAME, NONE, OWN_PATH, PACKAGE, PROTECTED, PROVIDER, package, u16_at, u32_at, u64_at,
};

use super::control::ControlError;
use super::resolve::Priority;

/// Where one `Packages` file came from and how its versions rank.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IndexSource {
    /// Suite as the spec names it, such as `trixie` or `trixie-security`.
    pub suite: String,
    /// Component, such as `main`.
    pub component: String,
    /// Architecture of the index, such as `amd64`.
    pub arch: String,
    /// What `Filename` is relative to, without a slash at the end.
    pub base_url: String,
    /// Pin priority as in `apt_preferences(5)`: 500 normal, 100 backports, 1 experimental, negative never.
    pub pin: i32,
    /// What a pin of single packages may call the suite: `Codename` and `Suite` of its release file.
    pub names: Vec<String>,
    /// Host that the suite comes from, by which a pin may mean it too.
    pub host: String,
}

impl fmt::Display for IndexSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.suite, self.component, self.arch)
    }
}

/// Why an index could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The text is not deb822.
    #[error("index `{index}` is malformed")]
    Control {
        /// Suite, component and architecture.
        index: String,
        /// Where; lines count from the start of the piece that was read.
        source: ControlError,
    },
    /// A field that every package must have is not there.
    #[error("package `{package}` of index `{index}` has no field `{field}`")]
    Missing {
        /// Suite, component and architecture.
        index: String,
        /// Name of the package, if it got that far.
        package: String,
        /// The field.
        field: &'static str,
    },
    /// A field has a value that it cannot have, or stands twice.
    #[error("package `{package}` of index `{index}` has a bad or repeated field `{field}`: `{value}`")]
    Value {
        /// Suite, component and architecture.
        index: String,
        /// Name of the package, if it got that far.
        package: String,
        /// The field.
        field: String,
        /// The start of the value.
        value: String,
    },
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
    /// More text, packages or sources than the index can address.
    #[error("index is too large")]
    TooLarge,
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

/// Bytes of a stanza of Debian's main archive, on average: for the first guess of how much room is needed.
const USUAL_STANZA: usize = 800;

/// The parts of an index that are few: kept as JSON at its end.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct Rest {
    sources: Vec<IndexSource>,
    arches: Vec<String>,
    pools: Vec<String>,
}

/// All packages of all sources.
pub struct Index {
    bytes: Vec<u8>,
    layout: Layout,
    rest: Rest,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("packages", &self.len())
            .field("sources", &self.rest.sources)
            .finish_non_exhaustive()
    }
}

impl Index {
    /// Reads the `Packages` texts of all sources. The order of sources decides between equal versions.
    pub fn parse(sources: &[(IndexSource, &[u8])]) -> Result<Self, IndexError> {
        let bytes: usize = sources.iter().map(|(_, text)| text.len()).sum();
        let mut builder = build::Builder::new(bytes / USUAL_STANZA);
        for (source, text) in sources {
            builder.start(source)?;
            // Two pieces are scanned while the two before them are built.
            let mut scanned = [Vec::new(), Vec::new()];
            for pair in scan::split(text).chunks(2) {
                let scan = |at: usize| pair.get(at).map_or(Ok(Vec::new()), |piece| scan::scan(source, piece));
                let before = scanned;
                let (next, built) = rayon::join(
                    || rayon::join(|| scan(0), || scan(1)),
                    || before.iter().try_for_each(|stanzas| builder.add(stanzas)),
                );
                built?;
                scanned = [next.0?, next.1?];
            }
            scanned.iter().try_for_each(|stanzas| builder.add(stanzas))?;
        }
        let (bytes, layout, rest) = builder.finish()?;
        Ok(Self { bytes, layout, rest })
    }

    /// The cached form: the same bytes for the same texts, on every machine.
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
        Ok(Self { bytes, layout, rest })
    }

    /// Number of packages.
    pub fn len(&self) -> usize {
        self.layout.packages
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sources, in the order of [`Self::parse`].
    pub fn sources(&self) -> &[IndexSource] {
        &self.rest.sources
    }

    /// The architectures that packages have, `all` among them; positions are [`Package::arch_number`].
    pub(crate) fn arches(&self) -> &[String] {
        &self.rest.arches
    }

    /// Number of names, of packages or provided ones.
    pub(crate) fn name_count(&self) -> usize {
        self.layout.names
    }

    /// All packages in the order of the texts.
    pub fn packages(&self) -> impl Iterator<Item = Package<'_>> {
        (0..u32::try_from(self.len()).unwrap_or(NONE)).map(|id| Package { index: self, id })
    }

    /// The package with this id.
    pub(crate) fn package(&self, id: u32) -> Package<'_> {
        Package { index: self, id }
    }

    /// All versions of `name`, in the order of the texts.
    pub fn named(&self, name: &str) -> impl Iterator<Item = Package<'_>> {
        self.name_id(name).into_iter().flat_map(|id| self.of_name(id))
    }

    /// All names of packages (not the provided ones), in the order of first appearance.
    pub fn package_names(&self) -> impl Iterator<Item = &str> {
        let ids = 0..u32::try_from(self.layout.names).unwrap_or(NONE);
        ids.filter(|id| self.name_number(*id, 2) != NONE).map(|id| self.name_text(id))
    }

    pub(crate) fn name_id(&self, name: &str) -> Option<u32> {
        let start = self.layout.slots_start();
        for slot in names::probes(names::hash(name.as_bytes()), self.layout.slots) {
            let id = u32_at(&self.bytes, start + slot * 4).checked_sub(1)?;
            if self.name_text(id) == name {
                return Some(id);
            }
        }
        None
    }

    pub(crate) fn name_text(&self, name: u32) -> &str {
        self.text(self.name_number(name, 0), self.name_number(name, 1))
    }

    pub(crate) fn of_name(&self, name: u32) -> impl Iterator<Item = Package<'_>> {
        let next = |package: &Package<'_>| package.number(package::NEXT);
        let existing = |id: u32| (id != NONE).then(|| self.package(id));
        std::iter::successors(existing(self.name_number(name, 2)), move |package| existing(next(package)))
            .take(self.len())
    }

    /// The packages that provide `name`, each with the provided version (empty: none), in the order of the texts.
    pub(crate) fn providers(&self, name: u32) -> impl Iterator<Item = (Package<'_>, &str)> {
        let first = self.name_number(name, 3);
        (first..first.saturating_add(self.name_number(name, 4))).map(|provider| {
            let at = self.layout.providers_start() + provider as usize * PROVIDER;
            let number = |position: usize| u32_at(&self.bytes, at + position * 4);
            (self.package(number(0)), self.text(number(1), number(2)))
        })
    }

    fn name_number(&self, name: u32, position: usize) -> u32 {
        u32_at(&self.bytes, self.layout.names_start() + name as usize * NAME + position * 4)
    }

    fn text(&self, at: u32, length: u32) -> &str {
        let start = at as usize;
        let bytes = self.bytes.get(start..start + length as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// One package of an index.
#[derive(Clone, Copy)]
pub struct Package<'i> {
    index: &'i Index,
    id: u32,
}

/// `Multi-Arch` of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiArch {
    /// No such field.
    No,
    /// Can be installed for several architectures at once.
    Same,
    /// Serves packages of every architecture.
    Foreign,
    /// The depending package says which.
    Allowed,
}

/// The fields that hold relations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationField {
    /// `Pre-Depends`
    PreDepends,
    /// `Depends`
    Depends,
    /// `Conflicts`
    Conflicts,
    /// `Breaks`
    Breaks,
    /// `Recommends`
    Recommends,
    /// `Provides`
    Provides,
}

impl fmt::Debug for Package<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name(), self.version(), self.arch())
    }
}

impl<'i> Package<'i> {
    /// Position in the index.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn name_id(&self) -> u32 {
        self.number(package::NAME)
    }

    /// Package name.
    pub fn name(&self) -> &'i str {
        self.index.name_text(self.name_id())
    }

    /// Version text.
    pub fn version(&self) -> &'i str {
        self.short(0)
    }

    /// Architecture, possibly `all`.
    pub fn arch(&self) -> &'i str {
        self.index.rest.arches.get(self.arch_number()).map_or("", String::as_str)
    }

    pub(crate) fn arch_number(&self) -> usize {
        usize::from(self.byte(3))
    }

    /// Source package.
    pub fn source_name(&self) -> &'i str {
        Some(self.short(1)).filter(|source| !source.is_empty()).unwrap_or_else(|| self.name())
    }

    /// Path of the archive below the source's base URL.
    pub fn filename(&self) -> String {
        let pool = u16_at(self.record(), package::POOL);
        if pool == OWN_PATH {
            return self.short(2).to_owned();
        }
        let mut path = String::new();
        scan::write_usual_path(&mut path, self.source_name(), self.name(), self.version(), self.arch());
        let pool = self.index.rest.pools.get(usize::from(pool)).map_or("", String::as_str);
        format!("{pool}{path}")
    }

    /// Where it comes from.
    pub fn source(&self) -> &'i IndexSource {
        let position = usize::from(u16_at(self.record(), package::SOURCE));
        // A cache that names a source which it does not have is damaged, which its checksum would have shown.
        &self.index.rest.sources[position.min(self.index.rest.sources.len() - 1)]
    }

    /// Bytes of the archive.
    pub fn size(&self) -> u64 {
        u64_at(self.record(), package::SIZE)
    }

    /// Bytes of the unpacked files, as the package estimates them.
    pub fn installed_size(&self) -> u64 {
        u64::from(self.number(package::INSTALLED)) * 1024
    }

    /// Digest of the archive.
    pub fn sha256(&self) -> [u8; 32] {
        let bytes = self.record().get(package::SHA256..package::SHA256 + 32);
        bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
    }

    /// `Priority`.
    pub fn priority(&self) -> Priority {
        match self.byte(0) {
            0 => Priority::Required,
            1 => Priority::Important,
            2 => Priority::Standard,
            4 => Priority::Extra,
            _ => Priority::Optional,
        }
    }

    /// `Essential: yes`.
    pub fn essential(&self) -> bool {
        self.byte(1) & ESSENTIAL != 0
    }

    /// `Protected: yes`.
    pub fn protected(&self) -> bool {
        self.byte(1) & PROTECTED != 0
    }

    /// `Multi-Arch`.
    pub fn multi_arch(&self) -> MultiArch {
        match self.byte(2) {
            1 => MultiArch::Same,
            2 => MultiArch::Foreign,
            3 => MultiArch::Allowed,
            _ => MultiArch::No,
        }
    }

    /// The text of a field with relations; empty when the package has none.
    pub fn relations(&self, field: RelationField) -> &'i str {
        let position = field as usize;
        let lengths = |at: usize| self.number(package::LONG_LENGTHS + at * 4);
        let short: u32 = (0..3).map(|at| u32::from(self.short_length(at))).sum();
        let before: u32 = (0..position).map(lengths).fold(short, u32::wrapping_add);
        self.index.text(self.number(package::TEXT).wrapping_add(before), lengths(position))
    }

    fn short(&self, position: usize) -> &'i str {
        let before: u32 = (0..position).map(|at| u32::from(self.short_length(at))).sum();
        let at = self.number(package::TEXT).wrapping_add(before);
        self.index.text(at, u32::from(self.short_length(position)))
    }

    fn short_length(&self, position: usize) -> u16 {
        u16_at(self.record(), package::SHORT_LENGTHS + position * 2)
    }

    fn byte(&self, position: usize) -> u8 {
        self.record().get(package::BYTES + position).copied().unwrap_or_default()
    }

    fn number(&self, at: usize) -> u32 {
        u32_at(self.record(), at)
    }

    fn record(&self) -> &'i [u8] {
        let start = self.index.layout.packages_start() + self.id as usize * PACKAGE;
        self.index.bytes.get(start..start + PACKAGE).unwrap_or_default()
    }
}
