//! `filelists.xml` and `filelists-ext.xml`: every path of every package, read one package at a time.

use std::io::BufRead;

use super::checksum::Algorithm;
use super::primary::FileKind;
use super::version::parse_epoch;
use crate::xml::{Xml, XmlError};

/// Bytes of paths that one package may have; the largest of Fedora have 20 MB.
const MAX_TEXT: usize = 256 << 20;

/// Why a list of files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilelistsError {
    /// It is not XML as it should be, or not what the table of contents promised.
    #[error("the list of files is malformed")]
    Xml(#[from] XmlError),
    /// A package lacks an attribute or has one that cannot be.
    #[error("package `{package}` in the list of files has no proper `{attribute}`")]
    Attribute {
        /// The package, as far as it is known.
        package: String,
        /// Which attribute.
        attribute: &'static str,
    },
    /// A package has more paths than any has.
    #[error("package `{0}` has too many files")]
    TooLarge(String),
    /// A path that is neither absolute nor a mere name, as source packages list, or that has control characters.
    #[error("package `{package}` lists the impossible path `{path}`")]
    Path {
        /// The package.
        package: String,
        /// The path.
        path: String,
    },
}

/// The paths of one package.
#[derive(Debug, Default)]
pub struct PackageFiles {
    /// The hexadecimal checksum by which `primary.xml` knows the package.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Its epoch.
    pub epoch: u32,
    /// Its version.
    pub version: String,
    /// Its release.
    pub release: String,
    /// How the digests of files are computed, when the list has them.
    pub digests: Option<Algorithm>,
    text: String,
    files: Vec<Row>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    kind: FileKind,
    path: usize,
    digest: usize,
    end: usize,
}

/// A path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFile<'a> {
    /// What it is.
    pub kind: FileKind,
    /// The absolute path; in a source package, a name.
    pub path: &'a str,
    /// The hexadecimal digest of the content, empty when it is not listed.
    pub digest: &'a str,
}

impl PackageFiles {
    /// The paths, in the order of the list.
    pub fn files(&self) -> impl Iterator<Item = ListedFile<'_>> {
        self.files.iter().map(|row| ListedFile {
            kind: row.kind,
            path: &self.text[row.path..row.digest],
            digest: &self.text[row.digest..row.end],
        })
    }

    fn shown(&self) -> String {
        self.name.chars().take(80).collect()
    }
}

/// A list of files read from front to back.
#[derive(Debug)]
pub struct Filelists<R> {
    xml: Xml<R>,
    package: PackageFiles,
}

impl<R: BufRead> Filelists<R> {
    /// Reads up to the first package.
    ///
    /// # Errors
    /// When it is not a list of files.
    pub fn new(reader: R) -> Result<Self, FilelistsError> {
        let mut xml = Xml::new(reader);
        xml.root_of(&["filelists", "filelists-ext"])?;
        Ok(Self { xml, package: PackageFiles::default() })
    }

    /// The next package; `None` at the end of the list.
    ///
    /// # Errors
    /// When the list is malformed.
    pub fn next_package(&mut self) -> Result<Option<&PackageFiles>, FilelistsError> {
        while let Some(tag) = self.xml.child()? {
            if tag.name() == "package" {
                self.read_package()?;
                return Ok(Some(&self.package));
            }
            self.xml.skip()?;
        }
        self.xml.finish()?;
        Ok(None)
    }

    fn read_package(&mut self) -> Result<(), FilelistsError> {
        let package = &mut self.package;
        package.text.clear();
        package.files.clear();
        package.digests = None;
        let tag = self.xml.current();
        for (place, attribute) in
            [(&mut package.name, "name"), (&mut package.id, "pkgid"), (&mut package.arch, "arch")]
        {
            *place = tag.attribute(attribute)?.unwrap_or_default();
        }
        for (value, attribute) in [(&package.name, "name"), (&package.id, "pkgid"), (&package.arch, "arch")] {
            if value.is_empty() {
                return Err(FilelistsError::Attribute { package: package.shown(), attribute });
            }
        }
        while let Some(tag) = self.xml.child()? {
            match tag.name() {
                "version" => {
                    let wrong = |attribute| FilelistsError::Attribute { package: package.shown(), attribute };
                    let epoch = tag.attribute("epoch")?;
                    let epoch = epoch.map_or(Ok(0), |text| parse_epoch(&text).map_err(|_| wrong("epoch")))?;
                    let version = tag.attribute("ver")?.ok_or_else(|| wrong("ver"))?;
                    let release = tag.attribute("rel")?.unwrap_or_default();
                    (package.epoch, package.version, package.release) = (epoch, version, release);
                    self.xml.skip()?;
                }
                "checksum" => {
                    package.digests = tag.attribute("type")?.and_then(|name| Algorithm::named(&name));
                    self.xml.skip()?;
                }
                "file" => package.read_file(&mut self.xml)?,
                _ => self.xml.skip()?,
            }
        }
        Ok(())
    }
}

impl PackageFiles {
    fn read_file<R: BufRead>(&mut self, xml: &mut Xml<R>) -> Result<(), FilelistsError> {
        let kind = FileKind::read(&xml.current())?;
        let hash = xml.current().attribute("hash")?.unwrap_or_default();
        let start = self.text.len();
        xml.text(&mut self.text)?;
        let path = &self.text[start..];
        // Source packages list the names of their files, and some tools give them another architecture.
        let rooted = path.starts_with('/') || !path.contains('/');
        if !rooted || path.bytes().any(|byte| byte < b' ' && byte != b'\t') {
            let path = path.chars().take(160).collect();
            return Err(FilelistsError::Path { package: self.shown(), path });
        }
        let digest = self.text.len();
        self.text.push_str(&hash);
        self.files.push(Row { kind, path: start, digest, end: self.text.len() });
        if self.text.len() > MAX_TEXT { Err(FilelistsError::TooLarge(self.shown())) } else { Ok(()) }
    }
}
