//! All outlines in one file, and a directory of modules made of it.
//!
//! The file is a sequence of: length of a path and length of a content, each as eight bytes with the lowest first, path,
//! content. One job of ours writes it and others read it; nothing else can.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write as _};
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::MODULES;

/// Bytes of the largest file; the outlines of a Debian kernel make 100 MB.
const LARGEST: u64 = 256 << 20;

/// Bytes of a memory file system that takes the directory: no file of it needs more than its content and a page.
pub(crate) const SPACE: u64 = 1 << 30;

/// Most modules: a third of the pages.
const MOST: u64 = SPACE / 4096 / 3;

/// The file being written, by many threads.
pub(super) struct Packer(Mutex<State>);

struct State {
    file: BufWriter<File>,
    bytes: u64,
    count: u64,
}

impl Packer {
    pub(super) fn new(file: File) -> Self {
        Self(Mutex::new(State { file: BufWriter::with_capacity(1 << 20, file), bytes: 0, count: 0 }))
    }

    pub(super) fn add(&self, path: &str, outline: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes += (16 + path.len() + outline.len()) as u64;
        state.count += 1;
        if state.bytes > LARGEST || state.count > MOST {
            return Err(io::Error::other("their outlines are too large together"));
        }
        for length in [path.len(), outline.len()] {
            state.file.write_all(&(length as u64).to_le_bytes())?;
        }
        state.file.write_all(path.as_bytes())?;
        state.file.write_all(outline)
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).file.flush()
    }
}

/// Fills `modules`, an empty directory, with the outlines of `pack`, and with links for everything else that the directory
/// of modules has below `system`.
pub(crate) fn unpack(pack: &File, system: &Path, modules: &Path) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, FromStart { file: pack, offset: 0 });
    while let Some((path, outline)) = next(&mut reader)? {
        let below = Path::new(&path).strip_prefix(MODULES).map_err(io::Error::other)?;
        let to = modules.join(below);
        fs::create_dir_all(to.parent().unwrap_or(modules))?;
        fs::write(to, outline)?;
    }
    link_others(&system.join(MODULES), modules)
}

fn next(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut lengths = [[0; 8]; 2];
    for length in &mut lengths {
        reader.read_exact(length)?;
    }
    let mut part = |length| {
        let mut bytes = Vec::new();
        reader.take(u64::from_le_bytes(length)).read_to_end(&mut bytes).map(|_| bytes)
    };
    let path = String::from_utf8(part(lengths[0])?).map_err(io::Error::other)?;
    Ok(Some((path, part(lengths[1])?)))
}

/// Links each file of `from` that `to` does not have, in the directories that it makes.
fn link_others(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&to)?;
            link_others(&entry.path(), &to)?;
        } else if to.symlink_metadata().is_err() {
            symlink(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Reads a file from its beginning, wherever others have read to.
struct FromStart<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_outlines_and_everything_else_is_linked() {
        let dir = tempfile::tempdir().unwrap();
        let [system, modules] = ["system", "modules"].map(|name| dir.path().join(name));
        let kernel = system.join(MODULES).join("6.1");
        fs::create_dir_all(kernel.join("kernel/fs")).unwrap();
        fs::create_dir(&modules).unwrap();
        fs::write(kernel.join("modules.order"), "kernel/fs/a.ko\n").unwrap();
        fs::write(kernel.join("kernel/fs/a.ko.xz"), "packed").unwrap();
        let file = File::create_new(dir.path().join("pack")).unwrap();
        let packer = Packer::new(file.try_clone().unwrap());
        packer.add("usr/lib/modules/6.1/kernel/fs/a.ko.xz", b"outline").unwrap();
        packer.finish().unwrap();
        let pack = File::open(dir.path().join("pack")).unwrap();
        unpack(&pack, &system, &modules).unwrap();
        let place = modules.join("6.1");
        assert_eq!(fs::read(place.join("kernel/fs/a.ko.xz")).unwrap(), b"outline");
        assert_eq!(fs::read_link(place.join("modules.order")).unwrap(), kernel.join("modules.order"));
        // Each job reads it from its beginning.
        fs::remove_dir_all(&modules).unwrap();
        fs::create_dir(&modules).unwrap();
        unpack(&pack, &system, &modules).unwrap();
        assert!(place.join("kernel/fs/a.ko.xz").is_file());
    }

    #[test]
    fn a_pack_has_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let packer = Packer::new(File::create_new(dir.path().join("pack")).unwrap());
        let large = vec![0; 100 << 20];
        assert!(packer.add("usr/lib/modules/a.ko", &large).is_ok());
        assert!(packer.add("usr/lib/modules/b.ko", &large).is_ok());
        assert!(packer.add("usr/lib/modules/c.ko", &large).is_err());
    }
}
