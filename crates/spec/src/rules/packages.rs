//! Names of packages and requests for them.
//!
//! Package managers read operators out of names (`?pattern`, `~pattern`, `name-`, `./file`), so names follow the
//! strict rule of their family before anything else sees them.

use super::shape::{characters, find};
use super::{Fault, Verdict};
use crate::model::Base;
use crate::report::quote;
use crate::request::{Relation, VersionRequest};

/// The parts of a request as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) version: Option<VersionRequest>,
    pub(crate) suite: Option<String>,
}

/// A package name by the rule of the family; without a base by Debian's.
pub(super) fn name(text: &str, base: Option<Base>) -> Verdict {
    match base.unwrap_or(Base::Debian) {
        Base::Debian | Base::Ubuntu => {
            characters(text, "package name", "a-z0-9", "a-z0-9+.-", 128)?;
            if text.len() < 2 {
                return Err(Fault::not_a(text, "package name").reason("it has at least two characters"));
            }
        }
        Base::Arch => characters(text, "package name", "a-z0-9@_+", "a-z0-9@._+-", 128)?,
        Base::Alpine | Base::Void => characters(text, "package name", "A-Za-z0-9_", "A-Za-z0-9._+-", 128)?,
        Base::Fedora | Base::Opensuse => {
            characters(
                text.strip_prefix('@').unwrap_or(text),
                "package name",
                "A-Za-z0-9_",
                "A-Za-z0-9._+-",
                128,
            )?;
        }
        Base::Gentoo => {
            let (category, package) = text.split_once('/').unwrap_or(("", text));
            if !category.is_empty() {
                characters(category, "package category", "A-Za-z0-9_", "A-Za-z0-9._+-", 64)?;
            }
            characters(package, "package name", "A-Za-z0-9_", "A-Za-z0-9_+-", 128)?;
        }
    }
    if text.ends_with('-') {
        let reason = "a trailing `-` means removal to package managers";
        let hint = "list packages to keep out under `remove`";
        let at = text.len() - 1..text.len();
        return Err(Fault::not_a(text, "package name").reason(reason).hint(hint).at(at));
    }
    Ok(())
}

/// A key in a table of packages: a category or a package name.
pub(super) fn key(text: &str, base: Option<Base>) -> Verdict {
    let category = characters(text, "category", "a-z", "a-z0-9_-", 64);
    category.or_else(|_| name(text, base))
}

/// A package name or a pattern of such, also of source packages.
pub(super) fn pin(text: &str, base: Option<Base>) -> Verdict {
    let wild = |c| matches!(c, '*' | '?');
    let (plain, source) = text.strip_prefix("src:").map_or((text, false), |name| (name, true));
    if !plain.contains(wild) {
        return name(plain, base);
    }
    if source {
        let fault =
            Fault::not_a(text, "package name").reason("the name of a source package has no wildcards");
        return Err(fault);
    }
    // what stands for the wildcard could be any letter
    characters(&plain.replace(wild, "x"), "package name", "A-Za-z0-9@_", "A-Za-z0-9@._+/-", 128)
}

/// A keyword that is accepted, for all packages or for the one in front of it.
pub(super) fn keyword(text: &str) -> Verdict {
    let (name, keyword) = of_one_or_all(text);
    if let Some(name) = name {
        key_of_gentoo(name, text, "~amd64")?;
    }
    let plain = keyword.strip_prefix('~').unwrap_or(keyword);
    if plain == "*" || keyword == "**" {
        return Ok(());
    }
    characters(plain, "keyword", "a-z", "a-z0-9-", 32)
        .map_err(|fault| shifted(fault, text.len() - plain.len()))
}

/// A license or a group of such that is accepted, for all packages or for the one in front of it.
pub(super) fn license(text: &str) -> Verdict {
    let (name, license) = of_one_or_all(text);
    if let Some(name) = name {
        key_of_gentoo(name, text, "unRAR")?;
    }
    if license == "*" {
        return Ok(());
    }
    let plain = license.strip_prefix('@').unwrap_or(license);
    characters(plain, "license", "A-Za-z0-9_", "A-Za-z0-9._+-", 128)
        .map_err(|fault| shifted(fault, text.len() - plain.len()))
}

fn of_one_or_all(text: &str) -> (Option<&str>, &str) {
    text.split_once(' ').map_or((None, text), |(name, what)| (Some(name), what))
}

fn key_of_gentoo(text: &str, whole: &str, example: &str) -> Verdict {
    if !text.contains('/') {
        let hint = format!("write it with its category: `category/{text} {example}`");
        return Err(Fault::not_a(whole, "package and what is accepted for it").hint(hint));
    }
    name(text, Some(Base::Gentoo))
}

/// A version, or a relation and a version.
pub(super) fn relation(text: &str) -> Verdict {
    split_relation(text).map(|_| ())
}

/// `name`, `name=version`, `name (>= version)` or `name/suite`.
pub(super) fn request(text: &str, base: Option<Base>) -> Verdict {
    parse_request(text, base).map(|_| ())
}

/// Takes a request apart.
pub(crate) fn parse_request(text: &str, base: Option<Base>) -> Result<Parts, Fault> {
    if text.len() > 400 {
        let reason = format!("a request has at most 400 bytes, this one has {}", text.len());
        return Err(Fault::new(format!("{} is not a package request", quote(text))).reason(reason));
    }
    let (left, version) = version_part(text)?;
    let slash_is_suite = base != Some(Base::Gentoo);
    let (name_part, suite) = match left.split_once('/') {
        Some((name, suite)) if slash_is_suite => (name, Some(suite)),
        _ => (left, None),
    };
    if name_part.is_empty() && suite.is_some() {
        return Err(Fault::not_a(text, "package request").reason("there is no name before `/`"));
    }
    name(name_part, base).map_err(|fault| with_syntax(fault, text))?;
    if let (Some(suite), Some(shape)) = (suite, find("release")) {
        let start = name_part.len() + 1;
        shape.check(suite).map_err(|fault| shifted(fault, start))?;
    }
    Ok(Parts { name: name_part.to_owned(), version, suite: suite.map(str::to_owned) })
}

fn version_part(text: &str) -> Result<(&str, Option<VersionRequest>), Fault> {
    if let Some((left, right)) = text.split_once('(') {
        let Some(inner) = right.strip_suffix(')') else {
            return Err(Fault::not_a(text, "package request").reason("the bracket is not closed at the end"));
        };
        let version = split_relation(inner).map_err(|fault| shifted(fault, left.len() + 1))?;
        return Ok((left.trim_end_matches(' '), Some(version)));
    }
    if let Some((left, right)) = text.split_once('=') {
        let version = split_relation(right).map_err(|fault| shifted(fault, left.len() + 1))?;
        if left.ends_with(['<', '>']) {
            let hint = format!(
                "write `{} ({}= {right})`",
                left.trim_end_matches(['<', '>', ' ']),
                &left[left.len() - 1..]
            );
            return Err(Fault::not_a(text, "package request")
                .reason("a relation stands in brackets")
                .hint(hint));
        }
        return Ok((left, Some(version)));
    }
    Ok((text, None))
}

/// Takes `>= 1.2` apart; a version alone means exactly that one.
pub(crate) fn split_relation(text: &str) -> Result<VersionRequest, Fault> {
    let text = text.trim_matches(' ');
    let operator = text.len() - text.trim_start_matches(['<', '>', '=']).len();
    let relation = match &text[..operator] {
        "" | "=" => Relation::Equal,
        ">=" => Relation::LaterOrEqual,
        "<=" => Relation::EarlierOrEqual,
        ">>" => Relation::Later,
        "<<" => Relation::Earlier,
        other => {
            let fault = Fault::new(format!("{} is not a relation between versions", quote(other)));
            let doubled = format!("`{other}{other}` means strictly, `{other}=` includes the version");
            let hint =
                if other.len() == 1 { doubled } else { "use one of `<<`, `<=`, `=`, `>=`, `>>`".to_owned() };
            return Err(fault.hint(hint).at(0..operator));
        }
    };
    let version = text[operator..].trim_start_matches(' ');
    let shape = find("version").ok_or_else(|| Fault::new("there is no rule for versions"))?;
    shape.check(version)?;
    Ok(VersionRequest { relation, version: version.to_owned() })
}

fn with_syntax(fault: Fault, text: &str) -> Fault {
    let operator = text.contains([' ', '<', '>', '~', ':', ',', '|']);
    let hint = "a package is `name`, `name=version`, `name (>= version)` or `name/suite`";
    if operator { Fault { hint: Some(hint.to_owned()), ..fault } } else { fault }
}

fn shifted(mut fault: Fault, by: usize) -> Fault {
    fault.at = fault.at.map(|at| at.start + by..at.end + by);
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Option<String>, Option<String>) {
        let parts = parse_request(text, Some(Base::Debian)).unwrap();
        let version = parts.version.map(|v| format!("{} {}", v.relation.operator(), v.version));
        (parts.name, version, parts.suite)
    }

    #[test]
    fn requests_are_taken_apart() {
        let owned = |s: &str| Some(s.to_owned());
        assert_eq!(parts("bash"), ("bash".to_owned(), None, None));
        assert_eq!(parts("bash=5.2-1+b2"), ("bash".to_owned(), owned("= 5.2-1+b2"), None));
        assert_eq!(parts("g++ (>= 4:12)"), ("g++".to_owned(), owned(">= 4:12"), None));
        assert_eq!(parts("zfs/trixie-backports"), ("zfs".to_owned(), None, owned("trixie-backports")));
        assert_eq!(parts("a1/sid (<< 2~)"), ("a1".to_owned(), owned("<< 2~"), owned("sid")));
    }

    #[test]
    fn pins_take_patterns() {
        for good in ["*", "bash", "src:linux", "linux-*", "lib?pp*", "*-dev"] {
            assert!(pin(good, Some(Base::Debian)).is_ok(), "{good}");
        }
        for bad in ["", "src:", "src:li*", "a b*", "/x/", "[a]*", "foo:any", "Pin*\n"] {
            assert!(pin(bad, Some(Base::Debian)).is_err(), "{bad}");
        }
    }

    #[test]
    fn wrong_relations_are_explained() {
        let fault = parse_request("bash (> 5)", None).unwrap_err();
        assert_eq!(fault.hint.as_deref(), Some("`>>` means strictly, `>=` includes the version"));
        let fault = parse_request("bash>=5", None).unwrap_err();
        assert_eq!(fault.hint.as_deref(), Some("write `bash (>= 5)`"));
    }

    #[test]
    fn families_have_their_own_names() {
        assert!(name("app-editors/vim", Some(Base::Gentoo)).is_ok());
        assert!(name("app-editors/vim", Some(Base::Debian)).is_err());
        assert!(name("PackageKit", Some(Base::Fedora)).is_ok());
        assert!(name("PackageKit", Some(Base::Debian)).is_err());
        assert!(name("@core", Some(Base::Fedora)).is_ok());
        assert!(name("libstdc++", Some(Base::Debian)).is_ok());
    }

    #[test]
    fn acceptances_are_for_all_or_for_one() {
        for good in ["amd64", "~amd64", "*", "~*", "**", "dev-lang/zig ~amd64", "a/b **"] {
            assert!(keyword(good).is_ok(), "{good}");
        }
        for bad in ["", "~", "amd64 x", "zig ~amd64", "a/b", "a/b ~amd64 **", "-amd64", "a/b  **"] {
            assert!(keyword(bad).is_err(), "{bad}");
        }
        for good in ["*", "unRAR", "@EULA", "app-arch/unrar unRAR", "GPL-2+-with-font-exception"] {
            assert!(license(good).is_ok(), "{good}");
        }
        for bad in ["", "@", "-MIT", "unrar unRAR", "a/b @", "a b", "MIT\nX"] {
            assert!(license(bad).is_err(), "{bad}");
        }
    }
}
