//! `comps.xml`: groups of packages and environments of groups.

use std::io::BufRead;

use crate::xml::{Xml, XmlError};

/// Groups, environments and their members; Fedora has about 5,000.
const MAX_MEMBERS: usize = 1_000_000;

/// Why groups cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CompsError {
    /// It is not XML as it should be, or not what the table of contents promised.
    #[error("the groups are malformed")]
    Xml(#[from] XmlError),
    /// A group or environment without a name to call it by.
    #[error("a group or environment has no id")]
    NoId,
    /// A member of a kind that nobody here knows.
    #[error("group `{group}` has a member of unknown kind `{kind}`")]
    Kind {
        /// The group.
        group: String,
        /// The kind.
        kind: String,
    },
    /// More groups than any repository has.
    #[error("there are too many groups")]
    TooLarge,
}

/// When a member of a group is installed with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// Always.
    Mandatory,
    /// Unless weak dependencies are not wanted.
    Default,
    /// Only when it is asked for.
    Optional,
    /// When this package is installed.
    Conditional(String),
}

/// A package of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name of the package.
    pub package: String,
    /// When it is installed.
    pub kind: MemberKind,
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// What it is asked for by, as in `@id`.
    pub id: String,
    /// Its title.
    pub name: String,
    /// Text about it.
    pub description: String,
    /// Whether lists for people show it.
    pub visible: bool,
    /// Its packages.
    pub members: Vec<Member>,
}

/// A set of groups that makes a system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// What it is asked for by, as in `@id`.
    pub id: String,
    /// Its title.
    pub name: String,
    /// Text about it.
    pub description: String,
    /// Groups that belong to it.
    pub groups: Vec<String>,
    /// Groups that may be added.
    pub options: Vec<String>,
}

/// The groups and environments of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comps {
    /// The groups, in order.
    pub groups: Vec<Group>,
    /// The environments, in order.
    pub environments: Vec<Environment>,
}

impl Comps {
    /// Reads groups and environments; categories and languages are passed over.
    ///
    /// # Errors
    /// When they are malformed.
    pub fn read(reader: impl BufRead) -> Result<Self, CompsError> {
        let mut xml = Xml::new(reader);
        let mut comps = Self::default();
        let mut count = 0;
        xml.root("comps")?;
        while let Some(tag) = xml.child()? {
            match tag.name() {
                "group" => comps.groups.push(read_group(&mut xml, &mut count)?),
                "environment" => comps.environments.push(read_environment(&mut xml, &mut count)?),
                _ => xml.skip()?,
            }
            counted(&mut count)?;
        }
        xml.finish()?;
        Ok(comps)
    }

    /// The group of that id.
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// The environment of that id.
    pub fn environment(&self, id: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.id == id)
    }
}

fn counted(count: &mut usize) -> Result<(), CompsError> {
    *count += 1;
    if *count > MAX_MEMBERS { Err(CompsError::TooLarge) } else { Ok(()) }
}

/// The text of the current element, unless it is a translation.
fn untranslated<R: BufRead>(xml: &mut Xml<R>, place: &mut String) -> Result<(), CompsError> {
    if xml.current().attribute("lang")?.is_some() {
        return Ok(xml.skip()?);
    }
    place.clear();
    Ok(xml.text(place)?)
}

fn read_group<R: BufRead>(xml: &mut Xml<R>, count: &mut usize) -> Result<Group, CompsError> {
    let mut group = Group { visible: true, ..Group::default() };
    while let Some(tag) = xml.child()? {
        match tag.name() {
            "id" => untranslated(xml, &mut group.id)?,
            "name" => untranslated(xml, &mut group.name)?,
            "description" => untranslated(xml, &mut group.description)?,
            "uservisible" => group.visible = xml.take_text()?.trim() != "false",
            "packagelist" => {
                while let Some(tag) = xml.child()? {
                    if tag.name() == "packagereq" {
                        group.members.push(read_member(xml, &group.id)?);
                        counted(count)?;
                    } else {
                        xml.skip()?;
                    }
                }
            }
            _ => xml.skip()?,
        }
    }
    if group.id.is_empty() { Err(CompsError::NoId) } else { Ok(group) }
}

fn read_member<R: BufRead>(xml: &mut Xml<R>, group: &str) -> Result<Member, CompsError> {
    let tag = xml.current();
    let requires = tag.attribute("requires")?;
    // dnf takes a member without a kind for a mandatory one.
    let kind = match tag.attribute("type")?.as_deref().unwrap_or("mandatory") {
        "mandatory" => MemberKind::Mandatory,
        "default" => MemberKind::Default,
        "optional" => MemberKind::Optional,
        "conditional" => MemberKind::Conditional(requires.unwrap_or_default()),
        other => {
            let kind = other.chars().take(40).collect();
            return Err(CompsError::Kind { group: group.to_owned(), kind });
        }
    };
    let package = xml.take_text()?.trim().to_owned();
    Ok(Member { package, kind })
}

fn read_environment<R: BufRead>(xml: &mut Xml<R>, count: &mut usize) -> Result<Environment, CompsError> {
    let mut environment = Environment::default();
    while let Some(tag) = xml.child()? {
        match tag.name() {
            "id" => untranslated(xml, &mut environment.id)?,
            "name" => untranslated(xml, &mut environment.name)?,
            "description" => untranslated(xml, &mut environment.description)?,
            "grouplist" => read_ids(xml, &mut environment.groups, count)?,
            "optionlist" => read_ids(xml, &mut environment.options, count)?,
            _ => xml.skip()?,
        }
    }
    if environment.id.is_empty() { Err(CompsError::NoId) } else { Ok(environment) }
}

fn read_ids<R: BufRead>(
    xml: &mut Xml<R>,
    ids: &mut Vec<String>,
    count: &mut usize,
) -> Result<(), CompsError> {
    while let Some(tag) = xml.child()? {
        if tag.name() == "groupid" {
            ids.push(xml.take_text()?.trim().to_owned());
            counted(count)?;
        } else {
            xml.skip()?;
        }
    }
    Ok(())
}
