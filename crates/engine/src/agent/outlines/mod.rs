//! Outlines of kernel modules: each module decompressed once, reduced to what programs read that index or select
//! modules, under its packed name.
//!
//! `depmod` and the generator of the initramfs decompress the same thousands of modules on one processor, three times.
//! They recognise a module by its first bytes and not by its name, so that outlines can take the modules' places.

mod elf;
mod pack;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use lbuild_repo::compress::{Capped, Format};
use lbuild_sandbox::AgentIo;
use rayon::prelude::*;
use rustix::fs::{CWD, Mode, OFlags, openat};
use serde::{Deserialize, Serialize};

use self::pack::Packer;
pub(crate) use self::pack::{SPACE, unpack};
use super::initramfs::entry_of;
use super::{input, report};

/// Where kernels have their modules, without leading slash.
pub(crate) const MODULES: &str = "usr/lib/modules";

/// Links of a kernel to where it was built, which no program follows for modules.
const BUILD_LINKS: [&str; 2] = ["build", "source"];

/// Bytes of the largest module, packed or not; the largest of Debian has 29 MB.
const LARGEST: u64 = 128 << 20;

/// Bytes of all modules together, unpacked; those of a Debian kernel have 516 MB.
const TOTAL: u64 = 4 << 30;

/// Whose outlines to make. The first descriptor takes them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OutlinesInput {
    /// Where the tree with the modules is mounted.
    pub(crate) tree: PathBuf,
}

/// What was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OutlinesReport {
    /// One line per module, as [`super::InputsReport`] has it for the file that the outline was made of; `None` when
    /// there are none to be used.
    pub(crate) list: Option<String>,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let options: OutlinesInput = input(io)?;
    let file = io.fds.pop().ok_or("no descriptor for the outlines")?;
    let list = write(&options.tree, File::from(file)).unwrap_or_else(|error| {
        println!("the kernel modules are used as they are: {error}");
        None
    });
    report(io, &OutlinesReport { list })
}

/// Whether a path names a kernel module, by the endings that kmod knows.
pub(crate) fn is_module(path: &str) -> bool {
    path.starts_with(MODULES) && [".ko", ".ko.gz", ".ko.xz", ".ko.zst"].iter().any(|end| path.ends_with(end))
}

/// Writes the outlines of all modules of `tree`; `None` when no module is packed.
fn write(tree: &Path, out: File) -> io::Result<Option<String>> {
    let mut found = Vec::new();
    if tree.join(MODULES).symlink_metadata().is_ok_and(|found| found.is_dir()) {
        collect(tree, Path::new(MODULES), 0, &mut found)?;
    }
    found.sort();
    let (budget, out) = (Budget(AtomicU64::new(TOTAL)), Packer::new(out));
    let each = |path: &PathBuf| make(tree, path, &out, &budget);
    let made: Vec<Made> = found.par_iter().map(each).collect::<io::Result<_>>()?;
    out.finish()?;
    println!("{} kernel modules have outlines", made.len());
    let lines = made.iter().map(|made| made.line.as_str()).collect();
    Ok(made.iter().any(|made| made.packed).then_some(lines))
}

/// Finds the modules in a directory; an error means that outlines would not stand for all of them.
fn collect(tree: &Path, directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(tree.join(directory))? {
        let entry = entry?;
        let (path, kind) = (directory.join(entry.file_name()), entry.file_type()?);
        let name = path.to_str().ok_or_else(|| refused(&path, "is not UTF-8"))?;
        if kind.is_dir() {
            collect(tree, &path, depth + 1, found)?;
        } else if kind.is_file() && is_module(name) {
            found.push(path);
        } else if kind.is_symlink() && !(depth == 1 && BUILD_LINKS.iter().any(|link| path.ends_with(link))) {
            return Err(refused(&path, "is a link"));
        }
    }
    Ok(())
}

struct Made {
    line: String,
    packed: bool,
}

fn make(tree: &Path, path: &Path, out: &Packer, budget: &Budget) -> io::Result<Made> {
    // A script of a package may put something else there meanwhile.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, tree.join(path), flags, Mode::empty())?);
    let metadata = file.metadata()?;
    let mut packed = Vec::new();
    file.take(LARGEST).read_to_end(&mut packed)?;
    if !metadata.is_file() || packed.len() as u64 != metadata.size() {
        return Err(refused(path, "is no module"));
    }
    let mut capped = Capped::new(&packed[..], LARGEST)?;
    let mut module = Vec::new();
    capped.read_to_end(&mut module)?;
    budget.take(module.len() as u64)?;
    let is_packed = capped.format() != Format::Plain;
    drop(capped);
    let name = path.to_str().ok_or_else(|| refused(path, "is not UTF-8"))?;
    out.add(name, &elf::outline(&module).unwrap_or(module))?;
    Ok(Made { line: format!("{}  /{name}\n", entry_of(&metadata, &packed)), packed: is_packed })
}

/// Bytes that may still be unpacked.
struct Budget(AtomicU64);

impl Budget {
    fn take(&self, bytes: u64) -> io::Result<()> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| io::Error::other("they are too large together"))
    }
}

fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::other(format!("`{}` {why}", path.display()))
}
