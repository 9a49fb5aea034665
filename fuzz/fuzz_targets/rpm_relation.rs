//! Dependencies and versions of RPM: what is read agrees with itself.

use lbuild_repo::rpm::relation::{Atom, Dependency};
use lbuild_repo::rpm::version::{Evr, compare_part};

/// Reads the lines as dependencies and as versions.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for line in text.lines() {
        if let Ok(dependency) = Dependency::parse(line) {
            let written = dependency.to_string();
            let again = Dependency::parse(&written).expect("what is written can be read");
            assert_eq!(again.to_string(), written);
        }
        if let Ok(Atom { bound: Some(bound), .. }) = Atom::parse(line) {
            assert!(bound.meets(&bound), "{bound}");
        }
    }
    let mut lines = text.lines();
    while let (Some(a), Some(b)) = (lines.next(), lines.next()) {
        assert_eq!(compare_part(a, b), compare_part(b, a).reverse());
        if let (Ok(a), Ok(b)) = (Evr::parse(a), Evr::parse(b)) {
            assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            assert_eq!(Evr::parse(&a.to_string()).ok(), Some(a));
        }
    }
}
