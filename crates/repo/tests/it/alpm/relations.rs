//! Dependencies of packages, and what satisfies them.

use lbuild_repo::alpm::relation::{Operator, Relation, RelationError, is_package_name};

#[test]
fn relations_are_split() {
    for (text, name, bound) in [
        ("glibc", "glibc", None),
        ("glibc>=2.36", "glibc", Some((Operator::GreaterEqual, "2.36"))),
        ("glibc<=2:2.36-1", "glibc", Some((Operator::LessEqual, "2:2.36-1"))),
        ("a=1", "a", Some((Operator::Equal, "1"))),
        ("a<1", "a", Some((Operator::Less, "1"))),
        ("a>1", "a", Some((Operator::Greater, "1"))),
        ("libfoo.so=1-64", "libfoo.so", Some((Operator::Equal, "1-64"))),
        ("lib:libfoo.so.1", "lib:libfoo.so.1", None),
    ] {
        let relation = Relation::parse(text).expect(text);
        assert_eq!((relation.name, relation.bound), (name, bound), "{text}");
        assert_eq!(relation.to_string(), text);
    }
    for (text, error) in [
        ("", RelationError::Name),
        (">=1", RelationError::Name),
        ("a b", RelationError::Name),
        ("-a", RelationError::Name),
        (".a", RelationError::Name),
        ("/etc", RelationError::Name),
        ("a=>1", RelationError::Version),
        ("a>=1<2", RelationError::Version),
        ("a>= 1", RelationError::Version),
    ] {
        assert_eq!(Relation::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn optional_dependencies_have_reasons() {
    let (relation, reason) = Relation::parse_with_reason("perl>=5: for scripts: all").expect("good");
    assert_eq!((relation.to_string().as_str(), reason), ("perl>=5", Some("for scripts: all")));
    let (relation, reason) = Relation::parse_with_reason("lib:a.so.1").expect("good");
    assert_eq!((relation.name, reason), ("lib:a.so.1", None));
    let (relation, _) = Relation::parse_with_reason("python:").expect("a forgotten reason");
    assert_eq!(relation.name, "python");
}

#[test]
fn provisions_satisfy_as_pacman_says() {
    let satisfies = |dependency: &str, provision: &str| {
        Relation::parse(dependency)
            .expect("good")
            .accepts_provision(&Relation::parse(provision).expect("good"))
    };
    assert!(satisfies("a", "a") && satisfies("a", "a=1") && satisfies("a>=1", "a=1"));
    assert!(satisfies("libx.so=1-64", "libx.so=1-64") && !satisfies("libx.so=1-64", "libx.so=2-64"));
    // A bound asks for a provision with exactly one version.
    assert!(!satisfies("a>=1", "a") && !satisfies("a>=1", "a>=1") && !satisfies("a", "b"));
    // Met in a database of 2014.
    let nothing = Relation::parse("gconf>").expect("as pacman");
    assert!(nothing.accepts_version("0-1") && nothing.bound == Some((Operator::Greater, "")));
    let bounded = Relation::parse("a<2").expect("good");
    assert!(bounded.accepts_version("1.9-7") && !bounded.accepts_version("2-1"));
    assert!(Relation::parse("a=2").expect("good").accepts_version("2-7"));
}

#[test]
fn names_of_packages() {
    for name in ["a", "gtk2", "libstdc++", "a@b", "_a", "lib32-a.b", "Arch"] {
        assert!(is_package_name(name), "{name}");
    }
    for name in ["", "-a", ".a", "a/b", "a b", "foo bar!", "a:b", "a=b", "\u{e9}", "a\n"] {
        assert!(!is_package_name(name), "{name:?}");
    }
}
