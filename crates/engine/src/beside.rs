//! Files that a spec names beside itself.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use lbuild_spec::Blueprint;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::error::BuildError;

/// Largest overlay file that is read from beside the spec, in bytes.
const FILE_CAP: u64 = 1 << 30;

/// Largest key of a package source, in bytes.
const KEY_CAP: u64 = 1 << 20;

/// Reads the keys of package sources that the spec names as files, so that the blueprint says which keys they are.
pub fn embed_keys(blueprint: &mut Blueprint, spec_dir: &Path) -> Result<(), BuildError> {
    blueprint.embed_keys(|source, path| {
        key(spec_dir, path).map_err(|error| BuildError::SpecFile {
            path: spec_dir.join(path),
            pointer: format!("signedByFile of source {}", source.value.name),
            source: error,
        })
    })
}

fn key(spec_dir: &Path, path: &str) -> io::Result<String> {
    let mut text = String::new();
    open(spec_dir, path)?.take(KEY_CAP + 1).read_to_string(&mut text)?;
    if text.len() as u64 > KEY_CAP {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let armored = text.trim_start().starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----");
    if !armored {
        return Err(io::Error::other("not an armored public key; `gpg --armor --export` makes one"));
    }
    Ok(text)
}

/// Opens a file below the directory of the spec, and nothing that a link in its path leads away to.
pub(crate) fn open(spec_dir: &Path, path: &str) -> io::Result<File> {
    let directory = if spec_dir.as_os_str().is_empty() { Path::new(".") } else { spec_dir };
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(openat2(File::open(directory)?, path, flags, Mode::empty(), how)?);
    match file.metadata()? {
        metadata if !metadata.is_file() => Err(io::Error::other("not a regular file")),
        metadata if metadata.len() > FILE_CAP => Err(io::ErrorKind::FileTooLarge.into()),
        _ => Ok(file),
    }
}
