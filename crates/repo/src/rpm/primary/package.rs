//! One package of an index: its texts in one buffer, which the next package uses again.

use std::fmt::Write as _;

use crate::rpm::checksum::Checksum;
use crate::rpm::relation::{Bound, Dependency, Operator, RelationError};
use crate::rpm::version::Evr;
use crate::xml::{Tag, XmlError};

/// What a dependency means for its package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// What it offers.
    Provides,
    /// What it needs.
    Requires,
    /// What may not be beside it.
    Conflicts,
    /// Which packages it takes the place of, by their names.
    Obsoletes,
    /// What comes with it by default.
    Recommends,
    /// What may be wanted with it.
    Suggests,
    /// What brings it by default.
    Supplements,
    /// What it may be wanted with.
    Enhances,
}

impl Field {
    /// The field that metadata calls so.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "provides" => Self::Provides,
            "requires" => Self::Requires,
            "conflicts" => Self::Conflicts,
            "obsoletes" => Self::Obsoletes,
            "recommends" => Self::Recommends,
            "suggests" => Self::Suggests,
            "supplements" => Self::Supplements,
            "enhances" => Self::Enhances,
            _ => return None,
        })
    }
}

/// What a path of a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A file, a link or a device.
    File,
    /// A directory.
    Directory,
    /// Owned by the package but not in it.
    Ghost,
}

impl FileKind {
    /// Reads the attribute `type` of a `file`; an unknown type is a file, as for libsolv.
    pub(crate) fn read(tag: &Tag<'_>) -> Result<Self, XmlError> {
        Ok(match tag.attribute("type")?.as_deref() {
            Some("dir") => Self::Directory,
            Some("ghost") => Self::Ghost,
            _ => Self::File,
        })
    }
}

/// A path of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    /// What it is.
    pub kind: FileKind,
    /// The absolute path.
    pub path: &'a str,
}

/// A dependency as the index has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it means.
    pub field: Field,
    /// A name, or a boolean dependency in its parentheses.
    pub name: &'a str,
    /// Which versions.
    pub bound: Option<Bound<'a>>,
    /// Needed already for installing: by a script, before the files are there.
    pub pre: bool,
}

impl<'a> Entry<'a> {
    /// What it says, parsed.
    ///
    /// # Errors
    /// When a boolean dependency is malformed.
    pub fn dependency(&self) -> Result<Dependency<'a>, RelationError> {
        Dependency::from_parts(self.name, self.bound)
    }

    /// Writes it as `name operator version`.
    pub fn write(&self, into: &mut String) {
        into.push_str(self.name);
        if let Some(bound) = self.bound {
            write!(into, " {bound}").expect("writing to a string");
        }
    }
}

/// A piece of the buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The piece from `start` to `end`. A package's text is far shorter than 4 GiB.
    pub(super) fn new(start: usize, end: usize) -> Self {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: place(start), end: place(end) }
    }

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct EntryData {
    field: Field,
    pub(super) name: Span,
    pub(super) operator: Option<Operator>,
    pub(super) epoch: u32,
    pub(super) version: Span,
    pub(super) release: Span,
    pub(super) pre: bool,
}

impl EntryData {
    pub(super) fn new(field: Field) -> Self {
        let none = Span::default();
        Self { field, name: none, operator: None, epoch: 0, version: none, release: none, pre: false }
    }

    pub(super) fn view<'a>(&self, text: &'a str) -> Entry<'a> {
        let evr = Evr { epoch: self.epoch, version: self.version.of(text), release: self.release.of(text) };
        let bound = self.operator.map(|operator| Bound { operator, evr });
        Entry { field: self.field, name: self.name.of(text), bound, pre: self.pre }
    }
}

/// A package of the index.
#[derive(Debug, Default)]
pub struct Package {
    pub(super) text: String,
    pub(super) name: Span,
    pub(super) arch: Span,
    pub(super) epoch: u32,
    pub(super) version: Span,
    pub(super) release: Span,
    pub(super) checksum: Option<Checksum>,
    pub(super) summary: Span,
    pub(super) description: Span,
    pub(super) packager: Span,
    pub(super) url: Span,
    pub(super) file_time: u64,
    pub(super) build_time: u64,
    pub(super) size: u64,
    pub(super) installed_size: u64,
    pub(super) archive_size: u64,
    pub(super) location: Span,
    pub(super) base: Span,
    pub(super) license: Span,
    pub(super) vendor: Span,
    pub(super) group: Span,
    pub(super) source: Span,
    pub(super) header_range: (u64, u64),
    pub(super) entries: Vec<EntryData>,
    pub(super) files: Vec<(FileKind, Span)>,
}

impl Package {
    /// Forgets everything but the memory.
    pub(super) fn clear(&mut self) {
        let (mut text, mut entries, mut files) = (
            std::mem::take(&mut self.text),
            std::mem::take(&mut self.entries),
            std::mem::take(&mut self.files),
        );
        text.clear();
        entries.clear();
        files.clear();
        *self = Self { text, entries, files, ..Self::default() };
    }

    pub(super) fn push(&mut self, value: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(value);
        Span::new(start, self.text.len())
    }

    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        self.name().chars().take(80).collect()
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.name.of(&self.text)
    }

    /// The architecture; `noarch` fits all, `src` is no package to install.
    pub fn arch(&self) -> &str {
        self.arch.of(&self.text)
    }

    /// Epoch, version and release.
    pub fn evr(&self) -> Evr<'_> {
        let (version, release) = (self.version.of(&self.text), self.release.of(&self.text));
        Evr { epoch: self.epoch, version, release }
    }

    /// The checksum of the package file; every package has one.
    pub fn checksum(&self) -> Checksum {
        self.checksum.expect("packages without checksum are refused")
    }

    /// One line about it.
    pub fn summary(&self) -> &str {
        self.summary.of(&self.text)
    }

    /// Text about it.
    pub fn description(&self) -> &str {
        self.description.of(&self.text)
    }

    /// Who made it.
    pub fn packager(&self) -> &str {
        self.packager.of(&self.text)
    }

    /// Where to read more.
    pub fn url(&self) -> &str {
        self.url.of(&self.text)
    }

    /// When it was built, in seconds since the Unix epoch.
    pub fn build_time(&self) -> u64 {
        self.build_time
    }

    /// When the file was put into the repository, in seconds since the Unix epoch.
    pub fn file_time(&self) -> u64 {
        self.file_time
    }

    /// Bytes of the package file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of its files once installed.
    pub fn installed_size(&self) -> u64 {
        self.installed_size
    }

    /// Bytes of its decompressed archive.
    pub fn archive_size(&self) -> u64 {
        self.archive_size
    }

    /// Path of the file below the repository's directory, or below [`Package::base`].
    pub fn location(&self) -> &str {
        self.location.of(&self.text)
    }

    /// Another place than the repository's directory, empty when there is none.
    pub fn base(&self) -> &str {
        self.base.of(&self.text)
    }

    /// The licence.
    pub fn license(&self) -> &str {
        self.license.of(&self.text)
    }

    /// Which distribution made it.
    pub fn vendor(&self) -> &str {
        self.vendor.of(&self.text)
    }

    /// What kind of software it is, by an old classification.
    pub fn group(&self) -> &str {
        self.group.of(&self.text)
    }

    /// File name of the source package, empty for source packages.
    pub fn source(&self) -> &str {
        self.source.of(&self.text)
    }

    /// First byte of the header in the file, and the first after it.
    pub fn header_range(&self) -> (u64, u64) {
        self.header_range
    }

    /// Every dependency, in the order of the index.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries.iter().map(|entry| entry.view(&self.text))
    }

    /// The dependencies of one meaning.
    pub fn field(&self, field: Field) -> impl Iterator<Item = Entry<'_>> {
        self.entries().filter(move |entry| entry.field == field)
    }

    /// The files that the index lists: those in `bin` directories, below `/etc`, and `/usr/lib/sendmail`.
    pub fn files(&self) -> impl Iterator<Item = File<'_>> {
        self.files.iter().map(|(kind, path)| File { kind: *kind, path: path.of(&self.text) })
    }
}
