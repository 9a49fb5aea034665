//! RPM packages: headers, lists of files, scripts, contents, signatures.

use std::io::Read;

use lbuild_repo::rpm::archive::Rpm;
use lbuild_repo::rpm::cpio::{Archive, Entry};

/// Bytes that the contents may have.
const LIMIT: u64 = 1 << 20;

/// Reads a package to its end, and the bytes as a cpio archive.
pub fn run(data: &[u8]) {
    cpio(data);
    let Ok(package) = Rpm::open(data) else { return };
    if let Ok(info) = package.info() {
        assert!(!info.name.is_empty() && !info.evr.version.is_empty());
    }
    drop(package.scripts());
    if let Ok(files) = package.files() {
        for file in &files {
            let inside = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
            assert!(file.path.is_empty() || file.path.split(|byte| *byte == b'/').all(inside));
            assert!(!file.path.contains(&0) && file.mode <= 0xffff);
        }
    }
    let Ok(mut payload) = package.payload(LIMIT) else { return };
    let mut total = 0;
    while let Ok(Some((at, mut content))) = payload.next_entry() {
        let mut bytes = Vec::new();
        let whole = content.read_to_end(&mut bytes).is_ok();
        total += bytes.len() as u64;
        assert!(!payload.files()[at].flags.is_ghost());
        if !whole {
            break;
        }
    }
    assert!(total <= LIMIT);
}

fn cpio(data: &[u8]) {
    let mut archive = Archive::new(data);
    while let Ok(Some(entry)) = archive.next_entry() {
        match entry {
            Entry::Numbered(number) => archive.set_size(u64::from(number % 64)),
            Entry::Named(entry) => {
                assert!(!entry.name.is_empty() && !entry.name.contains(&0));
                let mut bytes = Vec::new();
                let whole = archive.read_to_end(&mut bytes).is_ok();
                assert!(!whole || bytes.len() == entry.size as usize);
            }
        }
    }
}
