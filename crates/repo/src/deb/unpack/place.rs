//! Puts the entries of one package into the tree, with dpkg's rules for paths that are taken already.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::FileType;

use super::claims::{Claim, IMPLICIT, parent};
use super::control::Control;
use super::shared::{Shared, lock};
use super::status::Conffile;
use super::tree::{Attributes, Tree};
use super::types::{Placeholder, PlaceholderKind, UnpackError};
use crate::tar::{Entry, Kind};

/// Where the content of a file comes from.
pub(super) enum Body<'b> {
    /// The entry has none.
    None,
    /// The archive.
    Stream(&'b mut dyn BufRead),
    /// A file that was staged, and its MD5 if it was taken.
    Staged { path: String, digest: Option<String> },
}

/// What is written for a package, beyond its files.
#[derive(Debug)]
pub(super) struct Record {
    pub order: u32,
    pub control: Arc<Control>,
    /// Paths in archive order, without leading `/`.
    pub list: Vec<Vec<u8>>,
    /// Symlinks, which dpkg lists after all the rest.
    pub symlinks: Vec<Vec<u8>>,
    pub conffiles: Vec<Conffile>,
    /// MD5 of every file, for packages that do not bring `md5sums`.
    pub digests: Option<Vec<(Vec<u8>, String)>>,
    pub bytes: u64,
}

/// What claiming a path came to.
enum Claimed {
    /// Nobody in this unpack has it.
    Fresh,
    /// Another package has it, and this one replaces it.
    TakenOver,
    /// Nothing is to be written; the package lists the path all the same.
    Shared,
    /// Another package has it and replaces this one.
    Kept,
}

/// Places the entries of one package.
pub(super) struct Placer<'s, 'a> {
    pub shared: &'s Shared<'a>,
    pub tree: &'s mut Tree<'a>,
    pub record: &'s mut Record,
}

impl Placer<'_, '_> {
    /// Puts one entry into the tree.
    pub fn place(&mut self, mut entry: Entry, body: Body<'_>) -> Result<(), UnpackError> {
        self.shared.base.adjust(&mut entry);
        self.shared.files.fetch_add(1, Ordering::Relaxed);
        let path = self.shared.destination(&entry.path, &self.record.control.name);
        let order = self.record.order;
        let listed = match &entry.kind {
            Kind::Directory | Kind::Symlink(_) if self.alias(&path, &entry)? => true,
            Kind::Directory => self.directory(&path, Attributes::of(&entry), order).map(|()| true)?,
            _ => self.node(&path, &entry, body)?,
        };
        if listed {
            let symlink = matches!(entry.kind, Kind::Symlink(_));
            let list = if symlink { &mut self.record.symlinks } else { &mut self.record.list };
            list.push(entry.path);
        }
        Ok(())
    }

    /// Whether the entry is one of the links from the root to `usr`, or what such a link stands for.
    fn alias(&mut self, path: &[u8], entry: &Entry) -> Result<bool, UnpackError> {
        if !self.shared.aliases.contains(path) {
            return Ok(false);
        }
        if entry.kind == Kind::Directory {
            return Ok(true);
        }
        let same = self.same_link(path, entry);
        if same && self.shared.made_aliases.contains(path) {
            self.tree.set_time(path, entry.mtime).map_err(|error| self.error(path, error))?;
        }
        Ok(same)
    }

    /// Makes a directory or, when this unpack made it for a package of higher rank, gives it this package's attributes.
    fn directory(&mut self, path: &[u8], attributes: Attributes, order: u32) -> Result<(), UnpackError> {
        if path.is_empty() {
            return Ok(());
        }
        let mut shard = self.shared.claims.lock(path);
        match shard.get(path).copied() {
            Some(Claim::Directory { order: lowest, .. }) if lowest <= order => Ok(()),
            Some(Claim::Directory { created, .. }) => {
                shard.insert(path.into(), Claim::Directory { order, created, mtime: attributes.mtime });
                let result = if created { self.tree.set_directory(path, attributes) } else { Ok(()) };
                drop(shard);
                result.map_err(|error| self.error(path, error))
            }
            Some(Claim::Node(other)) => {
                drop(shard);
                // A symlink to a directory serves as the directory, if dpkg too would have met it first.
                if (other < order || other == self.record.order) && self.tree.is_directory(path) {
                    return Ok(());
                }
                Err(self.order_dependent(path, other))
            }
            None => {
                let made = self.tree.make_directory(path, attributes);
                if made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                    drop(shard);
                    self.parents(path)?;
                    return self.directory(path, attributes, order);
                }
                let created = match made {
                    Ok(()) => true,
                    Err(error)
                        if error.kind() == io::ErrorKind::AlreadyExists && self.tree.is_directory(path) =>
                    {
                        false
                    }
                    Err(error) => {
                        drop(shard);
                        return Err(self.error(path, error));
                    }
                };
                shard.insert(path.into(), Claim::Directory { order, created, mtime: attributes.mtime });
                Ok(())
            }
        }
    }

    /// Makes the directories above `path` that the archive does not name.
    fn parents(&mut self, path: &[u8]) -> Result<(), UnpackError> {
        let above = parent(path).to_vec();
        if above.is_empty() {
            return Err(self.error(path, io::ErrorKind::NotFound.into()));
        }
        self.directory(&above, Attributes { uid: 0, gid: 0, mode: 0o755, mtime: 0 }, IMPLICIT)
    }

    /// Puts anything but a directory into the tree; false when the path stays with another package.
    fn node(&mut self, path: &[u8], entry: &Entry, mut body: Body<'_>) -> Result<bool, UnpackError> {
        match self.claim(path, entry)? {
            Claimed::Kept => return Ok(false),
            Claimed::Shared => return Ok(true),
            Claimed::TakenOver => self.make_over(path, entry, &mut body)?,
            Claimed::Fresh => match self.make(path, path, entry, &mut body, false) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return self.existing(path, entry, &mut body);
                }
                result => result.map_err(|error| self.error(path, error))?,
            },
        }
        Ok(true)
    }

    fn claim(&self, path: &[u8], entry: &Entry) -> Result<Claimed, UnpackError> {
        let own = self.record.order;
        let mut shard = self.shared.claims.lock(path);
        match shard.get(path).copied() {
            None => {
                shard.insert(path.into(), Claim::Node(own));
                Ok(Claimed::Fresh)
            }
            Some(Claim::Node(other)) if other == own => Ok(Claimed::TakenOver),
            Some(Claim::Node(other)) => {
                let Some(control) = self.shared.control(other) else {
                    return Err(self.order_dependent(path, other));
                };
                if self.record.control.shares_with(&control) {
                    Ok(Claimed::Shared)
                } else if self.record.control.replaces(&control) {
                    shard.insert(path.into(), Claim::Node(own));
                    lock(&self.shared.lost).insert((other, path.to_vec()));
                    Ok(Claimed::TakenOver)
                } else if control.replaces(&self.record.control) {
                    Ok(Claimed::Kept)
                } else {
                    Err(self.conflict(path, other, &control))
                }
            }
            Some(Claim::Directory { order, created, .. }) => match entry.kind {
                // dpkg leaves a directory alone when a package brings a symlink in its place.
                Kind::Symlink(_) if !created || order <= own => Ok(Claimed::Shared),
                Kind::Symlink(_) => Err(self.order_dependent(path, order)),
                _ => Err(self.error(path, io::ErrorKind::IsADirectory.into())),
            },
        }
    }

    /// Handles a path that was in the tree before the unpack.
    fn existing(&mut self, path: &[u8], entry: &Entry, body: &mut Body<'_>) -> Result<bool, UnpackError> {
        let kind = self.tree.kind(path).map_err(|error| self.error(path, error))?;
        if kind == FileType::Directory {
            if !matches!(entry.kind, Kind::Symlink(_)) {
                return Err(self.error(path, io::ErrorKind::IsADirectory.into()));
            }
            let directory = Claim::Directory { order: 0, created: false, mtime: 0 };
            self.shared.claims.lock(path).insert(path.into(), directory);
            return Ok(true);
        }
        if kind == FileType::Symlink && self.same_link(path, entry) {
            return Ok(true);
        }
        for index in self.shared.base.owners(self.tree, &entry.path)? {
            let owner = &self.shared.base.packages[*index];
            let own = &self.record.control;
            let separated = self.shared.separated(&entry.path, &own.name, &owner.control.name);
            if separated || owner.state == "config-files" || owner.control.name == own.name {
                continue;
            }
            if own.replaces(&owner.control) {
                lock(&self.shared.base_lost).insert((*index, entry.path.clone()));
                continue;
            }
            if owner.control.replaces(own) {
                return Ok(false);
            }
            return Err(UnpackError::Conflict {
                package: own.name.clone(),
                owner: owner.control.name.clone(),
                path: path.escape_ascii().to_string(),
            });
        }
        if self.conffile(entry).is_some() {
            // `dpkg --configure` has to decide between this one and what is there.
            let new = [path, b".dpkg-new"].concat();
            self.make_over(&new, entry, body)?;
            if let Some(index) = self.conffile(entry) {
                super::conffiles::NEW.clone_into(&mut self.record.conffiles[index].digest);
            }
            return Ok(true);
        }
        self.make_over(path, entry, body)?;
        Ok(true)
    }

    /// Whether the symlink in the tree and that of the archive lead to the same directory.
    fn same_link(&mut self, path: &[u8], entry: &Entry) -> bool {
        let Kind::Symlink(target) = &entry.kind else { return false };
        let target = match target.strip_prefix(b"/") {
            Some(absolute) => absolute.to_vec(),
            None => [parent(path), b"/", target].concat(),
        };
        let target = target.strip_prefix(b"/").unwrap_or(&target);
        self.tree.same_directory(path, target)
    }

    /// Makes the entry under another name and renames it over what is at `path`.
    fn make_over(&mut self, path: &[u8], entry: &Entry, body: &mut Body<'_>) -> Result<(), UnpackError> {
        let result = if matches!(body, Body::Staged { .. }) {
            self.make(path, path, entry, body, true)
        } else {
            let temporary = [parent(path), format!("/.lbuild-new-{}", self.record.order).as_bytes()].concat();
            let temporary = temporary.strip_prefix(b"/").unwrap_or(&temporary);
            self.make(temporary, path, entry, body, true)
                .and_then(|()| self.tree.rename(temporary, path, true))
        };
        result.map_err(|error| self.error(path, error))
    }

    /// Makes the entry at `path`, and the directories above it when they are missing.
    fn make(
        &mut self,
        path: &[u8],
        destination: &[u8],
        entry: &Entry,
        body: &mut Body<'_>,
        replace: bool,
    ) -> io::Result<()> {
        match self.make_here(path, destination, entry, body, replace) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.parents(path).map_err(io::Error::other)?;
                self.make_here(path, destination, entry, body, replace)
            }
            result => result,
        }
    }

    fn make_here(
        &mut self,
        path: &[u8],
        destination: &[u8],
        entry: &Entry,
        body: &mut Body<'_>,
        replace: bool,
    ) -> io::Result<()> {
        match (&entry.kind, body) {
            (Kind::File, Body::Stream(stream)) => {
                let wanted = self.record.digests.is_some() || self.conffile(entry).is_some();
                let digest = self.tree.make_file(path, entry, stream, wanted)?;
                self.note_file(entry, digest);
                Ok(())
            }
            (Kind::File, Body::Staged { path: staged, digest }) => {
                self.tree.rename(staged.as_bytes(), path, replace)?;
                self.note_file(entry, digest.take());
                Ok(())
            }
            (Kind::Hardlink(target), _) => {
                let target = self.shared.destination(target, &self.record.control.name);
                self.tree.make_hardlink(&target, path)?;
                self.note_hardlink(entry);
                Ok(())
            }
            (kind, _) => {
                self.tree.make_node(path, entry)?;
                self.note_device(kind, destination);
                Ok(())
            }
        }
    }

    fn conffile(&self, entry: &Entry) -> Option<usize> {
        let matches = |conffile: &Conffile| conffile.path.as_bytes().strip_prefix(b"/") == Some(&entry.path);
        self.record.conffiles.iter().position(matches)
    }

    fn note_file(&mut self, entry: &Entry, digest: Option<String>) {
        self.record.bytes += entry.size;
        self.shared.bytes.fetch_add(entry.size, Ordering::Relaxed);
        let Some(digest) = digest else { return };
        if let Some(index) = self.conffile(entry) {
            self.record.conffiles[index].digest.clone_from(&digest);
        }
        if let Some(digests) = &mut self.record.digests {
            digests.push((entry.path.clone(), digest));
        }
    }

    fn note_hardlink(&mut self, entry: &Entry) {
        let Kind::Hardlink(target) = &entry.kind else { return };
        if let Some(digests) = &mut self.record.digests
            && let Some(digest) =
                digests.iter().find(|(path, _)| path == target).map(|(_, digest)| digest.clone())
        {
            digests.push((entry.path.clone(), digest));
        }
    }

    fn note_device(&self, kind: &Kind, path: &[u8]) {
        let (kind, major, minor) = match kind {
            Kind::Character { major, minor } => (PlaceholderKind::Character, *major, *minor),
            Kind::Block { major, minor } => (PlaceholderKind::Block, *major, *minor),
            _ => return,
        };
        let path = String::from_utf8_lossy(path).into_owned();
        lock(&self.shared.placeholders).push(Placeholder { path, kind, major, minor });
    }

    /// An error at `path`; one that came out of making its parents is passed on.
    fn error(&self, path: &[u8], source: io::Error) -> UnpackError {
        match source.downcast::<UnpackError>() {
            Ok(inner) => inner,
            Err(source) => UnpackError::Write {
                package: self.record.control.name.clone(),
                path: path.escape_ascii().to_string(),
                source,
            },
        }
    }

    fn conflict(&self, path: &[u8], other: u32, control: &Control) -> UnpackError {
        let (own, other_name) = (self.record.control.name.clone(), control.name.clone());
        let (package, owner) = if other < self.record.order { (own, other_name) } else { (other_name, own) };
        UnpackError::Conflict { package, owner, path: path.escape_ascii().to_string() }
    }

    fn order_dependent(&self, path: &[u8], other: u32) -> UnpackError {
        let second =
            self.shared.control(other).map_or_else(|| "(unnamed)".to_owned(), |control| control.name.clone());
        let (mut first, mut second) = (self.record.control.name.clone(), second);
        if first > second {
            std::mem::swap(&mut first, &mut second);
        }
        UnpackError::OrderDependent { path: path.escape_ascii().to_string(), first, second }
    }
}
