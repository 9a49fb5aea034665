//! Indexes, property lists, packages and relations of Void Linux.

use lbuild_repo::xbps::archive::Archive;
use lbuild_repo::xbps::keys::RepositoryKey;
use lbuild_repo::xbps::pattern::Pattern;
use lbuild_repo::xbps::version::compare;
use lbuild_repo::xbps::{plist, repodata};

/// Reads the bytes as each of them.
pub fn run(data: &[u8]) {
    if let Ok(index) = repodata::read(data) {
        for package in index.packages {
            assert!(!package.filename().contains('/'));
            assert!(package.run_depends.iter().all(|text| Pattern::parse(text).is_ok()));
        }
    }
    let _ = plist::read(data);
    let _ = RepositoryKey::parse(data);
    if let Ok(mut archive) = Archive::open(data, 16 << 20) {
        let _ = archive.files();
        while let Ok(Some(entry)) = archive.next_entry() {
            assert!(!entry.path.starts_with(b"/"));
        }
    }
    let Some((a, b)) = std::str::from_utf8(data).ok().and_then(|text| text.split_once('\n')) else { return };
    assert_eq!(compare(a, b), compare(b, a).reverse());
    if let Ok(pattern) = Pattern::parse(a) {
        let _ = pattern.accepts_version(b);
        assert_eq!(pattern.to_string(), a);
    }
}
