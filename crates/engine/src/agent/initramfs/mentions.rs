//! What a shell script refers to: commands by name, files by path, by pattern, or by a path that ends in a variable.
//!
//! The text is not parsed as shell. Everything that looks like a reference counts as one, so that reading too much is
//! the only mistake that can be made: it costs time, never correctness.

use std::collections::BTreeSet;
use std::path::Path;

/// What scripts refer to.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// Words that can be commands, or values of variables.
    words: BTreeSet<String>,
    /// Names of variables; a word of the same name is taken for the variable.
    variables: BTreeSet<String>,
    /// Absolute paths, with the `usr` that a merged system has.
    paths: BTreeSet<String>,
    /// Absolute paths with `*`, which stands for any part of one name.
    patterns: BTreeSet<String>,
    /// Directories whose files are named by a variable.
    indirect: BTreeSet<String>,
}

/// Directories at this depth and above hold too much to be meant as a whole.
const SHALLOW: usize = 2;

/// Where commands are. Scripts name them one by one; a pattern over all of them sorts paths into kinds.
const COMMANDS: [&str; 4] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// Directories that the generator's own hooks copy single files into, and name as the place to copy to.
const DESTINATIONS: [&str; 2] = ["/usr/lib/systemd", "/usr/lib/udev"];

impl Mentions {
    /// Reads one script.
    pub(super) fn read(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "._+-/*?${}@".contains(c);
            line.split(|c: char| !is_part(c))
                .filter(|token| !token.is_empty())
                .for_each(|token| self.token(token));
        }
    }

    fn token(&mut self, token: &str) {
        for name in token.split('$').skip(1) {
            let name = name.trim_start_matches('{');
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            self.variables.insert(name[..end].to_owned());
        }
        match token.split_once('/') {
            // `DESTDIR` is where the generator writes (see initramfs-tools(7)); what another variable stands for was
            // written as a path somewhere else.
            Some((before, _)) if before.contains('$') => {}
            Some((before, _)) => self.path(&token[before.len()..]),
            None if !token.contains('$') => {
                self.words.insert(token.trim_matches(|c| "{}*?".contains(c)).to_owned());
            }
            None => {}
        }
    }

    fn path(&mut self, path: &str) {
        let path = merged(path.trim_end_matches('/'));
        match path.find('$') {
            Some(at) => {
                let directory = path[..at].rsplit_once('/').map_or("", |(directory, _)| directory);
                self.indirect.insert(directory.to_owned());
            }
            None if COMMANDS.iter().any(|commands| path.strip_prefix(commands) == Some("/*")) => {}
            None if path.contains(['*', '?']) => {
                self.patterns.insert(path.replace('?', "*"));
            }
            None => {
                self.paths.insert(path);
            }
        }
    }

    /// Whether a file of the system is referred to.
    pub(super) fn file(&self, path: &str) -> bool {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let command = COMMANDS.contains(&directory);
        self.paths.contains(path)
            || ((command || self.indirect.contains(directory)) && self.word(name))
            || self.patterns.iter().any(|pattern| matches(pattern, path))
    }

    fn word(&self, name: &str) -> bool {
        self.words.contains(name) && !self.variables.contains(name)
    }

    /// Whether a directory is referred to with everything in it.
    pub(super) fn directory(&self, path: &str) -> bool {
        path.matches('/').count() > SHALLOW && self.paths.contains(path) && !DESTINATIONS.contains(&path)
    }
}

/// The path on a system whose `/bin`, `/lib` and `/sbin` are links into `/usr`.
fn merged(path: &str) -> String {
    let old = ["/bin/", "/lib/", "/lib64/", "/sbin/"].iter().any(|prefix| path.starts_with(prefix));
    if old { format!("/usr{path}") } else { path.to_owned() }
}

/// Whether a path matches a pattern, name by name.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) if name_matches(pattern, name) => {}
            _ => return false,
        }
    }
}

fn name_matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The path as text; names that are not UTF-8 are nobody's to mention.
pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: &str = r#"
# /etc/comment is not read
copy_exec /sbin/blkid
copy_exec /usr/bin/udevadm /usr/lib/udev
case "$path" in (/sbin/*) ;; esac
copy_exec "${wanted}" /bin
cp -p /etc/udev/udev.conf "$DESTDIR/etc/udev/"
find -L /etc/systemd/network -name '*.link*'
for rules in 60-block.rules 80-drivers.rules; do
  [ -e /usr/lib/udev/rules.d/$rules ] && cp "/usr/lib/udev/rules.d/${rules}" x
done
for FILE in /lib/udev/*_id; do copy_exec "$FILE"; done
rm -rf "${DESTDIR}/lib/copied/"*
local devlink; echo "$devlink"; date +%s; cat /proc/uptime
"#;

    #[test]
    fn references_are_found_by_name_path_pattern_and_variable() {
        let mut mentions = Mentions::default();
        mentions.read(HOOK);
        for path in [
            "/usr/sbin/blkid",
            "/etc/udev/udev.conf",
            "/usr/lib/udev/rules.d/60-block.rules",
            "/usr/lib/udev/cdrom_id",
            "/usr/bin/date",
            "/usr/bin/cat",
        ] {
            assert!(mentions.file(path), "{path}");
        }
        assert!(mentions.directory("/etc/systemd/network"));
    }

    #[test]
    fn what_only_looks_alike_is_left_alone() {
        let mut mentions = Mentions::default();
        mentions.read(HOOK);
        for path in [
            "/etc/comment",
            "/usr/sbin/devlink",
            "/usr/bin/uptime",
            "/usr/lib/udev/rules.d/96-other.rules",
            "/usr/lib/udev/ifupdown-hotplug",
            "/etc/ssl/date",
            "/usr/lib/copied/here",
            "/usr/sbin/fdisk",
        ] {
            assert!(!mentions.file(path), "{path}");
        }
        assert!(!mentions.directory("/etc") && !mentions.directory("/usr/lib/udev"));
    }
}
