//! What is installed in a tree: one directory below `var/db/pkg` for each package, with one file for each variable, as in a
//! stage archive.

use super::name::{is_slot, split_cpv};

/// Bytes of one file that is read here; the longest is `IUSE_EFFECTIVE` with about 3,000.
const MAX_FILE: usize = 1 << 20;

/// Why the directory of a package cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstalledError {
    /// Its name is no category, package and version.
    #[error("`{0}` is not the name of an installed package")]
    Name(String),
    /// A file is missing, not text, or not what it must be.
    #[error("`{package}` has no usable file `{file}`")]
    File {
        /// The package.
        package: String,
        /// The file.
        file: &'static str,
    },
}

/// One installed package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// `category/package`.
    pub key: String,
    /// Version with revision.
    pub version: String,
    /// Slot.
    pub slot: String,
    /// Sub-slot; the slot when none is named.
    pub sub_slot: String,
    /// The ebuild repository that it was built from.
    pub repository: String,
    /// Flags that were on.
    pub on: Vec<String>,
    /// Flags that it knows, on or off.
    pub known: Vec<String>,
}

impl Installed {
    /// Reads the package of the directory `cpv` (`sys-apps/sed-4.9`); `file` gives the content of a file in it.
    pub fn read(cpv: &str, file: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Result<Self, InstalledError> {
        let shown = || cpv.chars().take(200).collect::<String>().escape_debug().to_string();
        let (key, version) = split_cpv(cpv).ok_or_else(|| InstalledError::Name(shown()))?;
        let bad = |file| InstalledError::File { package: shown(), file };
        let mut text = |name: &'static str| match file(name) {
            None => Ok(String::new()),
            Some(bytes) if bytes.len() > MAX_FILE => Err(bad(name)),
            Some(bytes) => String::from_utf8(bytes).map_err(|_| bad(name)),
        };
        let slots = text("SLOT")?;
        let slots = slots.trim_ascii();
        let (slot, sub_slot) = slots.split_once('/').unwrap_or((slots, slots));
        if !is_slot(slot) || !is_slot(sub_slot) {
            return Err(bad("SLOT"));
        }
        let words = |text: String| -> Vec<String> {
            text.split_ascii_whitespace().map(|flag| flag.trim_start_matches(['+', '-']).to_owned()).collect()
        };
        let on = words(text("USE")?);
        let mut known = words(text("IUSE_EFFECTIVE")?);
        if known.is_empty() {
            known = words(text("IUSE")?);
        }
        Ok(Self {
            key: key.to_owned(),
            version: version.to_owned(),
            slot: slot.to_owned(),
            sub_slot: sub_slot.to_owned(),
            repository: text("repository")?.trim_ascii().to_owned(),
            on,
            known,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Installed, InstalledError};

    #[test]
    fn one_file_for_each_variable() {
        let read = |cpv: &str, slot: &str| {
            let files =
                [("SLOT", slot), ("USE", "amd64 nls\n"), ("IUSE", "+nls acl\n"), ("repository", "gentoo\n")];
            Installed::read(cpv, &mut |name| {
                files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.as_bytes().to_vec())
            })
        };
        let sed = read("sys-apps/sed-4.9-r1", "0/1\n").expect("a package");
        assert_eq!((sed.key.as_str(), sed.version.as_str()), ("sys-apps/sed", "4.9-r1"));
        assert_eq!((sed.slot.as_str(), sed.sub_slot.as_str(), sed.repository.as_str()), ("0", "1", "gentoo"));
        assert_eq!((sed.on.join(" "), sed.known.join(" ")), ("amd64 nls".to_owned(), "nls acl".to_owned()));
        assert_eq!(read("sys-apps/sed", "0"), Err(InstalledError::Name("sys-apps/sed".to_owned())));
        let bad = InstalledError::File { package: "a/b-1".to_owned(), file: "SLOT" };
        assert_eq!(read("a/b-1", "../x"), Err(bad.clone()));
        assert_eq!(Installed::read("a/b-1", &mut |_| None), Err(bad.clone()));
        assert_eq!(Installed::read("a/b-1", &mut |_| Some(vec![0xff])), Err(bad));
    }
}
