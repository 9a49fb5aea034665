//! Names of entries: one spelling for each, or a refusal.

use super::error::TarError;

/// Longest name in bytes (`PATH_MAX`).
const MAX_NAME: usize = 4096;
/// Longest component in bytes (`NAME_MAX`).
const MAX_COMPONENT: usize = 255;

/// `name` for a message: escaped and cut.
pub(super) fn shown(name: &[u8]) -> String {
    let cut = &name[..name.len().min(200)];
    let dots = if cut.len() < name.len() { "..." } else { "" };
    format!("{}{dots}", cut.escape_ascii())
}

/// Removes `.` components, repeated and closing slashes. The root itself becomes the empty name.
pub(crate) fn normalise(name: &[u8]) -> Result<Vec<u8>, TarError> {
    let bad = |reason| TarError::BadName { path: shown(name), reason };
    if name.is_empty() {
        return Err(bad("it is empty"));
    }
    if name.len() > MAX_NAME {
        return Err(bad("it is longer than 4096 bytes"));
    }
    if name[0] == b'/' {
        return Err(TarError::Absolute { path: shown(name) });
    }
    if name.iter().any(|byte| matches!(byte, 0 | b'\n')) {
        return Err(bad("it has a NUL or a newline"));
    }
    let mut result = Vec::with_capacity(name.len());
    for component in name.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return Err(TarError::ParentComponent { path: shown(name) }),
            _ if component.len() > MAX_COMPONENT => return Err(bad("a component is longer than 255 bytes")),
            _ => {
                if !result.is_empty() {
                    result.push(b'/');
                }
                result.extend_from_slice(component);
            }
        }
    }
    Ok(result)
}

/// Checks the target of a symlink, which may point anywhere: the kernel resolves it below the root of the tree.
pub(super) fn check_target(path: &[u8], target: &[u8]) -> Result<(), TarError> {
    let bad = |reason| TarError::BadName { path: shown(path), reason };
    if target.is_empty() {
        return Err(bad("its symlink target is empty"));
    }
    if target.len() >= MAX_NAME {
        return Err(bad("its symlink target is longer than 4095 bytes"));
    }
    if target.contains(&0) {
        return Err(bad("its symlink target has a NUL"));
    }
    Ok(())
}
