//! The table of what builds are known to leave behind; it drives both the cleaning and the gate.

use rustix::fs::FileType;

use super::{HygieneError, Rule};
use crate::walk::Found;

/// When an entry that matches the pattern is a leftover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Whatever it is.
    Present,
    /// A regular file; links to where the real thing lives are fine.
    File,
    /// A regular file that is not empty.
    Filled,
}

/// What cleaning does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    Remove,
    /// The file must exist, or programs write into it without creating it.
    Empty,
    /// Cleaning would hide a mistake of the build.
    Report,
}

#[derive(Debug)]
pub(super) struct Leftover {
    pub rule: Rule,
    /// Components may hold `*`; a component `**` stands for one or more of them.
    patterns: &'static [&'static str],
    when: When,
    pub remedy: Remedy,
    pub reason: &'static str,
}

const fn leftover(
    rule: Rule,
    when: When,
    remedy: Remedy,
    reason: &'static str,
    patterns: &'static [&'static str],
) -> Leftover {
    Leftover { rule, patterns, when, remedy, reason }
}

/// The first match counts.
const LEFTOVERS: &[Leftover] = &[
    leftover(
        Rule::GeneratedKey,
        When::Present,
        Remedy::Remove,
        "is a key that every machine with this image would share",
        &[
            "etc/ssh/ssh_host_*_key",
            "etc/ssh/ssh_host_*_key.pub",
            "etc/ssl/private/ssl-cert-snakeoil.key",
            "etc/ssl/certs/ssl-cert-snakeoil.pem",
            "var/lib/NetworkManager/secret_key",
        ],
    ),
    leftover(
        Rule::MachineId,
        When::Filled,
        Remedy::Empty,
        "identifies a machine; it must be empty, so that each machine gets its own",
        &["etc/machine-id"],
    ),
    leftover(
        Rule::MachineId,
        When::File,
        Remedy::Remove,
        "identifies a machine; it must be absent, or a link to `/etc/machine-id`",
        &["var/lib/dbus/machine-id"],
    ),
    leftover(
        Rule::RandomSeed,
        When::Present,
        Remedy::Remove,
        "is a secret that every machine with this image would share",
        &[
            "var/lib/systemd/random-seed",
            "var/lib/systemd/credential.secret",
            "var/lib/urandom/random-seed",
            "boot/loader/random-seed",
            "boot/efi/loader/random-seed",
        ],
    ),
    leftover(
        Rule::PackageCache,
        When::File,
        Remedy::Remove,
        "belongs to the package manager's own cache",
        &[
            "var/cache/apt/*.bin",
            "var/cache/apt/archives/*",
            "var/cache/apt/archives/partial/*",
            "var/lib/apt/lists/*",
            "var/lib/apt/lists/partial/*",
            "var/lib/apt/lists/auxfiles/*",
            "var/cache/debconf/*-old",
            "var/lib/dpkg/*-old",
            "var/lib/dpkg/lock",
            "var/lib/dpkg/lock-frontend",
            "var/lib/dpkg/triggers/Lock",
            // Holds inode numbers and times of the build's disk.
            "var/cache/ldconfig/aux-cache",
        ],
    ),
    leftover(
        Rule::ToolLog,
        When::File,
        Remedy::Remove,
        "is a log of the build",
        &[
            "var/log/alternatives.log",
            "var/log/bootstrap.log",
            "var/log/dpkg.log",
            "var/log/fontconfig.log",
            "var/log/apt/*",
        ],
    ),
    leftover(
        Rule::ToolLog,
        When::Filled,
        Remedy::Empty,
        "is a log of the build",
        &["var/log/btmp", "var/log/faillog", "var/log/lastlog", "var/log/wtmp"],
    ),
    leftover(
        Rule::Log,
        When::File,
        Remedy::Remove,
        "is a log of the build",
        &["var/log/*.log.*", "var/log/installer/**"],
    ),
    leftover(Rule::Log, When::Present, Remedy::Remove, "is a log of the build", &["var/log/journal/*"]),
    leftover(Rule::Log, When::Filled, Remedy::Empty, "is a log of the build", &["var/log/**"]),
    leftover(
        Rule::ShellHistory,
        When::Present,
        Remedy::Remove,
        "is a history of commands",
        &[
            "root/.*_history",
            "root/.lesshst",
            "root/.viminfo",
            "home/*/.*_history",
            "home/*/.lesshst",
            "home/*/.viminfo",
        ],
    ),
    leftover(
        Rule::ResolvConf,
        When::Filled,
        Remedy::Remove,
        "names the resolver of the build",
        &["etc/resolv.conf"],
    ),
    leftover(Rule::Temporary, When::Present, Remedy::Remove, "is temporary", &["tmp/*", "var/tmp/*"]),
    leftover(
        Rule::Unfinished,
        When::Present,
        Remedy::Report,
        "was never put in place by the package manager",
        &["**/*.dpkg-new", "**/*.dpkg-tmp"],
    ),
];

/// The leftover that an entry is, if it is one.
pub(super) fn find(found: &Found<'_>) -> Result<Option<&'static Leftover>, HygieneError> {
    let matches = |leftover: &&Leftover| {
        leftover.patterns.iter().any(|pattern| matches(pattern.as_bytes(), found.path))
            && leftover.applies(found)
    };
    match LEFTOVERS.iter().find(matches) {
        Some(leftover) if leftover.rule == Rule::MachineId && is_uninitialized(found)? => Ok(None),
        other => Ok(other),
    }
}

impl Leftover {
    fn applies(&self, found: &Found<'_>) -> bool {
        let file = found.kind() == FileType::RegularFile;
        match self.when {
            When::Present => true,
            When::File => file,
            When::Filled => file && found.stat.st_size > 0,
        }
    }
}

/// systemd's other way to say that there is no identity yet.
fn is_uninitialized(found: &Found<'_>) -> Result<bool, HygieneError> {
    let failed = |error: rustix::io::Errno| HygieneError::new(found.path, error);
    let mut text = [0; 16];
    let count = rustix::io::read(found.open().map_err(failed)?, &mut text).map_err(failed)?;
    Ok(text[..count].trim_ascii_end() == b"uninitialized")
}

fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (head, rest) = cut(pattern);
    let (name, below) = cut(path);
    match (head, rest, below) {
        (b"**", None, _) => !path.is_empty(),
        (b"**", Some(rest), _) => below.is_some_and(|below| matches(rest, below) || matches(pattern, below)),
        (_, None, None) => glob(head, name),
        (_, Some(rest), Some(below)) => glob(head, name) && matches(rest, below),
        _ => false,
    }
}

fn cut(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match path.iter().position(|byte| *byte == b'/') {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}

/// Matches one component, where `*` stands for any bytes.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skip| glob(rest, &name[skip..])),
        Some((byte, rest)) => {
            name.split_first().is_some_and(|(first, below)| first == byte && glob(rest, below))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_by_component() {
        for (pattern, path, expected) in [
            ("etc/ssh/ssh_host_*_key", "etc/ssh/ssh_host_rsa_key", true),
            ("etc/ssh/ssh_host_*_key", "etc/ssh/ssh_host_rsa_key.pub", false),
            ("var/log/*.log", "var/log/a/b.log", false),
            ("var/log/**", "var/log", false),
            ("var/log/**", "var/log/a/b", true),
            ("**/*.dpkg-new", "etc/a/b.dpkg-new", true),
            ("**/*.dpkg-new", "b.dpkg-new", false),
            ("tmp/*", "tmp/.x", true),
            ("tmp/*", "tmp", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), expected, "{pattern} {path}");
        }
    }
}
