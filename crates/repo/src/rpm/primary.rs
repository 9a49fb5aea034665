//! `primary.xml`: what a repository says about each package, read one package at a time.

mod package;

use std::io::BufRead;

use super::checksum::{Checksum, ChecksumError};
use super::number;
use super::relation::{Operator, RelationError};
use super::repomd::is_below;
use super::version::{VersionError, parse_epoch};
use crate::xml::{Xml, XmlError};
use package::{EntryData, Span};

pub use package::{Entry, Field, File, FileKind, Package};

/// Bytes of text that one package may have: names, dependencies and files.
const MAX_TEXT: usize = 64 << 20;
/// Packages of one index; Fedora has 75,000.
const MAX_PACKAGES: usize = 4_000_000;

/// Why an index cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PrimaryError {
    /// It is not XML as it should be, or not what the table of contents promised.
    #[error("the package index is malformed")]
    Xml(#[from] XmlError),
    /// More packages than any repository has, or a package with more text than any has.
    #[error("the package index is too large near package `{0}`")]
    TooLarge(String),
    /// A package lacks a part.
    #[error("package `{package}` has no {part}")]
    Missing {
        /// The package, as far as it is known.
        package: String,
        /// What is missing.
        part: &'static str,
    },
    /// A package has a value that it cannot have.
    #[error("package `{package}` has a bad {part}: `{value}`")]
    Value {
        /// The package, as far as it is known.
        package: String,
        /// Which part.
        part: &'static str,
        /// The value.
        value: String,
    },
    /// A package has a version that cannot be.
    #[error("package `{package}` has a bad version")]
    Version {
        /// The package.
        package: String,
        /// What is wrong.
        source: VersionError,
    },
    /// A package has a checksum that cannot be.
    #[error("package `{package}` has a bad checksum")]
    Checksum {
        /// The package.
        package: String,
        /// What is wrong.
        source: ChecksumError,
    },
    /// A dependency cannot be read.
    #[error("package `{package}` has a bad dependency")]
    Relation {
        /// The package.
        package: String,
        /// What is wrong.
        source: RelationError,
    },
}

/// An index read from front to back.
#[derive(Debug)]
pub struct Primary<R> {
    xml: Xml<R>,
    said: Option<u64>,
    found: usize,
    package: Package,
}

impl<R: BufRead> Primary<R> {
    /// Reads up to the first package.
    ///
    /// # Errors
    /// When it is not an index of packages.
    pub fn new(reader: R) -> Result<Self, PrimaryError> {
        let mut xml = Xml::new(reader);
        let said = xml.root("metadata")?.attribute("packages")?;
        let said =
            said.map(|text| number(&text).ok_or_else(|| bad(String::new(), "number of packages", &text)));
        Ok(Self { xml, said: said.transpose()?, found: 0, package: Package::default() })
    }

    /// How many packages the index says that it has. Some tools leave the number of the whole in a part.
    pub fn announced(&self) -> Option<u64> {
        self.said
    }

    /// The next package; `None` when the index has been read to its end.
    ///
    /// # Errors
    /// When the index is malformed or a package lacks what is needed to choose and fetch it.
    pub fn next_package(&mut self) -> Result<Option<&Package>, PrimaryError> {
        loop {
            let Some(tag) = self.xml.child()? else {
                self.xml.finish()?;
                return Ok(None);
            };
            let is_package =
                tag.name() == "package" && tag.attribute("type")?.is_none_or(|kind| kind == "rpm");
            if !is_package {
                self.xml.skip()?;
                continue;
            }
            self.found += 1;
            self.package.clear();
            self.read_package()?;
            if self.found > MAX_PACKAGES || self.package.text.len() > MAX_TEXT {
                return Err(PrimaryError::TooLarge(self.package.shown()));
            }
            return Ok(Some(&self.package));
        }
    }

    fn read_package(&mut self) -> Result<(), PrimaryError> {
        while let Some(tag) = self.xml.child()? {
            let place = match tag.name() {
                "name" => &mut self.package.name,
                "arch" => &mut self.package.arch,
                "summary" if self.package.summary == Span::default() => &mut self.package.summary,
                "description" if self.package.description == Span::default() => &mut self.package.description,
                "packager" => &mut self.package.packager,
                "url" => &mut self.package.url,
                "version" => {
                    self.read_version()?;
                    continue;
                }
                "checksum" => {
                    self.read_checksum()?;
                    continue;
                }
                "time" | "size" => {
                    self.read_numbers()?;
                    continue;
                }
                "location" => {
                    self.read_location()?;
                    continue;
                }
                "format" => {
                    self.read_format()?;
                    continue;
                }
                _ => {
                    self.xml.skip()?;
                    continue;
                }
            };
            *place = text(&mut self.xml, &mut self.package.text)?;
            self.bounded()?;
        }
        self.check()
    }

    /// What every package needs.
    fn check(&self) -> Result<(), PrimaryError> {
        let package = &self.package;
        let missing = |part| PrimaryError::Missing { package: package.shown(), part };
        let wrong = |part, value: &str| bad(package.shown(), part, value);
        for (part, value) in [("name", package.name()), ("architecture", package.arch())] {
            if value.is_empty() {
                return Err(missing(part));
            }
            if !value.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'/') {
                return Err(wrong(part, value));
            }
        }
        if package.version == Span::default() {
            return Err(missing("version"));
        }
        package
            .evr()
            .checked()
            .map_err(|source| PrimaryError::Version { package: package.shown(), source })?;
        if package.checksum.is_none() {
            return Err(missing("checksum"));
        }
        if package.location == Span::default() {
            return Err(missing("location"));
        }
        if is_below(package.location()) { Ok(()) } else { Err(wrong("location", package.location())) }
    }

    fn bounded(&self) -> Result<(), PrimaryError> {
        if self.package.text.len() > MAX_TEXT {
            Err(PrimaryError::TooLarge(self.package.shown()))
        } else {
            Ok(())
        }
    }

    fn read_version(&mut self) -> Result<(), PrimaryError> {
        let package = &mut self.package;
        let shown = package.shown();
        self.xml.current().attributes(|name, value| {
            match name {
                "epoch" => {
                    package.epoch = parse_epoch(&value)
                        .map_err(|source| PrimaryError::Version { package: shown.clone(), source })?;
                }
                "ver" => package.version = package.push(&value),
                "rel" => package.release = package.push(&value),
                _ => {}
            }
            Ok::<(), PrimaryError>(())
        })?;
        Ok(self.xml.skip()?)
    }

    fn read_checksum(&mut self) -> Result<(), PrimaryError> {
        let algorithm = self.xml.current().attribute("type")?.unwrap_or_default();
        let digits = self.xml.take_text()?;
        let checksum = Checksum::parse(&algorithm, digits.trim())
            .map_err(|source| PrimaryError::Checksum { package: self.package.shown(), source })?;
        self.package.checksum = Some(checksum);
        Ok(())
    }

    /// Reads the attributes of `time`, `size` and `header-range`.
    fn read_numbers(&mut self) -> Result<(), PrimaryError> {
        let package = &mut self.package;
        let shown = package.shown();
        self.xml.current().attributes(|name, value| {
            let place = match name {
                "file" => &mut package.file_time,
                "build" => &mut package.build_time,
                "package" => &mut package.size,
                "installed" => &mut package.installed_size,
                "archive" => &mut package.archive_size,
                "start" => &mut package.header_range.0,
                "end" => &mut package.header_range.1,
                _ => return Ok::<(), PrimaryError>(()),
            };
            *place = number(&value).ok_or_else(|| bad(shown.clone(), "time, size or range", &value))?;
            Ok(())
        })?;
        Ok(self.xml.skip()?)
    }

    fn read_location(&mut self) -> Result<(), PrimaryError> {
        let package = &mut self.package;
        self.xml.current().attributes(|name, value| {
            match name {
                "href" => package.location = package.push(&value),
                "base" => package.base = package.push(&value),
                _ => {}
            }
            Ok::<(), PrimaryError>(())
        })?;
        Ok(self.xml.skip()?)
    }

    fn read_format(&mut self) -> Result<(), PrimaryError> {
        while let Some(tag) = self.xml.child()? {
            if let Some(field) = Field::named(tag.name()) {
                self.read_entries(field)?;
                continue;
            }
            let place = match tag.name() {
                "license" => &mut self.package.license,
                "vendor" => &mut self.package.vendor,
                "group" => &mut self.package.group,
                "sourcerpm" => &mut self.package.source,
                "file" => {
                    self.read_file()?;
                    continue;
                }
                "header-range" => {
                    self.read_numbers()?;
                    continue;
                }
                _ => {
                    self.xml.skip()?;
                    continue;
                }
            };
            *place = text(&mut self.xml, &mut self.package.text)?;
            self.bounded()?;
        }
        Ok(())
    }

    fn read_file(&mut self) -> Result<(), PrimaryError> {
        let kind = FileKind::read(&self.xml.current())?;
        let path = text(&mut self.xml, &mut self.package.text)?;
        self.package.files.push((kind, path));
        self.bounded()
    }

    fn read_entries(&mut self, field: Field) -> Result<(), PrimaryError> {
        while let Some(tag) = self.xml.child()? {
            if tag.name() != "entry" {
                self.xml.skip()?;
                continue;
            }
            let mut entry = EntryData::new(field);
            let mut flags = None;
            let package = &mut self.package;
            tag.attributes(|name, value| {
                match name {
                    "name" => entry.name = package.push(&value),
                    "flags" => {
                        let operator = Operator::from_flags(&value);
                        flags = Some(operator.ok_or_else(|| bad(package.shown(), "operator", &value))?);
                    }
                    "epoch" => {
                        entry.epoch = parse_epoch(&value)
                            .map_err(|source| PrimaryError::Version { package: package.shown(), source })?;
                    }
                    "ver" => entry.version = package.push(&value),
                    "rel" => entry.release = package.push(&value),
                    "pre" => entry.pre = value != "0",
                    _ => {}
                }
                Ok::<(), PrimaryError>(())
            })?;
            // A version without an operator, or the other way round, says nothing; libsolv passes over it too.
            entry.operator = flags.filter(|_| entry.version.len() > 0);
            package.entries.push(entry);
            self.check_entry(&entry)?;
            self.xml.skip()?;
        }
        Ok(())
    }

    fn check_entry(&self, entry: &EntryData) -> Result<(), PrimaryError> {
        let entry = entry.view(&self.package.text);
        let visible = |byte: u8| byte >= b' ' && byte != 0x7f;
        if entry.name.is_empty() || !entry.name.bytes().all(visible) {
            return Err(bad(self.package.shown(), "dependency", entry.name));
        }
        if let Some(bound) = entry.bound {
            bound
                .evr
                .checked()
                .map_err(|source| PrimaryError::Version { package: self.package.shown(), source })?;
        }
        self.bounded()
    }
}

/// Appends the text of the current element to `into`.
fn text<R: BufRead>(xml: &mut Xml<R>, into: &mut String) -> Result<Span, XmlError> {
    let start = into.len();
    xml.text(into)?;
    Ok(Span::new(start, into.len()))
}

fn bad(package: String, part: &'static str, value: &str) -> PrimaryError {
    PrimaryError::Value { package, part, value: value.chars().take(160).collect() }
}
