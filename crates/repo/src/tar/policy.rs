//! What an archive may contain.

use std::collections::HashMap;

use super::error::TarError;
use super::name::shown;
use super::reader::{Entry, Kind};

/// What is allowed in an archive beyond plain files, directories, symlinks and hardlinks.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent permissions, each named where it is given")]
pub struct Policy {
    /// Character and block devices.
    pub devices: bool,
    /// Named pipes.
    pub fifos: bool,
    /// Setuid and setgid bits on files.
    pub setuid: bool,
    /// Entries below a symlink of the same archive, and names that come twice.
    pub overlapping: bool,
    /// The archive may end after an entry, without its closing blocks: a piece of a larger one, as Alpine's are.
    pub unclosed: bool,
    /// Entries at most.
    pub max_entries: u64,
}

impl Policy {
    /// For archives that users hand in.
    pub fn strict() -> Self {
        Self {
            devices: false,
            fifos: false,
            setuid: false,
            overlapping: false,
            unclosed: false,
            max_entries: 1_000_000,
        }
    }

    /// For packages, which are unpacked inside the sandbox below a root that no path can leave.
    pub fn package() -> Self {
        Self {
            devices: true,
            fifos: true,
            setuid: true,
            overlapping: true,
            unclosed: false,
            max_entries: 4_000_000,
        }
    }
}

/// What has to be remembered of an entry to judge later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Directory,
    File,
    Symlink,
    Other,
}

/// Applies a policy to the entries of one archive, in order.
#[derive(Debug)]
pub(super) struct Judge {
    policy: Policy,
    seen: HashMap<Vec<u8>, Seen>,
    count: u64,
}

impl Judge {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, seen: HashMap::new(), count: 0 }
    }

    /// Counts a header of any kind.
    pub(super) fn count(&mut self) -> Result<(), TarError> {
        self.count += 1;
        if self.count > self.policy.max_entries {
            return Err(TarError::TooManyEntries { limit: self.policy.max_entries });
        }
        Ok(())
    }

    pub(super) fn admit(&mut self, entry: &Entry) -> Result<(), TarError> {
        let path = || shown(&entry.path);
        let seen = match &entry.kind {
            Kind::Character { .. } | Kind::Block { .. } if !self.policy.devices => {
                return Err(TarError::Device { path: path() });
            }
            Kind::Fifo if !self.policy.fifos => return Err(TarError::Fifo { path: path() }),
            Kind::File if !self.policy.setuid && entry.mode & 0o6000 != 0 => {
                return Err(TarError::Setuid { path: path() });
            }
            Kind::Hardlink(target) if self.seen.get(target) != Some(&Seen::File) => {
                return Err(TarError::HardlinkTarget { path: path(), target: shown(target) });
            }
            Kind::File | Kind::Hardlink(_) => Seen::File,
            Kind::Directory => Seen::Directory,
            Kind::Symlink(_) => Seen::Symlink,
            Kind::Character { .. } | Kind::Block { .. } | Kind::Fifo => Seen::Other,
        };
        if !self.policy.overlapping {
            self.check_overlap(entry, seen)?;
        }
        self.seen.insert(entry.path.clone(), seen);
        Ok(())
    }

    fn check_overlap(&self, entry: &Entry, new: Seen) -> Result<(), TarError> {
        match self.seen.get(&entry.path) {
            None => {}
            Some(Seen::Directory) if new == Seen::Directory => {}
            Some(Seen::Symlink) => {
                return Err(TarError::ThroughSymlink { path: shown(&entry.path), link: shown(&entry.path) });
            }
            Some(_) => return Err(TarError::Duplicate { path: shown(&entry.path) }),
        }
        let slashes = entry.path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (position, _) in slashes {
            let parent = &entry.path[..position];
            match self.seen.get(parent) {
                Some(Seen::Symlink) => {
                    return Err(TarError::ThroughSymlink { path: shown(&entry.path), link: shown(parent) });
                }
                None | Some(Seen::Directory) => {}
                Some(_) => return Err(TarError::Duplicate { path: shown(parent) }),
            }
        }
        Ok(())
    }
}
