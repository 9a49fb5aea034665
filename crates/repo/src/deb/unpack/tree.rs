//! Writes into the tree, below a root that no path and no symlink of a package can leave.
//!
//! Directories are opened with `RESOLVE_IN_ROOT`, so that absolute and `..` symlinks mean what they will mean in the
//! finished system, and are kept open: a file costs one `openat`, its writes, one `utimensat` and one `close`.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use md5::{Digest, Md5};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, ResolveFlags, Timespec, Timestamps, UTIME_OMIT, Uid,
    XattrFlags,
};

use super::claims::{file_name, parent};
use crate::tar::{Entry, Kind};

/// Open directories kept by each worker.
const CACHE: usize = 400;
/// How often a directory may vanish and come back before giving up.
const ATTEMPTS: usize = 16;

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    /// New entries get the directory's group instead of ours.
    setgid: bool,
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Owner, mode and time of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    pub mtime: i64,
}

impl Attributes {
    pub fn of(entry: &Entry) -> Self {
        Self { uid: entry.uid, gid: entry.gid, mode: entry.mode, mtime: entry.mtime }
    }

    fn owned_by_root(self) -> bool {
        self.uid == 0 && self.gid == 0
    }

    fn owner(self) -> (Option<Uid>, Option<Gid>) {
        (Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))
    }
}

/// One worker's view of the tree.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    root: BorrowedFd<'a>,
    /// Permission bits that new entries do not get from the mode they are made with.
    mask: u32,
    cache: HashMap<Vec<u8>, Rc<Directory>>,
}

impl<'a> Tree<'a> {
    /// Looks at the tree below `root`, after finding out the file mode creation mask: it belongs to the whole process,
    /// so changing it would disturb other threads.
    pub fn probe(root: BorrowedFd<'a>) -> io::Result<Self> {
        let name = format!(".lbuild-probe-{}", std::process::id());
        rustix::fs::mkdirat(root, &name, Mode::from_raw_mode(0o777))?;
        let stat = rustix::fs::statat(root, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        rustix::fs::unlinkat(root, &name, AtFlags::REMOVEDIR)?;
        Ok(Self::new(root, !stat.st_mode & 0o777))
    }

    /// A view with a known mask.
    pub fn new(root: BorrowedFd<'a>, mask: u32) -> Self {
        Self { root, mask, cache: HashMap::new() }
    }

    /// The mask that was found.
    pub fn mask(&self) -> u32 {
        self.mask
    }

    /// Whether a mode has bits that making an entry does not set.
    fn needs_chmod(&self, mode: u32) -> bool {
        mode & (0o7000 | self.mask) != 0
    }

    /// Opens the directory `path`, following symlinks inside the root.
    pub fn directory(&mut self, path: &[u8]) -> io::Result<Rc<Directory>> {
        if let Some(directory) = self.cache.get(path) {
            return Ok(Rc::clone(directory));
        }
        let fd = open_in_root(self.root, path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd)?;
        let directory = Rc::new(Directory { fd, setgid: stat.st_mode & 0o2000 != 0 });
        if self.cache.len() >= CACHE {
            self.cache.clear();
        }
        self.cache.insert(path.to_vec(), Rc::clone(&directory));
        Ok(directory)
    }

    /// Whether `path` is a directory or a symlink to one.
    pub fn is_directory(&mut self, path: &[u8]) -> bool {
        self.directory(path).is_ok()
    }

    /// Forgets the open directories, after scripts may have changed the tree.
    pub fn forget(&mut self) {
        self.cache.clear();
    }

    /// Makes one directory whose parent exists; `AlreadyExists` when the name is taken.
    pub fn make_directory(&mut self, path: &[u8], attributes: Attributes) -> io::Result<()> {
        let above = self.directory(parent(path))?;
        let name = file_name(path);
        rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(attributes.mode & 0o777))?;
        if above.setgid || !attributes.owned_by_root() || self.needs_chmod(attributes.mode) {
            self.set_directory(path, attributes)?;
        }
        Ok(())
    }

    /// Sets owner and mode of the directory `path`.
    pub fn set_directory(&mut self, path: &[u8], attributes: Attributes) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let fd = open_in_root(self.root, path, flags, Mode::empty())?;
        let (uid, gid) = attributes.owner();
        rustix::fs::fchown(&fd, uid, gid)?;
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(attributes.mode))?;
        self.cache.remove(path);
        Ok(())
    }

    /// Sets the modification time of `path` itself.
    pub fn set_time(&mut self, path: &[u8], mtime: i64) -> io::Result<()> {
        let above = self.directory(parent(path))?;
        rustix::fs::utimensat(&above, file_name(path), &times(mtime), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Type of what is at `path`, without following a symlink there.
    pub fn kind(&mut self, path: &[u8]) -> io::Result<FileType> {
        let above = self.directory(parent(path))?;
        let stat = rustix::fs::statat(&above, file_name(path), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode))
    }

    /// Target of the symlink at `path`.
    pub fn link_target(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
        let above = self.directory(parent(path))?;
        Ok(rustix::fs::readlinkat(&above, file_name(path), Vec::new())?.into_bytes())
    }

    /// Whether two directory paths lead to one directory.
    pub fn same_directory(&mut self, one: &[u8], other: &[u8]) -> bool {
        let mut identity = |path: &[u8]| -> io::Result<(u64, u64)> {
            let stat = rustix::fs::fstat(self.directory(path)?.as_fd())?;
            Ok((stat.st_dev, stat.st_ino))
        };
        matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
    }

    /// Makes the file `path` with the content of `body`; `AlreadyExists` when the name is taken. Returns the MD5 in hex
    /// when `digest` asks for it.
    pub fn make_file(
        &mut self,
        path: &[u8],
        entry: &Entry,
        body: &mut dyn BufRead,
        digest: bool,
    ) -> io::Result<Option<String>> {
        let above = self.directory(parent(path))?;
        let attributes = Attributes::of(entry);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&above, file_name(path), flags, Mode::from_raw_mode(attributes.mode & 0o777))?;
        let mut md5 = digest.then(Md5::new);
        copy(&fd, body, md5.as_mut())?;
        if above.setgid || !attributes.owned_by_root() {
            let (uid, gid) = attributes.owner();
            rustix::fs::fchown(&fd, uid, gid)?;
        }
        if self.needs_chmod(attributes.mode) {
            rustix::fs::fchmod(&fd, Mode::from_raw_mode(attributes.mode))?;
        }
        for (name, value) in &entry.xattrs {
            rustix::fs::fsetxattr(&fd, name.as_slice(), value, XattrFlags::empty())?;
        }
        rustix::fs::futimens(&fd, &times(attributes.mtime))?;
        Ok(md5.map(|md5| hex::encode(md5.finalize())))
    }

    /// Makes a symlink, fifo or placeholder at `path`; `AlreadyExists` when the name is taken.
    pub fn make_node(&mut self, path: &[u8], entry: &Entry) -> io::Result<()> {
        let above = self.directory(parent(path))?;
        let name = file_name(path);
        let attributes = Attributes::of(entry);
        let mode = Mode::from_raw_mode(attributes.mode & 0o777);
        match &entry.kind {
            Kind::Symlink(target) => rustix::fs::symlinkat(target.as_slice(), &above, name)?,
            Kind::Fifo => rustix::fs::mknodat(&above, name, FileType::Fifo, mode, 0)?,
            // A user namespace may not make devices, so an empty file keeps the name, owner and mode.
            _ => rustix::fs::mknodat(&above, name, FileType::RegularFile, mode, 0)?,
        }
        if above.setgid || !attributes.owned_by_root() {
            let (uid, gid) = attributes.owner();
            rustix::fs::chownat(&above, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if self.needs_chmod(attributes.mode) && !matches!(entry.kind, Kind::Symlink(_)) {
            rustix::fs::chmodat(&above, name, Mode::from_raw_mode(attributes.mode), AtFlags::empty())?;
        }
        rustix::fs::utimensat(&above, name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Makes `path` another name of `target`.
    pub fn make_hardlink(&mut self, target: &[u8], path: &[u8]) -> io::Result<()> {
        let from = self.directory(parent(target))?;
        let above = self.directory(parent(path))?;
        rustix::fs::linkat(&from, file_name(target), &above, file_name(path), AtFlags::empty())?;
        Ok(())
    }

    /// Moves a file or node; `AlreadyExists` when the new name is taken and `replace` does not allow to take it.
    pub fn rename(&mut self, from: &[u8], to: &[u8], replace: bool) -> io::Result<()> {
        let old = self.directory(parent(from))?;
        let new = self.directory(parent(to))?;
        let flags = if replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        rustix::fs::renameat_with(&old, file_name(from), &new, file_name(to), flags)?;
        Ok(())
    }

    /// Reads a whole file, `None` when there is none.
    pub fn read(&mut self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match open_in_root(self.root, path.as_bytes(), OFlags::RDONLY, Mode::empty()) {
            Ok(fd) => {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut std::fs::File::from(fd), &mut bytes)?;
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file of the database as a whole: under another name first, then renamed.
    pub fn write(&mut self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        let temporary = format!("{path}-new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let fd = open_in_root(self.root, temporary.as_bytes(), flags, Mode::from_raw_mode(mode))?;
        if self.needs_chmod(mode) {
            rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
        }
        io::Write::write_all(&mut std::fs::File::from(fd), bytes)?;
        self.rename(temporary.as_bytes(), path.as_bytes(), true)
    }

    /// Removes a file, if it is there.
    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        let above = self.directory(parent(path.as_bytes()))?;
        match rustix::fs::unlinkat(&above, file_name(path.as_bytes()), AtFlags::empty()) {
            Err(rustix::io::Errno::NOENT) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an empty directory, if it is there.
    pub fn remove_directory(&mut self, path: &str) -> io::Result<()> {
        self.cache.remove(path.as_bytes());
        let above = self.directory(parent(path.as_bytes()))?;
        match rustix::fs::unlinkat(&above, file_name(path.as_bytes()), AtFlags::REMOVEDIR) {
            Err(rustix::io::Errno::NOENT) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Names in a directory, sorted; none when it does not exist.
    pub fn names(&mut self, path: &str) -> io::Result<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = match open_in_root(self.root, path.as_bytes(), flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(fd)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes a symlink if its name is free; true when it was made.
    pub fn alias(&mut self, target: &str, path: &str) -> io::Result<bool> {
        let above = self.directory(parent(path.as_bytes()))?;
        match rustix::fs::symlinkat(target, &above, file_name(path.as_bytes())) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Opens `path` below `root`; the empty path is the root itself.
fn open_in_root(root: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    // The kernel answers EAGAIN when something was renamed during the walk.
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(root, path, flags | OFlags::CLOEXEC, mode, resolve) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
    Err(rustix::io::Errno::AGAIN.into())
}

fn copy(fd: &OwnedFd, body: &mut dyn BufRead, mut md5: Option<&mut Md5>) -> io::Result<()> {
    loop {
        let buffer = body.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let written = rustix::io::retry_on_intr(|| rustix::io::write(fd, buffer))?;
        if let Some(md5) = md5.as_deref_mut() {
            md5.update(&buffer[..written]);
        }
        body.consume(written);
    }
}

fn times(mtime: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime, tv_nsec: 0 },
    }
}
