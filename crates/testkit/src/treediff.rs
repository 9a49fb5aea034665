//! Compares two file trees: names, types, contents, modes, owners, extended attributes and hardlinks.
//!
//! A difference may be allowed, with its reason; an allowance that allows nothing is reported too, so that the list of
//! exceptions cannot outlive what it excuses.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// In what two entries of one name differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Only the left tree has it.
    OnlyLeft,
    /// Only the right tree has it.
    OnlyRight,
    /// File, directory, symlink or another type.
    Type,
    /// Permission bits.
    Mode,
    /// Owner or group.
    Owner,
    /// Bytes of a file or target of a symlink.
    Content,
    /// Extended attributes, file capabilities among them.
    Attributes,
    /// Which names are one file.
    Hardlinks,
    /// Modification time of anything but a directory; compared on request.
    Time,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path inside the trees, without leading `/`.
    pub path: PathBuf,
    /// In what.
    pub aspect: Aspect,
    /// What the left tree has.
    pub left: String,
    /// What the right tree has.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}: {} | {}", self.aspect, self.path.display(), self.left, self.right)
    }
}

/// A difference that is expected.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// A path; a closing `*` stands for any rest, `*` elsewhere for any text.
    pub pattern: &'static str,
    /// In what the entries may differ; empty for everything.
    pub aspects: &'static [Aspect],
    /// Why.
    pub reason: &'static str,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    /// Differences that no allowance covers.
    pub differences: Vec<Difference>,
    /// Those that are allowed, with the reason.
    pub allowed: Vec<(Difference, &'static str)>,
    /// Patterns of allowances that covered nothing.
    pub unused: Vec<&'static str>,
    /// Entries compared.
    pub entries: usize,
}

impl Report {
    /// Fails with the list of differences, unless there are none.
    ///
    /// # Panics
    /// When the trees differ.
    pub fn assert_equal(&self) {
        let lines: Vec<String> = self.differences.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "{} differences:\n{}", lines.len(), lines.join("\n"));
    }
}

/// What of an entry is compared.
#[derive(Debug)]
struct Entry {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    size: u64,
    device: u64,
    target: Option<PathBuf>,
    attributes: Vec<(OsString, Vec<u8>)>,
    /// First name, in order, of the same file.
    link: Option<PathBuf>,
    time: Option<i64>,
}

/// Compares the trees below `left` and `right`.
///
/// # Errors
/// When a tree cannot be read.
pub fn compare(left: &Path, right: &Path, times: bool, allowances: &[Allowance]) -> io::Result<Report> {
    let (mut ours, mut theirs) = (scan(left, times)?, scan(right, times)?);
    let mut found = Vec::new();
    let entries = ours.len().max(theirs.len());
    let paths: Vec<PathBuf> = ours
        .keys()
        .chain(theirs.keys())
        .cloned()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    for path in paths {
        match (ours.remove(&path), theirs.remove(&path)) {
            (Some(one), Some(other)) => differ(&path, left, right, &one, &other, &mut found)?,
            (Some(one), None) => found.push(only(path, Aspect::OnlyLeft, one.kind)),
            (None, Some(other)) => found.push(only(path, Aspect::OnlyRight, other.kind)),
            (None, None) => {}
        }
    }
    Ok(judge(found, entries, allowances))
}

fn only(path: PathBuf, aspect: Aspect, kind: &str) -> Difference {
    let (left, right) = if aspect == Aspect::OnlyLeft { (kind, "-") } else { ("-", kind) };
    Difference { path, aspect, left: left.to_owned(), right: right.to_owned() }
}

fn judge(found: Vec<Difference>, entries: usize, allowances: &[Allowance]) -> Report {
    let mut used = vec![false; allowances.len()];
    let mut report = Report { entries, ..Report::default() };
    for difference in found {
        let path = difference.path.to_string_lossy().into_owned();
        let covers = |allowance: &Allowance| {
            let aspect = allowance.aspects.is_empty() || allowance.aspects.contains(&difference.aspect);
            aspect && matches(allowance.pattern, &path)
        };
        match allowances.iter().position(covers) {
            Some(index) => {
                used[index] = true;
                report.allowed.push((difference, allowances[index].reason));
            }
            None => report.differences.push(difference),
        }
    }
    report.unused = allowances
        .iter()
        .zip(used)
        .filter(|(_, used)| !used)
        .map(|(allowance, _)| allowance.pattern)
        .collect();
    report
}

/// Whether `text` fits `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            rest.is_empty()
                || text.char_indices().any(|(at, _)| matches(rest, &text[at..]))
                || matches(rest, "")
        }),
    }
}

fn differ(
    path: &Path,
    left: &Path,
    right: &Path,
    one: &Entry,
    other: &Entry,
    found: &mut Vec<Difference>,
) -> io::Result<()> {
    let mut note = |aspect, left: String, right: String| {
        if left != right {
            found.push(Difference { path: path.to_owned(), aspect, left, right });
        }
    };
    if one.kind != other.kind {
        note(Aspect::Type, one.kind.to_owned(), other.kind.to_owned());
        return Ok(());
    }
    note(Aspect::Mode, format!("{:o}", one.mode), format!("{:o}", other.mode));
    note(Aspect::Owner, format!("{:?}", one.owner), format!("{:?}", other.owner));
    note(Aspect::Attributes, format!("{:?}", one.attributes), format!("{:?}", other.attributes));
    note(Aspect::Hardlinks, format!("{:?}", one.link), format!("{:?}", other.link));
    note(Aspect::Time, format!("{:?}", one.time), format!("{:?}", other.time));
    let content =
        |entry: &Entry| format!("{} bytes, device {}, target {:?}", entry.size, entry.device, entry.target);
    let (mine, yours) = (content(one), content(other));
    if mine == yours && one.kind == "file" && !same_bytes(&left.join(path), &right.join(path))? {
        note(Aspect::Content, format!("{} bytes", one.size), format!("{} other bytes", one.size));
    } else {
        note(Aspect::Content, mine, yours);
    }
    Ok(())
}

fn same_bytes(left: &Path, right: &Path) -> io::Result<bool> {
    let (mut left, mut right) = (File::open(left)?, File::open(right)?);
    let (mut one, mut other) = (vec![0; 128 << 10], vec![0; 128 << 10]);
    loop {
        let count = left.read(&mut one)?;
        if count == 0 {
            return Ok(right.read(&mut other)? == 0);
        }
        right.read_exact(&mut other[..count])?;
        if one[..count] != other[..count] {
            return Ok(false);
        }
    }
}

fn scan(root: &Path, times: bool) -> io::Result<BTreeMap<PathBuf, Entry>> {
    let mut entries = BTreeMap::new();
    let mut links: HashMap<(u64, u64), PathBuf> = HashMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        let mut names = fs::read_dir(root.join(&directory))?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<OsString>>>()?;
        names.sort();
        for name in names {
            let path = directory.join(name);
            let entry = read_entry(&root.join(&path), times)?;
            if entry.kind == "directory" {
                waiting.push(path.clone());
            }
            entries.insert(path, entry);
        }
    }
    // In the order of names, so that both trees name the same first link.
    for (path, entry) in &mut entries {
        let metadata = fs::symlink_metadata(root.join(path))?;
        if entry.kind != "directory" && metadata.nlink() > 1 {
            let first = links.entry((metadata.dev(), metadata.ino())).or_insert_with(|| path.clone());
            entry.link = Some(first.clone());
        }
    }
    Ok(entries)
}

fn read_entry(path: &Path, times: bool) -> io::Result<Entry> {
    let metadata = fs::symlink_metadata(path)?;
    let kind = metadata.file_type();
    let name = if kind.is_dir() {
        "directory"
    } else if kind.is_symlink() {
        "symlink"
    } else if kind.is_file() {
        "file"
    } else if kind.is_fifo() {
        "fifo"
    } else if kind.is_char_device() {
        "character device"
    } else if kind.is_block_device() {
        "block device"
    } else {
        "socket"
    };
    Ok(Entry {
        kind: name,
        mode: metadata.mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        size: if kind.is_file() { metadata.len() } else { 0 },
        device: metadata.rdev(),
        target: if kind.is_symlink() { Some(fs::read_link(path)?) } else { None },
        attributes: attributes(path)?,
        link: None,
        time: (times && !kind.is_dir()).then(|| metadata.mtime()),
    })
}

fn attributes(path: &Path) -> io::Result<Vec<(OsString, Vec<u8>)>> {
    use std::os::unix::ffi::OsStringExt as _;

    let mut list = vec![0; 64 << 10];
    let length = match rustix::fs::llistxattr(path, &mut list) {
        Ok(length) => length,
        Err(rustix::io::Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for name in list[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 << 10];
        let length = rustix::fs::lgetxattr(path, name, &mut value)?;
        value.truncate(length);
        found.push((OsString::from_vec(name.to_vec()), value));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn tree(file: &str, mode: u32, target: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("d")).unwrap();
        fs::write(root.path().join("d/f"), file).unwrap();
        fs::set_permissions(root.path().join("d/f"), fs::Permissions::from_mode(mode)).unwrap();
        symlink(target, root.path().join("l")).unwrap();
        root
    }

    fn found(left: &Path, right: &Path) -> Vec<(String, Aspect)> {
        let report = compare(left, right, false, &[]).unwrap();
        report.differences.into_iter().map(|found| (found.path.display().to_string(), found.aspect)).collect()
    }

    #[test]
    fn equal_trees_are_equal() {
        let (one, other) = (tree("abc", 0o644, "x"), tree("abc", 0o644, "x"));
        let report = compare(one.path(), other.path(), false, &[]).unwrap();
        report.assert_equal();
        assert_eq!(report.entries, 3);
    }

    #[test]
    fn every_aspect_is_seen() {
        let one = tree("abc", 0o644, "x");
        let path = |name: &str| name.to_owned();
        assert_eq!(found(one.path(), tree("abd", 0o644, "x").path()), [(path("d/f"), Aspect::Content)]);
        assert_eq!(found(one.path(), tree("abcd", 0o644, "x").path()), [(path("d/f"), Aspect::Content)]);
        assert_eq!(found(one.path(), tree("abc", 0o4755, "x").path()), [(path("d/f"), Aspect::Mode)]);
        assert_eq!(found(one.path(), tree("abc", 0o644, "y").path()), [(path("l"), Aspect::Content)]);
        let more = tree("abc", 0o644, "x");
        fs::hard_link(more.path().join("d/f"), more.path().join("d/g")).unwrap();
        assert_eq!(
            found(one.path(), more.path()),
            [(path("d/f"), Aspect::Hardlinks), (path("d/g"), Aspect::OnlyRight)]
        );
        let typed = tree("abc", 0o644, "x");
        fs::remove_file(typed.path().join("l")).unwrap();
        fs::write(typed.path().join("l"), "x").unwrap();
        assert_eq!(found(one.path(), typed.path()), [(path("l"), Aspect::Type)]);
    }

    #[test]
    fn allowances_need_to_be_used() {
        let (one, other) = (tree("abc", 0o644, "x"), tree("abd", 0o644, "x"));
        let allow = |pattern, aspects| Allowance { pattern, aspects, reason: "a test" };
        let allowances = [allow("d/*", &[Aspect::Content][..]), allow("gone/*", &[])];
        let report = compare(one.path(), other.path(), false, &allowances).unwrap();
        report.assert_equal();
        assert_eq!(report.allowed.len(), 1);
        assert_eq!(report.unused, ["gone/*"]);
        let wrong = [allow("d/*", &[Aspect::Mode][..])];
        assert_eq!(compare(one.path(), other.path(), false, &wrong).unwrap().differences.len(), 1);
    }

    #[test]
    fn patterns() {
        let table = [
            ("a/b", "a/b", true),
            ("a/*", "a/b/c", true),
            ("a/*", "b/a/x", false),
            ("*/cache", "x/y/cache", true),
            ("a*z", "az", true),
            ("a*z", "azb", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
