//! Files of local mirrors: `file:` and `copy:` URLs.

use std::{fs::File, path::PathBuf};

use crate::TransferError;

/// The path that a local URL names, or `None` for any other URL.
pub(crate) fn path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("file:").or_else(|| url.strip_prefix("copy:"))?;
    let rest = rest.strip_prefix("//localhost").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
    rest.starts_with('/').then(|| PathBuf::from(decode(rest)))
}

/// Opens the file of a local URL and tells its length.
pub(crate) fn open(url: &str) -> Option<Result<(File, u64), TransferError>> {
    let path = path(url)?;
    let failed = |source| TransferError::Local { path: path.display().to_string(), source };
    let opened = File::open(&path).and_then(|file| {
        let metadata = file.metadata()?;
        // A directory or a pipe in the place of a file would block or give nonsense.
        if metadata.is_file() {
            Ok((file, metadata.len()))
        } else {
            Err(std::io::ErrorKind::InvalidInput.into())
        }
    });
    Some(opened.map_err(failed))
}

/// Resolves percent escapes; what is not a proper escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| tail.get(..2)).flatten();
        let value = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(value.unwrap_or(first));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_urls_become_paths() {
        for (url, expected) in [
            ("file:///srv/debian", Some("/srv/debian")),
            ("file:/srv/debian", Some("/srv/debian")),
            ("file://localhost/srv", Some("/srv")),
            ("copy:/srv/a%20b", Some("/srv/a b")),
            ("copy:/srv/100%", Some("/srv/100%")),
            ("file:relative", None),
            ("http://a/x", None),
        ] {
            assert_eq!(path(url), expected.map(PathBuf::from), "{url}");
        }
    }
}
