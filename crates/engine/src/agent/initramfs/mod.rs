//! The initramfs: what of the tree goes into it, and its generation.
//!
//! Generating takes seconds, and most changes of a system do not touch it. So its key is not the whole tree but the
//! part of the tree that the generator can read: kernel modules, firmware and the generator's own files entirely;
//! libraries entirely; and of everything else what the generator's scripts refer to.

mod lend;
mod mentions;
mod packed;

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use lbuild_sandbox::AgentIo;
use lbuild_store::{Digest, Hasher};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) use self::lend::Lent;
use self::mentions::{Mentions, text};
use self::packed::Packer;
use super::program::Program;
use super::{input, report};

/// What runs while an initramfs is generated, and its settings (initramfs-tools(7)): these name what they copy. The
/// scripts that are copied to run at boot name much else, and read none of it now.
const GENERATOR: [&str; 10] = [
    "/usr/sbin/mkinitramfs",
    "/usr/sbin/update-initramfs",
    "/usr/share/initramfs-tools/conf-hooks.d",
    "/usr/share/initramfs-tools/conf.d",
    "/usr/share/initramfs-tools/hook-functions",
    "/usr/share/initramfs-tools/hooks",
    "/etc/initramfs-tools/conf.d",
    "/etc/initramfs-tools/hooks",
    "/etc/initramfs-tools/initramfs.conf",
    "/etc/initramfs-tools/update-initramfs.conf",
];

/// Read entirely, whatever the scripts mention: what they copy by directory or by pattern.
const WHOLE: [&str; 15] = [
    "/usr/share/initramfs-tools",
    "/etc/initramfs-tools",
    "/usr/lib/modules",
    "/usr/lib/firmware",
    "/etc/udev",
    "/usr/lib/modprobe.d",
    "/etc/modprobe.d",
    "/etc/modules-load.d",
    "/usr/lib/modules-load.d",
    "/etc/ld.so.conf.d",
    "/usr/lib/klibc",
    "/usr/lib/live",
    "/usr/lib/systemd/network",
    "/etc/systemd/network",
    "/boot",
];

/// Never read by a generator: mounts, state, documentation, homes, other package tools.
const NEVER: [&str; 30] = [
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/tmp",
    "/var",
    "/home",
    "/root",
    "/srv",
    "/opt",
    "/media",
    "/mnt",
    "/usr/include",
    "/usr/src",
    "/usr/games",
    "/usr/share/doc",
    "/usr/share/man",
    "/usr/share/info",
    "/usr/share/locale",
    "/usr/share/lintian",
    "/usr/share/bug",
    "/usr/share/zoneinfo",
    "/usr/lib/python3",
    "/usr/share/perl",
    "/usr/share/bash-completion",
    "/usr/lib/apt",
    "/usr/lib/dpkg",
    "/etc/apt",
    "/etc/dpkg",
    "/usr/lib/systemd/user",
];

/// What the generator can read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InputsReport {
    /// One line per file, sorted: digest of its mode, owner and content, two spaces, its path.
    pub(crate) list: String,
}

/// What was generated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Generated {
    /// Version of the kernel: the newest of the tree.
    pub(crate) kernel: String,
}

/// How the generator ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum GenerateReport {
    /// It made an initramfs.
    Generated(Generated),
    /// It works otherwise than one that outlines can be given to.
    NotWithOutlines,
}

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InputsInput {
    /// Where the core alone is mounted. A library that the core does not have is of no use to what the core has, so it
    /// does not count.
    pub(crate) core: Option<PathBuf>,
}

/// How to generate. The first descriptor takes the initramfs; a second has the outlines of the modules.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GenerateInput {
    /// Environment of the generator.
    pub(crate) env: Vec<(String, String)>,
    /// A program that the system need not have.
    pub(crate) lent: Option<Lent>,
    /// Where the system with its modules as they are is mounted, when the generator is to see their outlines. There is an
    /// empty memory file system over the directory of modules then.
    pub(crate) packed: Option<PathBuf>,
}

pub(super) fn inputs(io: &mut AgentIo) -> Result<(), String> {
    let options: InputsInput = input(io)?;
    let failed = |error: io::Error| format!("cannot read the tree: {error}");
    let mut mentions = Mentions::default();
    for path in GENERATOR {
        read(Path::new(path), &mut mentions).map_err(failed)?;
    }
    let mut found = Vec::new();
    collect(Path::new("/"), &mentions, false, &mut found).map_err(failed)?;
    if let Some(core) = &options.core {
        found.retain(|path| !is_library(path) || is_in(core, path));
    }
    found.sort();
    let entries: Vec<Digest> =
        found.par_iter().map(|path| entry(path)).collect::<io::Result<_>>().map_err(failed)?;
    let lines = found.iter().zip(&entries).map(|(path, entry)| format!("{entry}  {}\n", path.display()));
    report(io, &InputsReport { list: lines.collect() })
}

/// Reads the generator's files.
fn read(path: &Path, mentions: &mut Mentions) -> io::Result<()> {
    let Ok(metadata) = path.metadata() else { return Ok(()) };
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            read(&entry?.path(), mentions)?;
        }
        return Ok(());
    }
    mentions.read(&String::from_utf8_lossy(&fs::read(path)?));
    Ok(())
}

fn collect(directory: &Path, mentions: &Mentions, whole: bool, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        if NEVER.iter().any(|never| Path::new(never) == path) {
            continue;
        }
        let name = text(&path);
        if entry.file_type()?.is_dir() {
            let whole = whole || mentions.directory(name) || WHOLE.contains(&name);
            collect(&path, mentions, whole, found)?;
        } else if whole || is_library(&path) || mentions.file(name) {
            found.push(path);
        }
    }
    Ok(())
}

/// The cache of libraries is left out: it repeats what the directories say.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().map_or(&b""[..], |name| name.as_bytes());
    name != b"ld.so.cache" && name.windows(3).any(|part| part == b".so")
}

/// Whether the core has a path as well, or could prefer it to one that it has.
fn is_in(core: &Path, path: &Path) -> bool {
    let below = path.strip_prefix("/").unwrap_or(path);
    core.join(below).symlink_metadata().is_ok() || path.to_string_lossy().contains("glibc-hwcaps")
}

fn entry(path: &Path) -> io::Result<Digest> {
    let metadata = path.symlink_metadata()?;
    let mut hasher = of_metadata(&metadata);
    content(path, &metadata, &mut hasher)?;
    Ok(hasher.finish())
}

/// What the list says of a regular file with this content.
pub(super) fn entry_of(metadata: &Metadata, content: &[u8]) -> Digest {
    let mut hasher = of_metadata(metadata);
    hasher.update(content);
    hasher.finish()
}

fn of_metadata(metadata: &Metadata) -> Hasher {
    let mut hasher = Hasher::new();
    for number in [metadata.mode(), metadata.uid(), metadata.gid()] {
        hasher.field("number", &number.to_le_bytes());
    }
    hasher
}

fn content(path: &Path, metadata: &Metadata, hasher: &mut Hasher) -> io::Result<()> {
    if metadata.is_symlink() {
        hasher.field("link", fs::read_link(path)?.as_os_str().as_bytes());
    } else if metadata.is_file() {
        let mut file = File::open(path)?;
        let mut buffer = vec![0; 128 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            }
        }
    }
    Ok(())
}

pub(super) fn generate(io: &mut AgentIo) -> Result<(), String> {
    let options: GenerateInput = input(io)?;
    let mut files = io.fds.drain(..).map(File::from);
    let mut out = files.next().ok_or("no descriptor for the initramfs")?;
    let outlines = files.next();
    drop(files);
    if let Some(lent) = &options.lent {
        lent.put().map_err(|error| format!("cannot lend `{}`: {error}", lent.program))?;
    }
    let mut stand_in = None;
    if let (Some(system), Some(outlines)) = (&options.packed, &outlines) {
        stand_in = Packer::put(system, outlines)
            .map_err(|error| format!("cannot put outlines into the tree: {error}"))?;
        if stand_in.is_none() {
            return report(io, &GenerateReport::NotWithOutlines);
        }
    }
    let kernels = kernels().map_err(|error| format!("cannot list the kernels: {error}"))?;
    let kernel = kernels.into_iter().next_back().ok_or("the system has no kernel with its modules")?;
    let argv = ["/usr/sbin/update-initramfs", "-c", "-k", &kernel].map(str::to_owned);
    Program { argv: &argv, env: &options.env, stdin: None }.run()?;
    if stand_in.is_some_and(|packer| !packer.has_run()) {
        return report(io, &GenerateReport::NotWithOutlines);
    }
    let failed = |error: io::Error| format!("cannot read what was generated: {error}");
    let mut image = File::open(format!("/boot/initrd.img-{kernel}")).map_err(failed)?;
    io::copy(&mut image, &mut out).map_err(failed)?;
    report(io, &GenerateReport::Generated(Generated { kernel }))
}

/// Versions of the kernels in `/boot` that have modules, in an order in which the newest comes last.
fn kernels() -> io::Result<Vec<String>> {
    let mut versions = Vec::new();
    for entry in fs::read_dir("/boot")? {
        let name = entry?.file_name();
        let version = name.to_str().and_then(|name| name.strip_prefix("vmlinuz-"));
        if let Some(version) = version.filter(|version| Path::new("/usr/lib/modules").join(version).is_dir())
        {
            versions.push(version.to_owned());
        }
    }
    versions.sort_by(|a, b| lbuild_repo::deb::version::compare(a, b));
    Ok(versions)
}
