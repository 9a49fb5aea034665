//! Reads the root filesystem of an image.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use lbuild_repo::compress::Capped;
use lbuild_repo::tar::{Archive, Kind, Policy};

/// More than any image of the tests.
const CAP: u64 = 8 << 30;

/// An entry with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    pub mode: u32,
    pub owner: (u32, u32),
    pub mtime: i64,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub content: Vec<u8>,
}

/// The entries of an image, by path without leading slash.
pub struct Rootfs(pub BTreeMap<String, Entry>);

impl Rootfs {
    /// Reads a compressed tar.
    pub fn read(path: &Path) -> Self {
        let file = BufReader::new(File::open(path).expect("the root filesystem"));
        let mut archive = Archive::new(Capped::new(file, CAP).expect("a compressed file"), Policy::package());
        let mut entries = BTreeMap::new();
        while let Some(entry) = archive.next_entry().expect("an entry") {
            let mut content = Vec::new();
            archive.content().read_to_end(&mut content).expect("its content");
            let path = String::from_utf8(entry.path).expect("a path in UTF-8");
            let owner = (entry.uid, entry.gid);
            let (kind, mode, mtime, xattrs) = (entry.kind, entry.mode, entry.mtime, entry.xattrs);
            entries.insert(path, Entry { kind, mode, owner, mtime, xattrs, content });
        }
        Self(entries)
    }

    /// An entry that must be there.
    pub fn entry(&self, path: &str) -> &Entry {
        self.0.get(path).unwrap_or_else(|| panic!("`{path}` is not in the image"))
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.entry(path).content.clone()).expect("a text")
    }

    /// Whether there is something at a path.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Where a link points.
    pub fn link(&self, path: &str) -> String {
        match &self.entry(path).kind {
            Kind::Symlink(target) => String::from_utf8(target.clone()).expect("a target in UTF-8"),
            other => panic!("`{path}` is {other:?}"),
        }
    }

    /// Paths of the files that no package brought.
    pub fn made(&self) -> Vec<&str> {
        let lists = self.0.iter().filter(|(path, _)| {
            path.starts_with("var/lib/dpkg/info/")
                && Path::new(path).extension().is_some_and(|end| end == "list")
        });
        let text = lists.map(|(_, list)| String::from_utf8_lossy(&list.content).into_owned());
        let aliased = |path: &str| {
            // The lists know the directories of a system whose `/bin` is not yet a link.
            let path = path.trim_start_matches('/');
            let moved = ["bin/", "sbin/", "lib/", "lib64/"].iter().any(|start| path.starts_with(start));
            if moved { format!("usr/{path}") } else { path.to_owned() }
        };
        let packaged: std::collections::BTreeSet<String> =
            text.flat_map(|text| text.lines().map(aliased).collect::<Vec<_>>()).collect();
        let files = self.0.iter().filter(|(_, entry)| entry.kind == Kind::File);
        files.map(|(path, _)| path.as_str()).filter(|path| !packaged.contains(*path)).collect()
    }

    /// In what two images differ, for people.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut paths: Vec<&String> = self.0.keys().chain(other.0.keys()).collect();
        paths.sort_unstable();
        paths.dedup();
        let differ = paths.into_iter().filter_map(|path| match (self.0.get(path), other.0.get(path)) {
            (Some(one), Some(other)) if one == other => None,
            (Some(one), Some(other)) if one.content != other.content => Some(format!("content of {path}")),
            (Some(one), Some(other)) => {
                let about = |entry: &Entry| {
                    format!(
                        "{:?} {:o} {:?} {} {:?}",
                        entry.kind, entry.mode, entry.owner, entry.mtime, entry.xattrs
                    )
                };
                Some(format!("{path}: {} | {}", about(one), about(other)))
            }
            _ => Some(format!("only one has {path}")),
        });
        differ.collect()
    }
}
