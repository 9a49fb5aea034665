//! tar archives: what is accepted has names that stay inside, and the strict policy only ever accepts less.

use std::io::Read;

use lbuild_repo::tar::{Archive, Entry, Kind, Policy};

/// Reads the bytes under both policies.
pub fn run(data: &[u8]) {
    let (package, whole) = read(data, Policy::package());
    let (strict, complete) = read(data, Policy::strict());
    assert!(package.starts_with(&strict), "the policies read different entries");
    assert!(whole || !complete, "the strict policy accepts what the other refuses");
    for (entry, content) in &package {
        check_name(&entry.path);
        if let Kind::Hardlink(target) = &entry.kind {
            check_name(target);
            assert!(package.iter().any(|(other, _)| other.path == *target), "link to nothing: {entry:?}");
        }
        assert!(entry.kind == Kind::File || entry.size == 0);
        assert!(content.len() as u64 <= entry.size);
        assert!(entry.mode <= 0o7777);
    }
    for (entry, _) in &strict {
        let plain = matches!(entry.kind, Kind::File | Kind::Directory | Kind::Symlink(_) | Kind::Hardlink(_));
        assert!(plain, "{entry:?}");
        assert!(entry.kind != Kind::File || entry.mode & 0o6000 == 0, "{entry:?}");
    }
}

fn check_name(name: &[u8]) {
    assert!(!name.starts_with(b"/") && !name.ends_with(b"/"), "{}", name.escape_ascii());
    let fits = |part: &[u8]| !matches!(part, b"" | b"." | b"..") && part.len() <= 255;
    assert!(name.is_empty() || name.split(|byte| *byte == b'/').all(fits), "{}", name.escape_ascii());
    assert!(!name.iter().any(|byte| matches!(byte, 0 | b'\n')), "{}", name.escape_ascii());
}

/// The entries before the end or the first error, and whether the end was reached.
fn read(data: &[u8], policy: Policy) -> (Vec<(Entry, Vec<u8>)>, bool) {
    let mut archive = Archive::new(data, policy);
    let mut entries = Vec::new();
    loop {
        match archive.next_entry() {
            Ok(Some(entry)) => {
                let mut content = Vec::new();
                let whole = archive.content().read_to_end(&mut content).is_ok();
                entries.push((entry, content));
                if !whole {
                    return (entries, false);
                }
            }
            Ok(None) => return (entries, true),
            Err(_) => return (entries, false),
        }
    }
}
