//! deb822 text and `Packages` indexes: what is accepted survives its own cache.

use lbuild_repo::deb::control::Scanner;
use lbuild_repo::deb::index;
use lbuild_repo::index::{Index, IndexSource, Kind};

/// Reads the bytes as tokens, then as an index.
pub fn run(data: &[u8]) {
    let mut scanner = Scanner::new(data);
    while let Ok(Some(_)) = scanner.next_token() {}
    let source = IndexSource {
        suite: "suite".to_owned(),
        component: "main".to_owned(),
        arch: "amd64".to_owned(),
        pin: 500,
        ..IndexSource::default()
    };
    let Ok(index) = index::parse(&[(source, data)]) else { return };
    let again = Index::open_cache(index.write_cache().to_vec()).expect("an index opens its own cache");
    for (a, b) in index.packages().zip(again.packages()) {
        assert_eq!(index::location(a), index::location(b));
        assert_eq!(a.relations(Kind::Provides), b.relations(Kind::Provides));
        assert!(again.named(a.name()).any(|package| package.version() == a.version()), "{a:?} is not found");
    }
    // Damage is noticed, or at least does no harm.
    let mut damaged = index.write_cache().to_vec();
    let at = data.len() % damaged.len();
    damaged[at] = damaged[at].wrapping_add(1);
    assert!(Index::open_cache(damaged).is_err());
}
