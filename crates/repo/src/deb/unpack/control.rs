//! The control file of one package, and what it says about other packages.

use crate::deb::archive::ArchiveError;
use crate::deb::control::{Scanner, Token};
use crate::deb::relation::{accepts, alternatives, atom, is_name, relations};

/// A parsed control stanza that keeps all fields in their order.
#[derive(Debug, Clone)]
pub(super) struct Control {
    /// Package name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture.
    pub architecture: String,
    /// `Multi-Arch: same`.
    pub same: bool,
    /// `Essential: yes`.
    pub essential: bool,
    /// All fields, values trimmed, continuation lines kept as they are.
    pub fields: Vec<(String, String)>,
}

impl Control {
    /// Reads a stanza.
    pub fn parse(text: &[u8]) -> Result<Self, ArchiveError> {
        let malformed = |reason: String| ArchiveError::Malformed { member: "control", reason };
        let mut fields = Vec::new();
        let mut scanner = Scanner::new(text);
        while let Some(token) = scanner.next_token().map_err(|error| malformed(error.to_string()))? {
            let Token::Field(field) = token else { break };
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            fields.push((text(field.name), text(field.value)));
        }
        let get = |name: &str| lookup(&fields, name).unwrap_or_default().to_owned();
        let (name, version, architecture) = (get("Package"), get("Version"), get("Architecture"));
        for (field, value) in [("Package", &name), ("Architecture", &architecture)] {
            // Both become parts of file names.
            if !is_name(value) {
                return Err(malformed(format!("bad `{field}`")));
            }
        }
        if version.is_empty() {
            return Err(malformed("no `Version`".to_owned()));
        }
        let same = get("Multi-Arch") == "same";
        let essential = get("Essential") == "yes";
        Ok(Self { name, version, architecture, same, essential, fields })
    }

    /// The value of a field, by any capitalisation.
    pub fn get(&self, field: &str) -> Option<&str> {
        lookup(&self.fields, field)
    }

    /// First part of the names of the package's files in `info`, also its name in the trigger files.
    pub fn info_name(&self) -> String {
        if self.same { format!("{}:{}", self.name, self.architecture) } else { self.name.clone() }
    }

    /// Whether this package may take files over from `other`.
    pub fn replaces(&self, other: &Self) -> bool {
        let field = self.get("Replaces").unwrap_or_default();
        relations(field).filter_map(|relation| atom(relation).ok()).any(|atom| {
            let architecture = matches!(atom.qualifier, "" | "any") || atom.qualifier == other.architecture;
            atom.name == other.name && architecture && accepts(&atom, &other.version)
        })
    }

    /// Whether both are instances of one package for different architectures that share files.
    pub fn shares_with(&self, other: &Self) -> bool {
        self.same && other.same && self.name == other.name && self.architecture != other.architecture
    }

    /// Names of the packages in a dependency field: one list of alternatives for each relation.
    pub fn dependencies(&self, field: &str) -> Vec<Vec<&str>> {
        let names =
            |relation| alternatives(relation).filter_map(|atom| atom.ok().map(|atom| atom.name)).collect();
        relations(self.get(field).unwrap_or_default()).map(names).collect()
    }

    /// Names in `Provides`.
    pub fn provides(&self) -> impl Iterator<Item = &str> {
        self.dependencies("Provides").into_iter().flatten()
    }
}

fn lookup<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
