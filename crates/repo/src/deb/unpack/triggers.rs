//! The control member `triggers`, and dpkg's lists of who is interested in what.

use crate::deb::archive::ArchiveError;

/// A line of a `triggers` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    /// `interest`, otherwise `activate`.
    pub interest: bool,
    /// The activating package waits until the trigger has run.
    pub wait: bool,
    /// Name of the trigger; a path when it starts with `/`.
    pub trigger: String,
}

/// Reads the directives, in their order.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Directive>, ArchiveError> {
    let malformed = |line: &str| ArchiveError::Malformed {
        member: "triggers",
        reason: format!("bad line `{}`", line.escape_debug()),
    };
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (verb, trigger) = line.split_once([' ', '\t']).ok_or_else(|| malformed(line))?;
            let trigger = trigger.trim();
            let (verb, wait) = verb.strip_suffix("-noawait").map_or((verb, true), |verb| (verb, false));
            let interest = match verb.strip_suffix("-await").unwrap_or(verb) {
                "interest" => true,
                "activate" => false,
                _ => return Err(malformed(line)),
            };
            if !is_trigger(trigger) {
                return Err(malformed(line));
            }
            Ok(Directive { interest, wait, trigger: trigger.to_owned() })
        })
        .collect()
}

/// Whether a name can be a trigger: a path, or a name that is safe as a file name in the triggers directory.
fn is_trigger(name: &str) -> bool {
    let graphic = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    let file = !name.contains('/') && !name.starts_with('.') && !matches!(name, "File" | "Lock" | "Unincorp");
    graphic && (name.starts_with('/') || file)
}

/// An entry of a list of interests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interest {
    /// The path for file triggers, empty in the list of a named trigger.
    pub path: String,
    /// Interested package, `NAME` or `NAME:ARCH`.
    pub package: String,
    /// Activating packages wait.
    pub wait: bool,
}

impl Interest {
    /// Reads a line of `triggers/File` (`PATH PACKAGE[/noawait]`) or of `triggers/NAME` (`PACKAGE[/noawait]`).
    pub fn parse(line: &str) -> Self {
        let (path, package) = line.split_once(' ').unwrap_or(("", line));
        let (package, wait) = package.strip_suffix("/noawait").map_or((package, true), |name| (name, false));
        Self { path: path.to_owned(), package: package.to_owned(), wait }
    }

    /// The line, with its line break.
    pub fn line(&self) -> String {
        let space = if self.path.is_empty() { "" } else { " " };
        let option = if self.wait { "" } else { "/noawait" };
        format!("{}{space}{}{option}\n", self.path, self.package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_of_all_kinds() {
        let text = b"# remark\n\ninterest a\ninterest-await b\n interest-noawait /usr/share/c\nactivate\td\nactivate-noawait e \n";
        let read: Vec<_> =
            parse(text).unwrap().into_iter().map(|d| (d.interest, d.wait, d.trigger)).collect();
        let expected = [
            (true, true, "a"),
            (true, true, "b"),
            (true, false, "/usr/share/c"),
            (false, true, "d"),
            (false, false, "e"),
        ];
        assert_eq!(read, expected.map(|(interest, wait, name)| (interest, wait, name.to_owned())));
        for bad in ["interest", "watch a", "interest a/b", "interest ../x", "activate File", "interest a b"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn interests_round_trip() {
        for line in [
            "/usr/share/man man-db/noawait\n",
            "/etc/sgml sgml-base\n",
            "libc-bin\n",
            "libgtk:amd64/noawait\n",
        ] {
            assert_eq!(Interest::parse(line.trim_end()).line(), line);
        }
    }
}
