//! What categories, packages, slots and USE flags may be called (Package Manager Specification, 3.1), and how a package
//! name and its version are told apart.

use super::version::Version;

/// Bytes that any name may have; real ones stay below 80.
pub(super) const MAX_NAME: usize = 255;

/// Whether `text` begins like a name and has only letters, digits and `more`.
fn is_made_of(text: &str, first: &[u8], more: &[u8]) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_NAME
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric() || first.contains(&byte))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
}

/// Whether `text` can be a category, such as `dev-libs`.
pub fn is_category(text: &str) -> bool {
    is_made_of(text, b"_", b"+_.-")
}

/// Whether `text` can be a package, such as `glib`: it must not end like a version.
pub fn is_package(text: &str) -> bool {
    let ends_like_version = || {
        let hyphens = text.match_indices('-').map(|(at, _)| at);
        hyphens.into_iter().any(|at| Version::parse(&text[at + 1..]).is_ok())
    };
    is_made_of(text, b"_", b"+_-") && !ends_like_version()
}

/// Whether `text` can be a slot or a sub-slot.
pub fn is_slot(text: &str) -> bool {
    is_made_of(text, b"_", b"+_.-")
}

/// Whether `text` can be a USE flag.
pub fn is_flag(text: &str) -> bool {
    is_made_of(text, b"", b"+_@-")
}

/// Whether `text` can be the name of a repository.
pub fn is_repository(text: &str) -> bool {
    is_made_of(text, b"_", b"_-")
}

/// A category and a package: `dev-libs/glib`.
pub fn is_key(text: &str) -> bool {
    text.split_once('/').is_some_and(|(category, package)| is_category(category) && is_package(package))
}

/// Splits `dev-libs/glib-2.80.5-r1` into `dev-libs/glib` and `2.80.5-r1`.
pub fn split_cpv(text: &str) -> Option<(&str, &str)> {
    if text.len() > 3 * MAX_NAME {
        return None;
    }
    let slash = text.find('/')?;
    let hyphens = text[slash..].match_indices('-').map(|(at, _)| slash + at);
    // The version is the longest that fits, because a revision is part of it.
    let at = hyphens.into_iter().find(|at| Version::parse(&text[at + 1..]).is_ok())?;
    let (key, version) = (&text[..at], &text[at + 1..]);
    is_key(key).then_some((key, version))
}

#[cfg(test)]
mod tests {
    use super::{is_flag, is_key, is_package, is_slot, split_cpv};

    #[test]
    fn names_and_versions_are_told_apart() {
        for (text, expected) in [
            ("a/b-1", Some(("a/b", "1"))),
            ("dev-libs/gtk+-3.24.43-r1", Some(("dev-libs/gtk+", "3.24.43-r1"))),
            ("x11-libs/libX11-1.8.10", Some(("x11-libs/libX11", "1.8.10"))),
            ("media-fonts/font-adobe-100dpi-1.0.4", Some(("media-fonts/font-adobe-100dpi", "1.0.4"))),
            ("acct-group/adm-0-r2", Some(("acct-group/adm", "0-r2"))),
            ("a/b-1_p2-r3", Some(("a/b", "1_p2-r3"))),
            ("a/b-1.2b_alpha", Some(("a/b", "1.2b_alpha"))),
            ("a/b-r1-2", Some(("a/b-r1", "2"))),
            // The name would be `b-1`, which ends like a version.
            ("a/b-1-2", None),
            ("a/b", None),
            ("b-1", None),
            ("a/b/c-1", None),
            ("a/-1", None),
            ("/b-1", None),
            ("-a/b-1", None),
            ("a/b-1.", None),
            ("a/b-1 ", None),
            ("a/../b-1", None),
        ] {
            assert_eq!(split_cpv(text), expected, "{text}");
        }
        let long = format!("a/b-{}", "1".repeat(10_000));
        assert_eq!(split_cpv(&long), None);
    }

    #[test]
    fn what_names_are_made_of() {
        assert!(is_package("gtk+") && is_package("0ad") && is_package("libX11") && is_package("_x"));
        assert!(!is_package("b-1") && !is_package("+b") && !is_package("") && !is_package("a.b"));
        assert!(is_slot("5.15") && is_slot("0") && !is_slot("/1") && !is_slot(".1"));
        assert!(is_flag("python_targets_python3_12") && is_flag("a@b+") && !is_flag("-x") && !is_flag("_x"));
        assert!(is_key("a/b") && !is_key("a") && !is_key("a/b-1") && !is_key("a/b/c"));
    }
}
