//! Dependency fields and versions: what is read agrees with itself.

use lbuild_repo::deb::relation::{alternatives, constraint, relations, sign};
use lbuild_repo::deb::version::{Version, compare};

/// Reads the bytes as a relation field, and its pieces as versions.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut versions = vec!["1.0-1"];
    for relation in relations(text) {
        for atom in alternatives(relation).flatten() {
            versions.extend(atom.bound.map(|(_, version)| version));
        }
    }
    for pair in versions.windows(2) {
        assert_eq!(compare(pair[0], pair[1]), compare(pair[1], pair[0]).reverse());
    }
    if let Ok(read) = constraint(text) {
        let again = constraint(&format!("{} {}", sign(read.operator), read.version));
        assert_eq!(again.expect("what is written can be read"), read);
    }
    if let Ok(version) = Version::parse(text) {
        assert_eq!(version, Version::split(text.trim()));
    }
}
