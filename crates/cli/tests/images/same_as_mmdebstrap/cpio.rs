//! Unpacks an initramfs: archives in the `newc` form of cpio(5), one after the other, some of them compressed.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{Cursor, Read as _};
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::Path;

use lbuild_repo::compress::Capped;

const MAGIC: &[u8] = b"070701";

/// More than any initramfs.
const CAP: u64 = 2 << 30;

/// Bytes of a header: the magic and 13 numbers of 8 digits.
const HEADER: usize = 110;

/// The entries by path.
pub struct Contents(BTreeMap<String, Entry>);

struct Entry {
    mode: u32,
    owner: (u32, u32),
    content: Vec<u8>,
}

/// Reads all archives of a file.
pub fn read(path: &Path) -> Contents {
    let mut entries = BTreeMap::new();
    let bytes = fs::read(path).expect("an initramfs");
    parts(&bytes, &mut entries);
    assert!(entries.len() > 100, "{} has {} entries", path.display(), entries.len());
    Contents(entries)
}

fn parts(mut bytes: &[u8], entries: &mut BTreeMap<String, Entry>) {
    loop {
        // Archives are padded with zeros.
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        bytes = &bytes[start..];
        if bytes.is_empty() {
            return;
        }
        if !bytes.starts_with(MAGIC) {
            let mut plain = Vec::new();
            let mut reader = Capped::new(Cursor::new(bytes.to_vec()), CAP).expect("a compressed archive");
            reader.read_to_end(&mut plain).expect("its bytes");
            return parts(&plain, entries);
        }
        bytes = archive(bytes, entries);
    }
}

/// Reads one archive; returns what follows it.
fn archive<'a>(mut bytes: &'a [u8], entries: &mut BTreeMap<String, Entry>) -> &'a [u8] {
    loop {
        assert!(bytes.starts_with(MAGIC), "no header: {:?}", bytes.get(..16));
        let number = |index: usize| {
            let at = MAGIC.len() + index * 8;
            let digits = std::str::from_utf8(&bytes[at..at + 8]).expect("digits");
            u32::from_str_radix(digits, 16).expect("a number")
        };
        let (name_size, size) = (number(11) as usize, number(6) as usize);
        let name =
            String::from_utf8(bytes[HEADER..HEADER + name_size - 1].to_vec()).expect("a name in UTF-8");
        let start = (HEADER + name_size).next_multiple_of(4);
        let content = bytes[start..start + size].to_vec();
        let entry = Entry { mode: number(1), owner: (number(2), number(3)), content };
        bytes = bytes.get((start + size).next_multiple_of(4)..).unwrap_or_default();
        if name == "TRAILER!!!" {
            return bytes;
        }
        entries.insert(name.trim_start_matches("./").to_owned(), entry);
    }
}

impl Contents {
    /// Writes everything below a new directory. Devices become empty files.
    pub fn write(&self, directory: &Path) {
        fs::create_dir(directory).expect("a directory");
        for (name, entry) in self.0.iter().filter(|(name, _)| !name.is_empty() && *name != ".") {
            let path = directory.join(name);
            // The archive of microcode does not list all of its directories.
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            match entry.mode & 0o170_000 {
                0o040_000 => fs::create_dir_all(&path).expect("a directory"),
                0o120_000 => {
                    let target = std::str::from_utf8(&entry.content).expect("a target in UTF-8");
                    symlink(target, &path).expect("a link");
                }
                _ => fs::write(&path, &entry.content).expect("a file"),
            }
            lchown(&path, Some(entry.owner.0), Some(entry.owner.1)).expect("an owner");
            if entry.mode & 0o170_000 != 0o120_000 {
                fs::set_permissions(&path, Permissions::from_mode(entry.mode & 0o7777)).expect("a mode");
            }
        }
    }
}
