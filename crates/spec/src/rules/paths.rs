//! Paths in the system and beside the spec, and file modes.

use super::shape::describe;
use super::{Fault, Verdict};
use crate::report::acts;

/// Directories that are not part of an image: the kernel or the boot fills them.
const VOLATILE: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// An absolute path in normal form.
pub(super) fn absolute(text: &str) -> Verdict {
    if !text.starts_with('/') {
        return Err(Fault::not_a(text, "absolute path").hint(format!("write `/{text}`")));
    }
    if text == "/" {
        return Err(Fault::new("`/` is a directory, not a path to something in it"));
    }
    components(text, &text[1..])
}

/// The path of an overlay file.
pub(super) fn overlay(text: &str) -> Verdict {
    absolute(text)?;
    let volatile = VOLATILE
        .iter()
        .find(|top| text.strip_prefix(**top).is_some_and(|r| r.is_empty() || r.starts_with('/')));
    if let Some(top) = volatile {
        let reason = format!("`{top}` is filled by the kernel or at boot and is not part of an image");
        return Err(Fault::not_a(text, "path of an image").reason(reason).at(0..top.len()));
    }
    Ok(())
}

/// A path beside the spec.
pub(super) fn source(text: &str) -> Verdict {
    if text.is_empty() {
        return Err(Fault::new("the path of a source must not be empty"));
    }
    if text.starts_with('/') {
        let reason = "a spec may only read files beside it";
        return Err(Fault::not_a(text, "relative path")
            .reason(reason)
            .hint("give a path relative to the spec"));
    }
    components(text, text)
}

/// A mount point or `swap`.
pub(super) fn mount_point(text: &str) -> Verdict {
    if matches!(text, "swap" | "/") { Ok(()) } else { absolute(text) }
}

/// Permissions in octal.
pub(super) fn mode(text: &str) -> Verdict {
    parse_mode(text).map(|_| ())
}

/// Reads permissions in octal, with or without a leading zero.
pub(crate) fn parse_mode(text: &str) -> Result<u32, Fault> {
    let octal = (3..=5).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let mode = octal.then(|| u32::from_str_radix(text, 8).ok()).flatten().filter(|&mode| mode <= 0o7777);
    mode.ok_or_else(|| {
        Fault::not_a(text, "file mode").hint("write octal digits in quotes, for example `\"0644\"`")
    })
}

fn components(text: &str, relative: &str) -> Verdict {
    let fault = || Fault::not_a(text, "path in normal form");
    if text.len() > 4095 {
        return Err(fault().reason("a path has at most 4095 bytes"));
    }
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| acts(c)) {
        let reason = format!("it must not contain {}", describe(c));
        return Err(fault().reason(reason).at(at..at + c.len_utf8()));
    }
    if relative.ends_with('/') {
        let hint = format!("write `{}`", text.trim_end_matches('/'));
        return Err(fault().reason("it ends with `/`, so it names a directory").hint(hint));
    }
    for component in relative.split('/') {
        let reason = match component {
            "" => "it has two `/` in a row",
            "." => "it contains the component `.`",
            ".." => "it contains the component `..`, which could lead out of the tree",
            _ if component.len() > 255 => "a component has at most 255 bytes",
            _ => continue,
        };
        return Err(fault().reason(reason));
    }
    Ok(())
}
