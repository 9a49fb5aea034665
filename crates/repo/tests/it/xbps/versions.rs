//! xbps's version order and relations: the tables of its own tests, and some of ours.

use std::cmp::Ordering;

use lbuild_repo::xbps::pattern::{Pattern, PatternError, Versions};
use lbuild_repo::xbps::version::{PkgVer, VersionError, check, compare};

use crate::orders::check_table;

/// `a b order`: first what `xbps_cmpver` says in xbps's own tests, then cases of ours that follow its description.
const TABLE: &str = "\
1.0 1.0 0
1.0 1.0_1 -1
1.0_1 1.0 1
2.0rc2 2.0rc3 -1
2.0rc3 2.0rc2 1
129 129_1 -1
21 21_0 0
21 2.1 1
1.0.1 1.0_1 1
1.0_1 1.0_2 -1
1.0_2 1.0_10 -1
1.0.0_1 1.0_1 0
1.0alpha_1 1.0beta_1 -1
1.0beta_1 1.0rc1_1 -1
1.0pre1_1 1.0rc1_1 0
1.0rc1_1 1.0_1 -1
1.0RC1_1 1.0rc1_1 0
1.0a_1 1.0_1 1
1.0a_1 1.0b_1 -1
1.0z_1 1.1_1 -1
1.0pl1_1 1.0.1_1 0
1+1_1 1+2_1 -1
1+1_1 11_1 -1
0.20220101_1 0.9_1 1
99999999999999999999_1 1_1 1
3.0.7+1_1 3.0.7_1 1
1.7.8+wayland1_3 1.7.8_3 1
";

#[test]
fn table() {
    check_table(TABLE, 25, compare);
    let long = "9.".repeat(1 << 19);
    assert_eq!(compare(&long, &format!("{long}1")), Ordering::Less);
}

proptest::proptest! {
    #[test]
    fn the_order_is_total(
        versions in proptest::collection::vec("[0-2a-c]([.+~]{0,2}([0-9]{1,2}|rc|alpha|beta|pl|[a-c])){0,4}(_[0-2])?", 3)
    ) {
        let mut sorted = versions.clone();
        sorted.sort_by(|a, b| compare(a, b));
        proptest::prop_assert!(compare(&sorted[0], &sorted[1]).is_le());
        proptest::prop_assert!(compare(&sorted[1], &sorted[2]).is_le());
        proptest::prop_assert!(compare(&sorted[0], &sorted[2]).is_le());
        let order = compare(&versions[0], &versions[1]);
        proptest::prop_assert_eq!(order, compare(&versions[1], &versions[0]).reverse());
    }

    #[test]
    fn no_text_breaks_the_readers(a in ".*", b in ".*") {
        proptest::prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        if let Ok(pattern) = Pattern::parse(&a) {
            proptest::prop_assert_eq!(&pattern.to_string(), &a);
            let _ = pattern.accepts_version(&b);
        }
    }
}

#[test]
fn names_and_versions_are_split() {
    for (text, name, version) in [
        ("font-adobe-100dpi-7.8_2", "font-adobe-100dpi", "7.8_2"),
        ("systemd-43_1", "systemd", "43_1"),
        ("python-e_dbus-1_1", "python-e_dbus", "1_1"),
        ("fs-utils-v1_1", "fs-utils", "v1_1"),
        ("systemd_21-43_0", "systemd_21", "43_0"),
        ("cmd:hyprlock-0.8.2_1", "cmd:hyprlock", "0.8.2_1"),
        ("libstdc++-14.2.1+20250405_4", "libstdc++", "14.2.1+20250405_4"),
    ] {
        assert_eq!(PkgVer::parse(text), Ok(PkgVer { name, version }));
    }
    for (text, error) in [
        ("font-adobe-a", VersionError::Revision),
        ("font-adobe-100dpi-7.8", VersionError::Revision),
        ("python-e_dbus", VersionError::NoDigit),
        ("fs-utils-v_1", VersionError::NoDigit),
        ("glibc", VersionError::Name),
        ("-1_1", VersionError::Name),
        (".a-1_1", VersionError::Name),
        ("a-1.8_blah", VersionError::Revision),
        ("a-1_", VersionError::Revision),
        ("../a-1_1", VersionError::Character),
        ("a b-1_1", VersionError::Character),
        ("a\n-1_1", VersionError::Character),
    ] {
        assert_eq!(PkgVer::parse(text), Err(error), "{text}");
    }
    assert_eq!(PkgVer::parse(&format!("{}-1_1", "a".repeat(300))), Err(VersionError::TooLong));
    assert!(check("1.0_1").is_ok() && check("1.0").is_err());
}

/// Whether the package `name-version` is meant, as xbps's own tests ask.
fn matches(package: &str, pattern: &str) -> bool {
    let (name, version) = package.rsplit_once('-').expect("name-version");
    let pattern = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    pattern.name == name && pattern.accepts_version(version)
}

#[test]
fn patterns_match_as_in_xbps() {
    for (package, pattern, expected) in [
        ("foo-1.0", "foo>=0", true),
        ("foo-1.0", "foo>=1.0", true),
        ("foo-1.0", "foo>=1.0<1.0_1", true),
        ("foo-1.0", "foo>1.0_1", false),
        ("foo-1.0", "foo<1.0", false),
        ("foo-1.0", "foo-[0-1].[0-9]*", true),
        ("foo-1.0", "foo-[1-2].[1-9]*", false),
        ("foo-1.01", "foo-1.[0-9]?", true),
        ("foo-1.01", "foo-1.[1-9]?", false),
        ("foo-1.01", "foo-1.[0-2][2-4]?", false),
        ("foo-1.02", "foo>=1.[0-2][2-4]?", true),
        ("foo-1.24", "foo>=1.[0-2][2-4]?", true),
        ("foo-1.11", "foo-1.[0-2][2-4]?", false),
        ("foo-1.0_1", "foo-1.0_1", true),
        ("foo-1.0_2", "foo-1.0_1", false),
        ("foo-1.0_1", "foo-*", true),
        ("foo-2.0_1", "foo>=1.0<2.0", false),
        ("foo-1.9_1", "foo>=1.0<2.0", true),
        ("foo-1.0_1", "foo<=1.0_1", true),
        ("foobar-1.0_1", "foo>=0", false),
        ("foo-1.0_1", "foo-[!2]*", true),
        ("foo-1.0_1", "foo-[^1]*", false),
        ("foo-1.0_1", "foo-1*0*1", true),
        ("foo-1.0_1", "foo-1*0*2", false),
    ] {
        assert_eq!(matches(package, pattern), expected, "{package} {pattern}");
    }
    assert_eq!(
        Pattern::parse("foo-bar").expect("good"),
        Pattern { name: "foo-bar", versions: Versions::Any }
    );
    for text in ["foo", "foo-bar"] {
        assert_eq!(Pattern::parse_dependency(text), Err(PatternError::NoVersion), "{text}");
    }
    for (text, error) in [
        (">=1", PatternError::Name),
        ("foo>=", PatternError::Version),
        ("foo>=1>2", PatternError::Version),
        ("foo<1<2", PatternError::Version),
        ("foo>=1 2", PatternError::Version),
        ("f oo>=1", PatternError::Name),
        ("../foo>=1", PatternError::Name),
        ("*nslookup", PatternError::Name),
    ] {
        assert_eq!(Pattern::parse(text), Err(error), "{text}");
    }
    // No pattern takes long, whatever it is.
    let stars = format!("a-{}b", "a*".repeat(2000));
    assert!(!Pattern::parse(&stars).expect("good").accepts_version(&"a".repeat(20_000)));
}
