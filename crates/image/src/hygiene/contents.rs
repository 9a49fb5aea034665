//! What only the contents of a file can tell.

use std::io;
use std::os::fd::OwnedFd;

use memchr::memmem::Finder;
use rustix::fs::FileType;

use super::{HygieneError, Rule};
use crate::walk::Found;

/// Larger files are programs and data of packages; what a build writes itself is small.
const MAX_SIZE: i64 = 1 << 20;
/// Where a build writes: configuration and state. What is below `usr` comes out of packages unchanged.
const WRITTEN: &[&[u8]] =
    &[b"etc/", b"var/", b"root/", b"home/", b"opt/", b"srv/", b"usr/local/", b"boot/grub/"];
/// The third revision of a file capability carries the owner of a user namespace.
const REVISION_3: u8 = 3;

pub(super) struct Searcher {
    needles: Vec<(Finder<'static>, String)>,
}

impl Searcher {
    /// Searches for the strings; empty ones would be everywhere and are left out.
    pub fn new(build_strings: &[String]) -> Self {
        let needles = build_strings.iter().filter(|text| !text.is_empty());
        Self { needles: needles.map(|text| (Finder::new(text).into_owned(), text.clone())).collect() }
    }

    pub fn search(
        &self,
        found: &Found<'_>,
        report: &mut dyn FnMut(Rule, String),
    ) -> Result<(), HygieneError> {
        let failed = |error: io::Error| HygieneError::new(found.path, error);
        match found.kind() {
            FileType::RegularFile => self.file(found, report).map_err(failed),
            FileType::Symlink => {
                let target = found.read_link().map_err(|error| failed(error.into()))?;
                self.strings(target.to_bytes(), "leads to", report);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn file(&self, found: &Found<'_>, report: &mut dyn FnMut(Rule, String)) -> io::Result<()> {
        if found.stat.st_size > MAX_SIZE || !WRITTEN.iter().any(|prefix| found.path.starts_with(prefix)) {
            return Ok(());
        }
        let text = read(&found.open()?, usize::try_from(found.stat.st_size).unwrap_or(0))?;
        self.strings(&text, "names", report);
        if found.path == b"etc/passwd" {
            extra_roots(&text, report);
        }
        if found.path.starts_with(b"etc/apt/") {
            trusted_sources(&text, report);
        }
        Ok(())
    }

    fn strings(&self, text: &[u8], verb: &str, report: &mut dyn FnMut(Rule, String)) {
        for (finder, needle) in &self.needles {
            if finder.find(text).is_some() {
                report(Rule::BuildString, format!("{verb} `{needle}` of the machine that built it"));
            }
        }
    }
}

/// Whether a capability is bound to a user namespace. The revision is the highest byte of a little-endian word.
pub(super) fn is_namespaced(capability: &[u8]) -> bool {
    capability.get(3) == Some(&REVISION_3)
}

fn read(file: &OwnedFd, size: usize) -> io::Result<Vec<u8>> {
    let mut text = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match rustix::io::read(file, &mut text[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    text.truncate(filled);
    Ok(text)
}

fn lines(text: &[u8]) -> impl Iterator<Item = String> + '_ {
    let lines = text.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).trim().to_owned());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn extra_roots(passwd: &[u8], report: &mut dyn FnMut(Rule, String)) {
    for line in lines(passwd) {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next().unwrap_or(""), fields.nth(1).unwrap_or(""));
        if name != "root" && uid.parse::<u32>() == Ok(0) {
            report(Rule::ExtraRoot, format!("gives user `{name}` the number of root"));
        }
    }
}

/// Sources in both formats, and the settings that have the same effect for all of them.
fn trusted_sources(text: &[u8], report: &mut dyn FnMut(Rule, String)) {
    const SWITCHES: [&str; 8] = [
        "trusted=yes",
        "trusted:yes",
        "allow-insecure=yes",
        "allow-insecure:yes",
        "allowunauthenticated\"true\"",
        "allowunauthenticated\"1\"",
        "allowinsecurerepositories\"true\"",
        "allowinsecurerepositories\"1\"",
    ];
    for line in lines(text) {
        let bare: String = line.to_lowercase().split_whitespace().collect();
        if SWITCHES.iter().any(|switch| bare.contains(switch)) {
            report(Rule::TrustedRepository, format!("accepts packages without a signature: `{line}`"));
        }
    }
}
