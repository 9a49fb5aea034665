//! Databases of Arch Linux, and everything that their texts hold.

use lbuild_repo::alpm::relation::Relation;
use lbuild_repo::alpm::version::{Version, compare};
use lbuild_repo::alpm::{build, database, mtree};

/// Reads the bytes as a database, as a `.PKGINFO`, as an mtree and as versions.
pub fn run(data: &[u8]) {
    if let Ok(packages) = database::read(data) {
        for package in packages {
            let description = &package.description;
            assert!(Version::parse(&description.version).is_ok_and(|version| version.release.is_some()));
            for text in description.depends.iter().chain(&description.provides) {
                let relation = Relation::parse(text).expect("checked by the reader");
                assert_eq!(relation.to_string(), *text);
            }
            assert!(!package.filename.contains('/') && package.files.iter().all(|path| !path.starts_with('/')));
        }
    }
    let _ = build::package_info(data);
    let _ = build::build_info(data);
    if let Ok(entries) = mtree::parse(data) {
        assert!(entries.iter().all(|entry| !entry.path.starts_with(b"/")));
    }
    if let Some((a, b)) = std::str::from_utf8(data).ok().and_then(|text| text.split_once('\n')) {
        assert_eq!(compare(a, b), compare(b, a).reverse());
    }
}
