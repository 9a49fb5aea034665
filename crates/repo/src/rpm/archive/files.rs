//! The files that the header lists, each with its owner, mode, capabilities and digest.

use std::io::Read;

use super::header::{Header, HeaderError};
use super::tags::{self, Tag};
use super::{ArchiveError, Rpm};
use crate::rpm::checksum::{Algorithm, Checksum};
use crate::tar::normalise;

/// Files of one package at most; the largest of Fedora have 200,000.
const MAX_FILES: usize = 4_000_000;
/// Bytes of all paths of one package at most: directories are stored once, so that a small header can have long ones.
const MAX_PATHS: usize = 512 << 20;

/// What a file is to its package (`rpmfileAttrs` of rpm).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileFlags(pub u32);

impl FileFlags {
    /// A configuration file.
    pub fn is_config(self) -> bool {
        self.0 & 1 != 0
    }

    /// Documentation.
    pub fn is_doc(self) -> bool {
        self.0 & 2 != 0
    }

    /// A configuration file that is not replaced when it was changed.
    pub fn is_noreplace(self) -> bool {
        self.0 & 16 != 0
    }

    /// Owned by the package but not in it.
    pub fn is_ghost(self) -> bool {
        self.0 & 64 != 0
    }

    /// A licence.
    pub fn is_license(self) -> bool {
        self.0 & 128 != 0
    }
}

/// A file that the header lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Path below the root, without a slash at its start; for source packages a name.
    pub path: Vec<u8>,
    /// Kind and permissions, as `st_mode`.
    pub mode: u32,
    /// Bytes of content; of a symlink, of its target.
    pub size: u64,
    /// Modification time, seconds since the Unix epoch.
    pub mtime: u64,
    /// Name of the owner.
    pub user: String,
    /// Name of the group.
    pub group: String,
    /// Digest of the content of a file.
    pub digest: Option<Checksum>,
    /// Target of a symlink.
    pub target: Vec<u8>,
    /// What it is to the package.
    pub flags: FileFlags,
    /// Capabilities as text, such as `cap_net_raw=ep`.
    pub capabilities: String,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Equal for hard links to one file of this package, and only for them; none for all others.
    pub link_group: Option<u32>,
}

impl PackageFile {
    /// The kind of file, as in `st_mode`.
    pub fn kind(&self) -> u32 {
        self.mode & 0o170_000
    }

    /// Whether it is a plain file.
    pub fn is_file(&self) -> bool {
        self.kind() == 0o100_000
    }

    /// Whether it is a symlink.
    pub fn is_symlink(&self) -> bool {
        self.kind() == 0o120_000
    }
}

impl<R: Read> Rpm<R> {
    /// The files, in the order of the header.
    ///
    /// # Errors
    /// When the lists of the header do not fit together, or a path leads out of the system.
    pub fn files(&self) -> Result<Vec<PackageFile>, ArchiveError> {
        read(self.header(), self.is_source())
    }
}

/// One of the lists, which has a value for each of `count` files.
struct Lists<'a> {
    header: &'a Header,
    count: usize,
}

impl<'a> Lists<'a> {
    fn checked<T>(&self, tag: Tag, values: Vec<T>, may_be_absent: bool) -> Result<Vec<T>, ArchiveError> {
        if values.len() == self.count || (values.is_empty() && may_be_absent) {
            return Ok(values);
        }
        Err(ArchiveError::Header(HeaderError::Lists(tag.name)))
    }

    fn numbers(&self, tag: Tag, may_be_absent: bool) -> Result<Vec<u64>, ArchiveError> {
        self.checked(tag, self.header.numbers(tag).map_err(ArchiveError::Header)?, may_be_absent)
    }

    fn strings(&self, tag: Tag, may_be_absent: bool) -> Result<Vec<&'a [u8]>, ArchiveError> {
        self.checked(tag, self.header.strings(tag).map_err(ArchiveError::Header)?, may_be_absent)
    }
}

fn read(header: &Header, is_source: bool) -> Result<Vec<PackageFile>, ArchiveError> {
    let paths = paths(header, is_source)?;
    let lists = Lists { header, count: paths.len() };
    let long_sizes = lists.numbers(tags::LONGFILESIZES, true)?;
    let sizes = if long_sizes.is_empty() { lists.numbers(tags::FILESIZES, false)? } else { long_sizes };
    let modes = lists.numbers(tags::FILEMODES, false)?;
    let mtimes = lists.numbers(tags::FILEMTIMES, false)?;
    let users = lists.strings(tags::FILEUSERNAME, true)?;
    let groups = lists.strings(tags::FILEGROUPNAME, true)?;
    let digests = lists.strings(tags::FILEDIGESTS, true)?;
    let targets = lists.strings(tags::FILELINKTOS, true)?;
    let flags = lists.numbers(tags::FILEFLAGS, true)?;
    let capabilities = lists.strings(tags::FILECAPS, true)?;
    let devices = lists.numbers(tags::FILERDEVS, true)?;
    let link_groups = link_groups(&lists, &modes)?;
    let algorithm = header.number(tags::FILEDIGESTALGO).map_err(ArchiveError::Header)?.unwrap_or(1);
    let algorithm = u32::try_from(algorithm).ok().and_then(Algorithm::numbered);
    let algorithm = algorithm.ok_or(ArchiveError::Header(HeaderError::Type(tags::FILEDIGESTALGO.name)))?;
    let text = |list: &[&[u8]], at: usize| {
        list.get(at).map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
    };
    let number = |list: &[u64], at: usize| list.get(at).copied().unwrap_or_default();
    let mut files = Vec::with_capacity(paths.len());
    for (at, path) in paths.into_iter().enumerate() {
        let digits = text(&digests, at);
        let digest = Some(digits).filter(|digits| !digits.is_empty());
        let digest = digest.map(|digits| Checksum::from_hex(algorithm, &digits)).transpose();
        let device = u32::try_from(number(&devices, at)).unwrap_or_default();
        files.push(PackageFile {
            path,
            mode: u32::try_from(modes[at]).unwrap_or_default() & 0xffff,
            size: sizes[at],
            mtime: mtimes[at],
            user: text(&users, at),
            group: text(&groups, at),
            digest: digest.map_err(|_| ArchiveError::Header(HeaderError::Type(tags::FILEDIGESTS.name)))?,
            target: targets.get(at).map(|target| target.to_vec()).unwrap_or_default(),
            flags: FileFlags(u32::try_from(number(&flags, at)).unwrap_or_default()),
            capabilities: text(&capabilities, at),
            device: (device >> 8, device & 0xff),
            link_group: link_groups[at],
        });
    }
    Ok(files)
}

/// The path of each file: a directory of its own list and a name, or, in old packages, a whole path.
fn paths(header: &Header, is_source: bool) -> Result<Vec<Vec<u8>>, ArchiveError> {
    let wrong = ArchiveError::Header;
    let unfit = || wrong(HeaderError::Lists(tags::BASENAMES.name));
    let names = header.strings(tags::BASENAMES).map_err(wrong)?;
    if names.is_empty() {
        let old = header.strings(tags::OLDFILENAMES).map_err(wrong)?;
        return old.into_iter().map(|path| below_root(path, is_source)).collect();
    }
    let directories = header.strings(tags::DIRNAMES).map_err(wrong)?;
    let indexes = header.numbers(tags::DIRINDEXES).map_err(wrong)?;
    if indexes.len() != names.len() || names.len() > MAX_FILES {
        return Err(unfit());
    }
    let mut total = 0;
    let mut paths = Vec::with_capacity(names.len());
    for (name, index) in names.into_iter().zip(indexes) {
        let directory =
            usize::try_from(index).ok().and_then(|index| directories.get(index)).ok_or_else(unfit)?;
        total += directory.len() + name.len();
        if total > MAX_PATHS || name.contains(&b'/') {
            return Err(unfit());
        }
        paths.push(below_root(&[directory, name].concat(), is_source)?);
    }
    Ok(paths)
}

fn below_root(path: &[u8], is_source: bool) -> Result<Vec<u8>, ArchiveError> {
    let inside = match path.strip_prefix(b"/") {
        Some(inside) if !is_source => inside,
        None if is_source => path,
        _ => {
            let path = path.escape_ascii().to_string().chars().take(200).collect();
            return Err(ArchiveError::Unexpected {
                path,
                reason: "it should be below the root, or in a source a name",
            });
        }
    };
    // The root itself belongs to `filesystem`.
    if inside.is_empty() { Ok(Vec::new()) } else { normalise(inside).map_err(ArchiveError::Path) }
}

/// Files with the same device and inode are hard links to each other.
fn link_groups(lists: &Lists<'_>, modes: &[u64]) -> Result<Vec<Option<u32>>, ArchiveError> {
    let devices = lists.numbers(tags::FILEDEVICES, true)?;
    let inodes = lists.numbers(tags::FILEINODES, true)?;
    let mut counts = std::collections::HashMap::new();
    let key = |at: usize| {
        let device = devices.get(at).copied().unwrap_or_default();
        let inode = inodes.get(at).copied().filter(|inode| *inode != 0)?;
        (modes[at] & 0o170_000 == 0o100_000).then_some((device, inode))
    };
    (0..lists.count).filter_map(key).for_each(|key| *counts.entry(key).or_insert(0) += 1);
    let mut numbers = std::collections::HashMap::new();
    Ok((0..lists.count)
        .map(|at| {
            let key = key(at).filter(|key| counts[key] > 1)?;
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            Some(*numbers.entry(key).or_insert(next))
        })
        .collect())
}
