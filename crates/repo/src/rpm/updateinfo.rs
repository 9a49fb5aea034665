//! `updateinfo.xml`: advisories, each with the packages that it is about, read one at a time.

use std::io::BufRead;

use super::version::{VersionError, parse_epoch};
use crate::xml::{Tag, Xml, XmlError};

/// Packages and references of one advisory; kernels have some hundreds.
const MAX_ITEMS: usize = 100_000;

/// Why advisories cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UpdateinfoError {
    /// They are not XML as they should be, or not what the table of contents promised.
    #[error("the advisories are malformed")]
    Xml(#[from] XmlError),
    /// An advisory has no name to call it by.
    #[error("an advisory has no id")]
    NoId,
    /// A package has a version that cannot be.
    #[error("advisory `{advisory}` has a package with a bad version")]
    Version {
        /// The advisory.
        advisory: String,
        /// What is wrong.
        source: VersionError,
    },
    /// More packages or references than any advisory has.
    #[error("advisory `{0}` is too large")]
    TooLarge(String),
}

/// A package that an advisory is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdatedPackage {
    /// Its name.
    pub name: String,
    /// Its epoch.
    pub epoch: u32,
    /// The version from which on it is fixed.
    pub version: String,
    /// Its release.
    pub release: String,
    /// Its architecture.
    pub arch: String,
    /// Name of its file.
    pub file: String,
    /// The system must be started again after it is installed.
    pub reboot: bool,
}

/// Where to read more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// What it is: `bugzilla`, `cve`, ...
    pub kind: String,
    /// Its name there, such as `CVE-2024-3094`.
    pub id: String,
    /// Its address.
    pub address: String,
}

/// An advisory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advisory {
    /// Its name.
    pub id: String,
    /// What it is: `security`, `bugfix`, `enhancement`, `newpackage`.
    pub kind: String,
    /// `stable`, `testing` or `retracted`.
    pub status: String,
    /// One line about it.
    pub title: String,
    /// How serious it is, as the distribution says it.
    pub severity: String,
    /// When it was issued, as written.
    pub issued: String,
    /// Text about it.
    pub description: String,
    /// Where to read more.
    pub references: Vec<Reference>,
    /// What it is about.
    pub packages: Vec<UpdatedPackage>,
}

/// Advisories read from front to back.
#[derive(Debug)]
pub struct Updateinfo<R> {
    xml: Xml<R>,
}

impl<R: BufRead> Updateinfo<R> {
    /// Reads up to the first advisory.
    ///
    /// # Errors
    /// When these are no advisories.
    pub fn new(reader: R) -> Result<Self, UpdateinfoError> {
        let mut xml = Xml::new(reader);
        xml.root("updates")?;
        Ok(Self { xml })
    }

    /// The next advisory; `None` at the end.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn next_advisory(&mut self) -> Result<Option<Advisory>, UpdateinfoError> {
        while let Some(tag) = self.xml.child()? {
            if tag.name() == "update" {
                let kind = value(&tag, "type")?;
                let status = value(&tag, "status")?;
                return self.read(Advisory { kind, status, ..Advisory::default() }).map(Some);
            }
            self.xml.skip()?;
        }
        self.xml.finish()?;
        Ok(None)
    }

    fn read(&mut self, mut advisory: Advisory) -> Result<Advisory, UpdateinfoError> {
        while let Some(tag) = self.xml.child()? {
            let place = match tag.name() {
                "id" => &mut advisory.id,
                "title" => &mut advisory.title,
                "severity" => &mut advisory.severity,
                "description" => &mut advisory.description,
                "issued" => {
                    advisory.issued = value(&tag, "date")?;
                    self.xml.skip()?;
                    continue;
                }
                "references" => {
                    self.read_references(&mut advisory)?;
                    continue;
                }
                "pkglist" => {
                    self.read_collections(&mut advisory)?;
                    continue;
                }
                _ => {
                    self.xml.skip()?;
                    continue;
                }
            };
            self.xml.text(place)?;
        }
        if advisory.id.is_empty() { Err(UpdateinfoError::NoId) } else { Ok(advisory) }
    }

    fn read_references(&mut self, advisory: &mut Advisory) -> Result<(), UpdateinfoError> {
        while let Some(tag) = self.xml.child()? {
            if tag.name() == "reference" {
                let reference = Reference {
                    kind: value(&tag, "type")?,
                    id: value(&tag, "id")?,
                    address: value(&tag, "href")?,
                };
                advisory.references.push(reference);
                bounded(advisory.references.len(), advisory)?;
            }
            self.xml.skip()?;
        }
        Ok(())
    }

    fn read_collections(&mut self, advisory: &mut Advisory) -> Result<(), UpdateinfoError> {
        while let Some(tag) = self.xml.child()? {
            if tag.name() != "collection" {
                self.xml.skip()?;
                continue;
            }
            while let Some(tag) = self.xml.child()? {
                if tag.name() == "package" {
                    let package = self.read_package(&advisory.id)?;
                    advisory.packages.push(package);
                    bounded(advisory.packages.len(), advisory)?;
                } else {
                    self.xml.skip()?;
                }
            }
        }
        Ok(())
    }

    fn read_package(&mut self, advisory: &str) -> Result<UpdatedPackage, UpdateinfoError> {
        let tag = self.xml.current();
        // Some tools write no epoch, others an empty one.
        let epoch = Some(value(&tag, "epoch")?).filter(|text| !text.is_empty());
        let epoch = epoch.map_or(Ok(0), |text| parse_epoch(&text));
        let mut package = UpdatedPackage {
            name: value(&tag, "name")?,
            epoch: epoch
                .map_err(|source| UpdateinfoError::Version { advisory: advisory.to_owned(), source })?,
            version: value(&tag, "version")?,
            release: value(&tag, "release")?,
            arch: value(&tag, "arch")?,
            ..UpdatedPackage::default()
        };
        while let Some(tag) = self.xml.child()? {
            match tag.name() {
                "filename" => self.xml.text(&mut package.file)?,
                "reboot_suggested" => {
                    package.reboot = !matches!(self.xml.take_text()?.trim(), "0" | "False" | "false");
                }
                _ => self.xml.skip()?,
            }
        }
        Ok(package)
    }
}

fn value(tag: &Tag<'_>, name: &str) -> Result<String, XmlError> {
    Ok(tag.attribute(name)?.unwrap_or_default())
}

fn bounded(items: usize, advisory: &Advisory) -> Result<(), UpdateinfoError> {
    if items > MAX_ITEMS { Err(UpdateinfoError::TooLarge(advisory.id.clone())) } else { Ok(()) }
}
