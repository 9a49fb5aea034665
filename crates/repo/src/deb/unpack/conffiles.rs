//! The control member `conffiles`.

use super::status::Conffile;
use crate::deb::archive::ArchiveError;

/// What dpkg writes instead of a digest before a conffile is configured.
pub(super) const NEW: &str = "newconffile";

/// Reads the list, in its order.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Conffile>, ArchiveError> {
    let malformed = |reason: String| ArchiveError::Malformed { member: "conffiles", reason };
    let text = std::str::from_utf8(text).map_err(|_| malformed("it is not UTF-8".to_owned()))?;
    let mut conffiles = Vec::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let (flag, path) =
            if line.starts_with('/') { ("", line) } else { line.split_once(' ').unwrap_or((line, "")) };
        if !path.starts_with('/') || !matches!(flag, "" | "remove-on-upgrade") {
            return Err(malformed(format!("bad line `{}`", line.escape_debug())));
        }
        conffiles.push(Conffile {
            path: path.to_owned(),
            digest: NEW.to_owned(),
            obsolete: false,
            remove_on_upgrade: !flag.is_empty(),
        });
    }
    Ok(conffiles)
}
