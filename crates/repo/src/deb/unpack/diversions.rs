//! `/var/lib/dpkg/diversions`: files of other packages that go elsewhere.

use std::collections::HashMap;

/// All diversions of a tree, by the path that is diverted, without leading `/`.
#[derive(Debug, Default)]
pub(super) struct Diversions {
    entries: HashMap<Vec<u8>, (Vec<u8>, String)>,
}

impl Diversions {
    /// Reads the file: three lines for each diversion, from, to and package, `:` being the administrator.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut entries = HashMap::new();
        while let Some(from) = lines.next() {
            let (Some(to), Some(package)) = (lines.next(), lines.next()) else {
                return Err("its last diversion is incomplete".to_owned());
            };
            let (Some(from), Some(to)) = (from.strip_prefix(b"/"), to.strip_prefix(b"/")) else {
                return Err(format!("`{}` is not an absolute path", from.escape_ascii()));
            };
            entries.insert(from.to_vec(), (to.to_vec(), String::from_utf8_lossy(package).into_owned()));
        }
        Ok(Self { entries })
    }

    /// All diversions: from, to and the package whose files stay where they are.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8], &str)> {
        self.entries.iter().map(|(from, (to, package))| (&**from, &**to, &**package))
    }

    /// Whether `path` is diverted by one of two packages, so that both may ship it.
    pub fn separates(&self, path: &[u8], one: &str, other: &str) -> bool {
        self.entries.get(path).is_some_and(|(_, package)| package == one || package == other)
    }

    /// Where `package` has to put `path`, when a diversion of another package says so.
    pub fn redirect(&self, path: &[u8], package: &str) -> Option<&[u8]> {
        let (to, owner) = self.entries.get(path)?;
        (owner != package).then_some(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diversion_moves_the_files_of_all_others() {
        let text = b"/usr/bin/sh\n/usr/bin/sh.distrib\ndash\n/etc/x\n/etc/x.local\n:\n";
        let diversions = Diversions::parse(text).unwrap();
        assert_eq!(diversions.redirect(b"usr/bin/sh", "bash"), Some(&b"usr/bin/sh.distrib"[..]));
        assert_eq!(diversions.redirect(b"usr/bin/sh", "dash"), None);
        assert_eq!(diversions.redirect(b"etc/x", "dash"), Some(&b"etc/x.local"[..]));
        assert_eq!(diversions.redirect(b"etc/y", "dash"), None);
        assert!(diversions.separates(b"usr/bin/sh", "bash", "dash"));
        assert!(!diversions.separates(b"usr/bin/sh", "bash", "zsh"));
        assert!(Diversions::parse(b"/a\n/b\n").is_err());
        assert!(Diversions::parse(b"a\n/b\nc\n").is_err());
    }
}
