//! What common programs are called on each base: the table of `data/packages`.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::model::Base;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../data/packages/", $name, ".toml")))),*]
    };
}

/// The files of the table, by topic.
const FILES: [(&str, &str); 16] = files![
    "applications",
    "containers",
    "databases",
    "desktops",
    "development",
    "drivers",
    "editors",
    "fonts",
    "machine-learning",
    "monitoring",
    "multimedia",
    "networking",
    "security",
    "servers",
    "storage",
    "utilities",
];

/// One program as a file lists it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default)]
    aliases: Vec<String>,
    debian: Option<Cell>,
    ubuntu: Option<Cell>,
    arch: Option<Cell>,
    alpine: Option<Cell>,
    fedora: Option<Cell>,
    opensuse: Option<Cell>,
    void: Option<Cell>,
    gentoo: Option<Cell>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Cell {
    One(String),
    All(Vec<String>),
    Packaged(bool),
}

/// What a base calls a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'m> {
    /// By these names; more than one means all of them.
    As(&'m [String]),
    /// The base does not package it.
    NotPackaged,
}

/// One program of the table.
#[derive(Debug)]
pub struct Program {
    /// The name that a spec uses.
    pub title: String,
    /// Topic: the file that it is listed in.
    pub topic: &'static str,
    /// Other names for the title.
    pub aliases: Vec<String>,
    names: [Option<Vec<String>>; Base::ALL.len()],
}

/// The table of programs.
#[derive(Debug)]
pub struct PackageMap {
    programs: Vec<Program>,
    /// Titles and aliases to positions.
    positions: HashMap<String, usize>,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// It is not TOML of the right shape.
    #[error("the package names of `{topic}` are malformed")]
    Malformed {
        /// File without its suffix.
        topic: &'static str,
        /// Where and why.
        source: toml::de::Error,
    },
    /// Two programs have the same title or alias.
    #[error("`{name}` of `{topic}` names two programs")]
    Twice {
        /// File without its suffix.
        topic: &'static str,
        /// The name.
        name: String,
    },
}

impl PackageMap {
    /// The table that comes with the program; empty if it were malformed, which a test rules out.
    pub fn builtin() -> &'static Self {
        static MAP: OnceLock<PackageMap> = OnceLock::new();
        MAP.get_or_init(|| {
            Self::read(&FILES).unwrap_or(Self { programs: Vec::new(), positions: HashMap::new() })
        })
    }

    fn read(files: &[(&'static str, &str)]) -> Result<Self, MapError> {
        let mut map = Self { programs: Vec::new(), positions: HashMap::new() };
        for &(topic, text) in files {
            let rows: toml::Table =
                toml::from_str(text).map_err(|source| MapError::Malformed { topic, source })?;
            for (title, row) in rows {
                let row = Row::deserialize(row).map_err(|source| MapError::Malformed { topic, source })?;
                map.add(topic, title, row)?;
            }
        }
        Ok(map)
    }

    fn add(&mut self, topic: &'static str, title: String, row: Row) -> Result<(), MapError> {
        let position = self.programs.len();
        for name in std::iter::once(&title).chain(&row.aliases) {
            if self.positions.insert(name.clone(), position).is_some() {
                return Err(MapError::Twice { topic, name: name.clone() });
            }
        }
        self.programs.push(Program {
            names: Base::ALL.map(|base| row.on(base, &title)),
            title,
            topic,
            aliases: row.aliases,
        });
        Ok(())
    }

    /// All programs, in the order of the files.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The program with this title or alias.
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.get(*self.positions.get(name)?)
    }

    /// What `base` calls the program that some base calls `name`; `None` when none does, or `base` does not package it.
    pub fn called(&self, name: &str, base: Base) -> Option<&[String]> {
        match self.meant(name)?.on(base) {
            Named::As(names) => Some(names),
            Named::NotPackaged => None,
        }
    }

    /// Whether `name` is a program of the table that `base` does not package.
    pub fn is_unpackaged(&self, name: &str, base: Base) -> bool {
        self.meant(name).is_some_and(|program| program.on(base) == Named::NotPackaged)
    }

    /// The program that bears the name in a spec or on some base.
    fn meant(&self, name: &str) -> Option<&Program> {
        let is_called = |program: &&Program| {
            let names = Base::ALL.map(|base| program.on(base));
            names.iter().any(|named| matches!(named, Named::As(names) if names.iter().any(|one| one == name)))
        };
        self.program(name).or_else(|| self.programs.iter().find(is_called))
    }
}

impl Program {
    /// What `base` calls it.
    pub fn on(&self, base: Base) -> Named<'_> {
        let position = Base::ALL.iter().position(|known| *known == base);
        match position.and_then(|position| self.names[position].as_deref()) {
            Some(names) => Named::As(names),
            None => Named::NotPackaged,
        }
    }
}

impl Row {
    /// The names on one base; `None` when it does not package the program.
    fn on(&self, base: Base, title: &str) -> Option<Vec<String>> {
        let cell = match base {
            Base::Ubuntu if self.ubuntu.is_some() => &self.ubuntu,
            Base::Debian | Base::Ubuntu => &self.debian,
            Base::Arch => &self.arch,
            Base::Alpine => &self.alpine,
            Base::Fedora => &self.fedora,
            Base::Opensuse => &self.opensuse,
            Base::Void => &self.void,
            Base::Gentoo => &self.gentoo,
        };
        match cell {
            None | Some(Cell::Packaged(true)) => Some(vec![title.to_owned()]),
            Some(Cell::One(name)) => Some(vec![name.clone()]),
            Some(Cell::All(names)) => Some(names.clone()),
            Some(Cell::Packaged(false)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FILES, Named, PackageMap};
    use crate::model::Base;
    use crate::rules::parse_request;

    fn map() -> PackageMap {
        PackageMap::read(&FILES).unwrap()
    }

    #[test]
    fn every_file_of_the_table_is_read() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/packages");
        let mut files: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
            .collect();
        files.sort();
        assert_eq!(files, FILES.map(|(name, _)| name));
        assert!(map().programs().len() >= 300, "{} programs", map().programs().len());
    }

    #[test]
    fn every_name_is_one_that_its_base_can_have() {
        let map = map();
        for program in map.programs() {
            for base in Base::ALL {
                let Named::As(names) = program.on(base) else { continue };
                for name in names {
                    assert!(
                        parse_request(name, Some(base)).is_ok(),
                        "{} on {}: {name}",
                        program.title,
                        base.key()
                    );
                }
            }
            for name in program.aliases.iter().chain([&program.title]) {
                assert!(parse_request(name, Some(Base::Debian)).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn bases_follow_title_list_or_neighbour() {
        let map = map();
        let on = |name: &str, base| match map.program(name).unwrap().on(base) {
            Named::As(names) => names.join(" "),
            Named::NotPackaged => "-".to_owned(),
        };
        assert_eq!(on("docker", Base::Debian), "docker.io");
        assert_eq!(on("docker", Base::Ubuntu), "docker.io");
        assert_eq!(on("docker", Base::Arch), "docker");
        assert_eq!(on("nvim", Base::Gentoo), "app-editors/neovim");
        assert_eq!(on("openssh", Base::Fedora), "openssh-clients openssh-server");
        assert_eq!(on("firefox", Base::Ubuntu), "firefox");
        assert_eq!(on("k3s", Base::Gentoo), "-");
    }

    #[test]
    fn a_name_belongs_to_one_program() {
        let twice = PackageMap::read(&[("a", "[vi]\naliases = [\"vim\"]\n[vim]\n")]).unwrap_err();
        assert_eq!(twice.to_string(), "`vim` of `a` names two programs");
        let unknown = PackageMap::read(&[("a", "[vi]\nplan9 = \"vi\"\n")]).unwrap_err();
        assert_eq!(unknown.to_string(), "the package names of `a` are malformed");
    }
}
