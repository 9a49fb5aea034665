//! Indexes as they should not be: each gives its own error, soon.

use lbuild_repo::deb::index::{self, IndexError, MultiArch, is_essential, is_protected};
use lbuild_repo::index::{BuildError, CacheError, Index, IndexSource, Kind};

const GOOD: &str = "Package: tool\nSource: tools (1.0)\nVersion: 1.0-1\nArchitecture: amd64\nInstalled-Size: 3\n\
    Depends: libc6 (>= 2.36),\n other | another\nProvides: gadget (= 2), thing\nMulti-Arch: foreign\n\
    Essential: yes\nPriority: required\nFilename: pool/main/t/tools/tool_1.0-1_amd64.deb\nSize: 1234\n\
    SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";

fn source() -> IndexSource {
    IndexSource {
        suite: "tester".to_owned(),
        component: "main".to_owned(),
        arch: "amd64".to_owned(),
        base_url: "base".to_owned(),
        pin: 500,
        ..IndexSource::default()
    }
}

fn parse(text: &str) -> Result<Index, IndexError> {
    index::parse(&[(source(), text.as_bytes())])
}

fn bent(from: &str, to: &str) -> Result<Index, IndexError> {
    assert!(GOOD.contains(from), "{from}");
    parse(&GOOD.replacen(from, to, 1))
}

#[test]
fn a_package_keeps_its_fields() {
    let parsed = parse(GOOD).expect("a good index");
    let index = Index::open_cache(parsed.write_cache().to_vec()).expect("its own cache");
    let package = index.named("tool").next().expect("the package");
    assert_eq!((package.name(), package.version(), package.arch()), ("tool", "1.0-1", "amd64"));
    assert_eq!((package.size(), package.installed_size()), (1234, 3 * 1024));
    assert_eq!(package.source_name(), "tools");
    assert_eq!(index::location(package), "pool/main/t/tools/tool_1.0-1_amd64.deb");
    assert_eq!(package.relations(Kind::Requires), "libc6 (>= 2.36),\n other | another");
    assert_eq!(package.relations(Kind::Provides), "gadget (= 2), thing");
    assert_eq!(package.relations(Kind::Conflicts), "");
    assert_eq!(MultiArch::of(package), MultiArch::Foreign);
    assert!(is_essential(package) && !is_protected(package));
    assert_eq!(package.digest().bytes()[..2], [0xe3, 0xb0]);
    assert_eq!(package.source(), &source());
    assert_eq!(index.package_names().collect::<Vec<_>>(), ["tool"]);
}

#[test]
fn a_file_in_an_unusual_place_keeps_its_path() {
    let index = bent("pool/main/t/tools/tool_1.0-1_amd64.deb", "./x/y+z.deb").expect("a good index");
    assert_eq!(index::location(index.named("tool").next().expect("the package")), "./x/y+z.deb");
}

#[test]
fn each_mandatory_field_is_missed() {
    for field in ["Version", "Architecture", "Filename", "Size", "SHA256"] {
        let result = bent(&format!("\n{field}:"), "\nX-Other:");
        assert!(
            matches!(result, Err(IndexError::Missing { field: missing, .. }) if missing == field),
            "{result:?}"
        );
    }
}

#[test]
fn bad_values_are_named() {
    for (from, to, field) in [
        ("Package: tool", "Package: ../tool", "Package"),
        ("Package: tool", "Package: -o=x", "Package"),
        ("Package: tool", "Package: to ol", "Package"),
        ("Package: tool", "Package: tool\nPackage: tool2", "Package"),
        ("Version: 1.0-1", "Version: x", "Version"),
        ("Version: 1.0-1", "Version: 99999999999999999999:1", "Version"),
        ("Filename: pool/", "Filename: /pool/", "Filename"),
        ("Filename: pool/", "Filename: pool/../../", "Filename"),
        ("Filename: pool/", "Filename: pool//", "Filename"),
        ("Filename: pool/", "Filename: pool/ ", "Filename"),
        ("Filename: pool/", "Filename: pool/?", "Filename"),
        ("Size: 1234", "Size: -1", "Size"),
        ("Size: 1234", "Size: 99999999999999999999", "Size"),
        ("SHA256: e3", "SHA256: xx", "SHA256"),
        ("SHA256: e3", "SHA256: e", "SHA256"),
    ] {
        let result = bent(from, to);
        assert!(
            matches!(&result, Err(IndexError::Value { field: bad, .. }) if bad == field),
            "{to}: {result:?}"
        );
    }
}

#[test]
fn text_that_is_not_deb822_is_refused() {
    for text in ["<html>\n", "Package: a\nnot a field\n", " leading\n", "\u{1}\u{2}\n", "Package tool\n"] {
        assert!(matches!(parse(text), Err(IndexError::Control { .. })), "{text:?}");
    }
    let invalid = index::parse(&[(source(), b"Package: \xff\xfe\n")]);
    assert!(matches!(invalid, Err(IndexError::Value { .. })), "{invalid:?}");
}

#[test]
fn a_truncated_index_is_refused_or_shorter() {
    let two = format!("{GOOD}\n{}", GOOD.replace("tool", "tool2"));
    for end in 0..two.len() {
        match parse(&two[..end]) {
            Ok(index) => assert!(index.len() <= 2),
            Err(IndexError::Missing { .. } | IndexError::Value { .. } | IndexError::Control { .. }) => {}
            Err(error) => panic!("cut at {end}: {error}"),
        }
    }
}

#[test]
fn duplicates_must_be_the_same() {
    assert_eq!(parse(&format!("{GOOD}\n{GOOD}")).expect("the same twice").len(), 2);
    let other = GOOD.replace("SHA256: e3", "SHA256: e4");
    assert!(matches!(
        parse(&format!("{GOOD}\n{other}")),
        Err(IndexError::Build(BuildError::Duplicate { .. }))
    ));
}

#[test]
fn too_many_versions_of_a_name_are_refused() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for version in 0..5000 {
        writeln!(text, "{}", GOOD.replace("1.0-1\nArch", &format!("1.{version}\nArch"))).expect("memory");
    }
    assert!(matches!(parse(&text), Err(IndexError::Build(BuildError::TooMany { .. }))));
}

#[test]
fn a_damaged_cache_is_noticed() {
    let good = parse(GOOD).expect("a good index").write_cache().to_vec();
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 0x10;
        let expected = if at < 8 { CacheError::Form } else { CacheError::Damaged };
        assert_eq!(Index::open_cache(damaged).err(), Some(expected), "byte {at}");
        assert!(Index::open_cache(good[..at].to_vec()).is_err(), "cut at {at}");
    }
    assert!(Index::open_cache([good.as_slice(), b"x"].concat()).is_err());
}

#[test]
fn the_cache_is_the_same_every_time() {
    let again = parse(GOOD).expect("a good index");
    assert_eq!(again.write_cache(), parse(GOOD).expect("a good index").write_cache());
}
