//! Binary-host indexes, dependencies and versions of Gentoo: what is read agrees with itself.

use lbuild_repo::portage::index::{DependencyClass, Entry, Index};
use lbuild_repo::portage::name::split_cpv;
use lbuild_repo::portage::relation::{Atom, Node, atoms, flags, parse, reduce};
use lbuild_repo::portage::version::{Version, compare};

/// Reads the bytes as an index, as an expression, and as single words.
pub fn run(data: &[u8]) {
    if let Ok(index) = Index::parse(data) {
        for entry in &index.entries {
            check_entry(entry);
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut versions = vec!["1.0-r1"];
    if let Ok(nodes) = parse(text) {
        let count = atoms(&nodes).len();
        for atom in atoms(&nodes) {
            assert_eq!(Atom::parse(&atom.to_string()).map(|again| again.key.to_owned()), Ok(atom.key.to_owned()));
            versions.extend(atom.bound.map(|bound| bound.version));
        }
        let reduced = reduce(nodes, &|flag| flag.len() % 2 == 0);
        assert!(atoms(&reduced).len() <= count);
        assert!(!reduced.iter().any(|node| matches!(node, Node::If(..))));
    }
    // What the text is made of does not matter here, only that it comes to an end.
    drop(flags(text));
    versions.extend(text.split_ascii_whitespace().take(16));
    for pair in versions.windows(2) {
        assert_eq!(compare(pair[0], pair[1]), compare(pair[1], pair[0]).reverse(), "{pair:?}");
        assert!(Version::parse(pair[0]).is_err() || compare(pair[0], pair[0]).is_eq());
    }
}

fn check_entry(entry: &Entry<'_>) {
    assert_eq!(split_cpv(&entry.cpv()), Some((entry.key, entry.version)));
    assert!(!entry.path.starts_with('/') && !entry.path.split('/').any(|part| part == ".."), "{}", entry.path);
    let classes = [DependencyClass::Run, DependencyClass::Post, DependencyClass::Install];
    for nodes in classes.into_iter().filter_map(|class| entry.dependencies(class).ok()) {
        assert!(!nodes.iter().any(|node| matches!(node, Node::If(..))));
    }
    assert!(Entry::sonames(entry.provides).all(|(_, soname)| !soname.is_empty()));
}
