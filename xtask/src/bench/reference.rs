//! The reference: mmdebstrap, mksquashfs and grub-mkrescue with exactly the packages of our lock.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde::Deserialize;

use super::sources;
use crate::command::stdout;

/// Seconds of each part of one reference build.
#[derive(Debug, Clone, Copy)]
pub struct ReferenceTimes {
    /// mmdebstrap: fetch, unpack, configure, two initramfs runs.
    pub tree: f64,
    /// mksquashfs.
    pub squashfs: f64,
    /// grub-mkrescue.
    pub iso: f64,
}

impl ReferenceTimes {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.tree + self.squashfs + self.iso
    }
}

/// The parts of a lock that matter here.
#[derive(Deserialize)]
struct Lock {
    release: String,
    architecture: String,
    index: Vec<sources::Index>,
    system: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// The reference pipeline for one lock.
pub struct Reference {
    lock: Lock,
    sources: String,
    scratch: PathBuf,
}

const MENU: &str = "set timeout=1\nmenuentry live {\n linux /live/vmlinuz boot=live console=ttyS0\n initrd /live/initrd.img\n}\n";

impl Reference {
    /// For the packages of this lock.
    pub fn new(lock: &toml::Table, scratch: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let lock: Lock = lock.clone().try_into()?;
        let sources = sources::lines(&lock.index)?;
        Ok(Self { lock, sources, scratch: scratch.to_owned() })
    }

    /// The lines of `sources.list`.
    pub fn sources(&self) -> &str {
        &self.sources
    }

    /// Builds once in the new directory `name`, and checks that the tree has the packages of the lock and no other.
    pub fn build(&self, name: &str) -> Result<ReferenceTimes, Box<dyn std::error::Error>> {
        let directory = self.scratch.join(name);
        let (root, iso) = (directory.join("root"), directory.join("iso"));
        fs::create_dir_all(&directory)?;
        let started = Instant::now();
        stdout(&mut self.mmdebstrap(&root)?)?;
        let tree = started.elapsed().as_secs_f64();
        self.check(&root)?;

        fs::create_dir_all(iso.join("live"))?;
        fs::create_dir_all(iso.join("boot/grub"))?;
        let started = Instant::now();
        stdout(Command::new("mksquashfs").arg(&root).arg(iso.join("live/filesystem.squashfs")).args([
            "-comp",
            "zstd",
            "-Xcompression-level",
            "3",
            "-no-progress",
            "-quiet",
        ]))?;
        let squashfs = started.elapsed().as_secs_f64();

        let started = Instant::now();
        fs::copy(newest(&root.join("boot"), "vmlinuz-")?, iso.join("live/vmlinuz"))?;
        fs::copy(newest(&root.join("boot"), "initrd.img-")?, iso.join("live/initrd.img"))?;
        fs::write(iso.join("boot/grub/grub.cfg"), MENU)?;
        let image = self.scratch.join("reference.iso");
        stdout(Command::new("grub-mkrescue").arg("-o").arg(&image).arg(&iso))?;
        Ok(ReferenceTimes { tree, squashfs, iso: started.elapsed().as_secs_f64() })
    }

    fn mmdebstrap(&self, root: &Path) -> Result<Command, Box<dyn std::error::Error>> {
        let list = self.scratch.join("reference.list");
        fs::write(&list, &self.sources)?;
        let names: BTreeSet<&str> = self.lock.system.iter().map(|package| package.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let mut command = Command::new("mmdebstrap");
        command
            .args(["--quiet", "--mode=root", "--variant=essential", "--format=directory"])
            .arg(format!("--architectures={}", self.lock.architecture))
            .arg(format!("--include={}", names.join(",")))
            .arg(&self.lock.release)
            .arg(root)
            .arg(&list);
        Ok(command)
    }

    fn check(&self, root: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let status = fs::read_to_string(root.join("var/lib/dpkg/status"))?;
        let field = |stanza: &str, name: &str| {
            stanza.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
        };
        let built: BTreeSet<(String, String)> = status
            .split("\n\n")
            .filter(|stanza| stanza.contains("Status: install ok installed"))
            .map(|stanza| (field(stanza, "Package:"), field(stanza, "Version:")))
            .collect();
        let locked: BTreeSet<(String, String)> =
            self.lock.system.iter().map(|package| (package.name.clone(), package.version.clone())).collect();
        let differ: Vec<&(String, String)> = built.symmetric_difference(&locked).take(10).collect();
        if differ.is_empty() {
            return Ok(());
        }
        Err(format!("the reference has other packages than the lock, among them {differ:?}").into())
    }
}

fn newest(directory: &Path, prefix: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    let mut found: Vec<PathBuf> = entries
        .into_iter()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.pop().ok_or_else(|| format!("there is no {prefix}* in {}", directory.display()).into())
}
