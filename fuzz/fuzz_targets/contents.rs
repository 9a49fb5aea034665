//! Lists of files: what is read has a path and packages, and the index of commands finds what went into it.

use lbuild_repo::files::contents::Contents;
use lbuild_repo::files::is_meant;
use lbuild_repo::files::shipped::{Builder, Shipped};

/// Reads the bytes as a list, then as an index that somebody has damaged.
pub fn run(data: &[u8]) {
    let mut contents = Contents::new(data);
    let mut builder = Builder::default();
    let mut commands = Vec::new();
    while let Ok(Some(listed)) = contents.next_file() {
        assert!(!listed.path.is_empty() && is_meant(listed.path, listed.path) != listed.path.chars().all(|c| c == '/'));
        for package in listed.packages() {
            assert!(!package.is_empty() && !package.contains('/'), "{listed:?}");
            builder.add(listed.path, package);
        }
        if let Some(name) = listed.path.strip_prefix("usr/bin/").filter(|name| !name.contains(['/', ' ', '\t'])) {
            commands.push(name.to_owned());
        }
    }
    let shipped = Shipped::open(builder.finish()).expect("its own form");
    let plain = |name: &&String| !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
    for name in commands.iter().filter(plain) {
        assert!(!shipped.packages(name).is_empty(), "{name}");
    }
    let mut damaged = b"lbuild commands 1\n".to_vec();
    damaged.extend_from_slice(data);
    if let Some(shipped) = Shipped::open(damaged) {
        for name in ["", "a", "sh", "\u{10ffff}"] {
            drop(shipped.packages(name));
        }
    }
}
