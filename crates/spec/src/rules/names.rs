//! Names of hosts, accounts, services and archives.

use super::shape::{characters, describe};
use super::{Fault, Verdict};
use crate::report::acts;

/// Name of a spec: it becomes a directory and the stem of file names.
pub(super) fn spec_name(text: &str) -> Verdict {
    characters(text, "spec name", "a-z0-9", "a-z0-9._-", 64)?;
    no_dots(text, "spec name")
}

/// A host name or domain of at most `max` characters (RFC 1123; Linux allows 64 for its own name).
pub(super) fn hostname(text: &str, max: usize) -> Verdict {
    let noun = if max == 64 { "host name" } else { "domain name" };
    characters(text, noun, "A-Za-z0-9", "A-Za-z0-9.-", max)?;
    for label in text.split('.') {
        if label.is_empty() {
            return Err(Fault::not_a(text, noun).reason("two dots must have a label between them"));
        }
        if label.len() > 63 {
            return Err(Fault::not_a(text, noun).reason("a label between dots has at most 63 characters"));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(Fault::not_a(text, noun).reason("a label must not start or end with `-`"));
        }
    }
    if text.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(
            Fault::not_a(text, noun).reason("a name whose last label is a number reads as an address")
        );
    }
    Ok(())
}

/// A user or group as owner of a file: a name or a number.
pub(super) fn owner(text: &str) -> Verdict {
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        let fits = text.parse::<u32>().is_ok_and(|id| id < 65_536);
        let fault = || Fault::not_a(text, "user or group id").reason("ids in an image are below 65536");
        return if fits { Ok(()) } else { Err(fault()) };
    }
    characters(text, "user or group name", "a-z_", "a-z0-9_-", 32)
}

/// The remark field of an account: text without field separators.
pub(super) fn gecos(text: &str) -> Verdict {
    if text.chars().count() > 128 {
        return Err(Fault::new("the remark of an account has at most 128 characters"));
    }
    let bad = text.char_indices().find(|&(_, c)| acts(c) || c == ':');
    match bad {
        Some((at, c)) => {
            let reason = format!("it is a field of the account file and must not contain {}", describe(c));
            Err(Fault::not_a(text, "remark for an account").reason(reason).at(at..at + c.len_utf8()))
        }
        None => Ok(()),
    }
}

/// A unit of the init system, with or without suffix.
pub(super) fn service(text: &str) -> Verdict {
    characters(text, "service name", "A-Za-z0-9", "A-Za-z0-9@_.-", 200)?;
    no_dots(text, "service name")?;
    if text.matches('@').count() > 1 {
        return Err(Fault::not_a(text, "service name").reason("a name has at most one `@`"));
    }
    if text.ends_with('@') || text.ends_with("@.service") {
        let hint = format!("name an instance, for example `{}tty1`", text.trim_end_matches(".service"));
        return Err(Fault::not_a(text, "service name").reason("this is a template").hint(hint));
    }
    Ok(())
}

/// A suite or component: path segments of an archive.
pub(super) fn archive_path(text: &str, noun: &str) -> Verdict {
    characters(text, noun, "a-z0-9", "a-z0-9._/-", 64)?;
    no_dots(text, noun)?;
    if text.contains("//") || text.ends_with('/') {
        return Err(Fault::not_a(text, noun).reason("every `/` stands between two names"));
    }
    Ok(())
}

/// A suite, or a directory of an archive without suites: `./`, `/` or `stable/amd64/`.
pub(super) fn source_suite(text: &str) -> Verdict {
    match text.strip_suffix('/') {
        Some("" | ".") => Ok(()),
        Some(directory) => archive_path(directory, "suite"),
        None => archive_path(text, "suite"),
    }
}

/// `..` must not reach a file name.
fn no_dots(text: &str, noun: &str) -> Verdict {
    match text.find("..") {
        Some(at) => Err(Fault::not_a(text, noun).reason("`..` is not allowed in a name").at(at..at + 2)),
        None => Ok(()),
    }
}
