//! The dpkg database and the users that the tree has before the unpack.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::control::Control;
use super::tree::Tree;
use super::triggers::Interest;
use super::types::UnpackError;
use crate::tar::Entry;

/// Directory of the database, without leading `/`.
pub(super) const ADMIN: &str = "var/lib/dpkg";

/// A package of the existing system.
#[derive(Debug)]
pub(super) struct Installed {
    pub control: Control,
    /// Third word of `Status`.
    pub state: String,
    /// The stanza as it is in `status`, with a line break at its end.
    pub stanza: String,
}

/// Owner and mode that the administrator wants for a path.
#[derive(Debug, Clone, Copy)]
struct Override {
    uid: u32,
    gid: u32,
    mode: u32,
}

/// The database and users as read at the start.
#[derive(Debug, Default)]
pub(super) struct Base {
    pub packages: Vec<Installed>,
    /// `triggers/File`.
    pub interests: Vec<Interest>,
    overrides: HashMap<Vec<u8>, Override>,
    users: HashMap<Vec<u8>, u32>,
    groups: HashMap<Vec<u8>, u32>,
    owners: OnceLock<HashMap<Vec<u8>, Vec<usize>>>,
}

impl Base {
    /// Reads what is there; an empty tree gives an empty base.
    pub fn read(tree: &mut Tree<'_>) -> Result<Self, UnpackError> {
        let mut base = Self {
            users: ids(&read(tree, "etc/passwd")?),
            groups: ids(&read(tree, "etc/group")?),
            ..Self::default()
        };
        base.packages = stanzas(&read(tree, &format!("{ADMIN}/status"))?)?;
        let interests = read(tree, &format!("{ADMIN}/triggers/File"))?;
        base.interests = String::from_utf8_lossy(&interests).lines().map(Interest::parse).collect();
        let path = format!("{ADMIN}/statoverride");
        let overrides = read(tree, &path)?;
        base.overrides =
            base.parse_overrides(&overrides).map_err(|reason| UnpackError::BadDatabase { path, reason })?;
        Ok(base)
    }

    /// Gives an entry the ids of its names and the owner and mode of its override.
    pub fn adjust(&self, entry: &mut Entry) {
        if entry.user != b"root" {
            entry.uid = self.users.get(&entry.user).copied().unwrap_or(entry.uid);
        }
        if entry.group != b"root" {
            entry.gid = self.groups.get(&entry.group).copied().unwrap_or(entry.gid);
        }
        if !self.overrides.is_empty()
            && let Some(found) = self.overrides.get(&entry.path)
        {
            (entry.uid, entry.gid, entry.mode) = (found.uid, found.gid, found.mode);
        }
    }

    /// Packages of the existing system that list `path`.
    pub fn owners(&self, tree: &mut Tree<'_>, path: &[u8]) -> Result<&[usize], UnpackError> {
        let owners = if let Some(owners) = self.owners.get() {
            owners
        } else {
            let owners = self.read_lists(tree)?;
            self.owners.get_or_init(|| owners)
        };
        Ok(owners.get(path).map_or(&[], Vec::as_slice))
    }

    /// Whether `name` (and `architecture`, for packages that can be there more than once) is unpacked or more.
    pub fn installed(&self, control: &Control) -> Option<&Installed> {
        self.packages.iter().find(|package| {
            let found = &package.control;
            let instance = !(found.same && control.same) || found.architecture == control.architecture;
            found.name == control.name
                && instance
                && !matches!(&*package.state, "not-installed" | "config-files")
        })
    }

    fn read_lists(&self, tree: &mut Tree<'_>) -> Result<HashMap<Vec<u8>, Vec<usize>>, UnpackError> {
        let mut owners: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (index, package) in self.packages.iter().enumerate() {
            let list = read(tree, &format!("{ADMIN}/info/{}.list", package.control.info_name()))?;
            for line in list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                owners.entry(line.strip_prefix(b"/").unwrap_or(line).to_vec()).or_default().push(index);
            }
        }
        Ok(owners)
    }

    fn parse_overrides(&self, text: &[u8]) -> Result<HashMap<Vec<u8>, Override>, String> {
        let text = String::from_utf8_lossy(text);
        let lines = text.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let bad = || format!("bad line `{}`", line.escape_debug());
                let mut words = line.splitn(4, ' ');
                let mut word = || words.next().ok_or_else(bad);
                let uid = id(word()?, &self.users).ok_or_else(bad)?;
                let gid = id(word()?, &self.groups).ok_or_else(bad)?;
                let mode =
                    u32::from_str_radix(word()?, 8).ok().filter(|mode| *mode <= 0o7777).ok_or_else(bad)?;
                let path = word()?.strip_prefix('/').ok_or_else(bad)?.as_bytes().to_vec();
                Ok((path, Override { uid, gid, mode }))
            })
            .collect()
    }
}

/// `#ID` or a name.
fn id(word: &str, names: &HashMap<Vec<u8>, u32>) -> Option<u32> {
    match word.strip_prefix('#') {
        Some(number) => number.parse().ok(),
        None if word == "root" => Some(0),
        None => names.get(word.as_bytes()).copied(),
    }
}

/// Names and ids of a file in the form of `passwd` or `group`.
fn ids(text: &[u8]) -> HashMap<Vec<u8>, u32> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b':');
            let name = fields.next()?.to_vec();
            let id = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
            Some((name, id))
        })
        .collect()
}

fn stanzas(text: &[u8]) -> Result<Vec<Installed>, UnpackError> {
    let text = String::from_utf8_lossy(text);
    let stanzas = text.split("\n\n").map(str::trim_start).filter(|stanza| !stanza.is_empty());
    stanzas
        .map(|stanza| {
            let bad = |reason: String| UnpackError::BadDatabase { path: format!("{ADMIN}/status"), reason };
            let control = Control::parse(stanza.as_bytes()).map_err(|error| bad(error.to_string()))?;
            let status = control.get("Status").unwrap_or_default();
            let state = status.split_whitespace().nth(2).unwrap_or_default().to_owned();
            if state.is_empty() {
                return Err(bad(format!("package `{}` has no status", control.name)));
            }
            Ok(Installed { control, state, stanza: format!("{}\n", stanza.trim_end()) })
        })
        .collect()
}

/// Content of a file, empty when there is none.
fn read(tree: &mut Tree<'_>, path: &str) -> Result<Vec<u8>, UnpackError> {
    let content =
        tree.read(path).map_err(|source| UnpackError::Database { path: path.to_owned(), source })?;
    Ok(content.unwrap_or_default())
}
