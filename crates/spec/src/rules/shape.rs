//! Formats that are one first character and many following ones.

use super::{Fault, Verdict};

/// A set of ASCII characters for the first and the following places, and a length.
pub(super) struct Shape {
    /// What a text of this shape is called.
    noun: &'static str,
    /// Characters that may come first, in the notation of a regular expression.
    first: &'static str,
    /// Characters that may follow.
    rest: &'static str,
    /// Longest text in characters.
    max: usize,
    /// The same as a regular expression, for the published schema.
    pattern: &'static str,
}

/// Every format of this kind.
const SHAPES: &[(&str, Shape)] = &[
    (
        "word",
        Shape {
            noun: "plain name",
            first: "A-Za-z0-9",
            rest: "A-Za-z0-9._+-",
            max: 64,
            pattern: "^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$",
        },
    ),
    (
        "release",
        Shape {
            noun: "release or suite name",
            first: "a-z0-9",
            rest: "a-z0-9._-",
            max: 64,
            pattern: "^[a-z0-9][a-z0-9._-]{0,63}$",
        },
    ),
    (
        "version",
        Shape {
            noun: "version",
            first: "A-Za-z0-9",
            rest: "A-Za-z0-9.+~:_-",
            max: 128,
            pattern: "^[A-Za-z0-9][A-Za-z0-9.+~:_-]{0,127}$",
        },
    ),
    (
        "version-pattern",
        Shape {
            noun: "version pattern",
            first: "A-Za-z0-9*",
            rest: "A-Za-z0-9.+~:_*-",
            max: 128,
            pattern: "^[A-Za-z0-9*][A-Za-z0-9.+~:_*-]{0,127}$",
        },
    ),
    (
        "user-name",
        Shape {
            noun: "user name",
            first: "a-z_",
            rest: "a-z0-9_-",
            max: 32,
            pattern: "^[a-z_][a-z0-9_-]{0,31}$",
        },
    ),
    (
        "group-name",
        Shape {
            noun: "group name",
            first: "a-z_",
            rest: "a-z0-9_-",
            max: 32,
            pattern: "^[a-z_][a-z0-9_-]{0,31}$",
        },
    ),
    (
        "keyboard",
        Shape {
            noun: "XKB name",
            first: "A-Za-z0-9_,",
            rest: "A-Za-z0-9_,-",
            max: 64,
            pattern: "^[A-Za-z0-9_,][A-Za-z0-9_,-]{0,63}$",
        },
    ),
    (
        "keyboard-option",
        Shape {
            noun: "XKB option",
            first: "A-Za-z0-9",
            rest: "A-Za-z0-9_:-",
            max: 64,
            pattern: "^[A-Za-z0-9][A-Za-z0-9_:-]{0,63}$",
        },
    ),
    (
        "kernel-module",
        Shape {
            noun: "kernel module name",
            first: "A-Za-z0-9",
            rest: "A-Za-z0-9_-",
            max: 64,
            pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        },
    ),
    (
        "sysctl-name",
        Shape {
            noun: "sysctl name",
            first: "a-z0-9",
            rest: "A-Za-z0-9_.-",
            max: 128,
            pattern: "^[a-z0-9][A-Za-z0-9_.-]{0,127}$",
        },
    ),
    (
        "sysctl-value",
        Shape {
            noun: "sysctl value",
            first: "A-Za-z0-9|/.-",
            rest: "A-Za-z0-9 _.,:/|%=+-",
            max: 256,
            pattern: "^[A-Za-z0-9|/.-][A-Za-z0-9 _.,:/|%=+-]{0,255}$",
        },
    ),
    (
        "label",
        Shape {
            noun: "file system label",
            first: "A-Za-z0-9_",
            rest: "A-Za-z0-9_.-",
            max: 11,
            pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}$",
        },
    ),
    (
        "mount-option",
        Shape {
            noun: "mount option",
            first: "a-z",
            rest: "A-Za-z0-9_=.:/@+-",
            max: 128,
            pattern: "^[a-z][A-Za-z0-9_=.:/@+-]{0,127}$",
        },
    ),
    (
        "calendar",
        Shape {
            noun: "calendar expression",
            first: "A-Za-z0-9*",
            rest: "A-Za-z0-9*.,:/~ -",
            max: 128,
            pattern: "^[A-Za-z0-9*][A-Za-z0-9*.,:/~ -]{0,127}$",
        },
    ),
    (
        "field-path",
        Shape {
            noun: "path of a field",
            first: "a-z",
            rest: "A-Za-z0-9.",
            max: 128,
            pattern: "^[a-z][A-Za-z0-9.]{0,127}$",
        },
    ),
];

/// Patterns of formats whose rule is code, where a regular expression says the same or a little less.
const PATTERNS: &[(&str, &str)] = &[
    ("spec-name", "^[a-z0-9][a-z0-9._-]{0,63}$"),
    ("hostname", "^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$"),
    ("domain", "^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"),
    ("package-name", "^[A-Za-z0-9@_][A-Za-z0-9@._+/-]{0,127}$"),
    ("file-mode", "^0?[0-7]{3,4}$"),
    ("fingerprint", "^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$"),
    ("overlay-path", "^/[^\\u0000-\\u001f]+$"),
    ("size", "^(rest|[1-9][0-9]{0,8}(KiB|MiB|GiB|TiB|kB|MB|GB|TB))$"),
    ("kernel-config", "^CONFIG_[A-Z0-9_]{1,64}=[A-Za-z0-9_./\"-]{1,64}$"),
    ("password-hash", "^([!*]|\\$[0-9a-z]{1,3}\\$[./0-9A-Za-z$=,]{8,380})$"),
];

/// The regular expression for a format, when there is one.
pub(crate) fn pattern(format: &str) -> Option<&'static str> {
    let coded = PATTERNS.iter().find(|(name, _)| *name == format).map(|(_, pattern)| *pattern);
    find(format).map(|shape| shape.pattern).or(coded)
}

pub(super) fn find(format: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|(name, _)| *name == format).map(|(_, shape)| shape)
}

impl Shape {
    pub(super) fn check(&self, text: &str) -> Verdict {
        characters(text, self.noun, self.first, self.rest, self.max)
    }
}

/// Checks the characters and the length of a text.
pub(super) fn characters(text: &str, noun: &str, first: &str, rest: &str, max: usize) -> Verdict {
    if text.is_empty() {
        return Err(Fault::new(format!("a {noun} must not be empty")));
    }
    let count = text.chars().count();
    if count > max {
        let reason = format!("a {noun} has at most {max} characters, this one has {count}");
        return Err(Fault::not_a(text, noun).reason(reason));
    }
    for (index, (at, c)) in text.char_indices().enumerate() {
        let set = if index == 0 { first } else { rest };
        if !in_set(c, set) {
            let place = if index == 0 { "start with" } else { "contain" };
            let reason = format!("a {noun} must not {place} {}", describe(c));
            let lower = text.to_lowercase();
            let fits = lower != text && characters(&lower, noun, first, rest, max).is_ok();
            let hint = if fits {
                format!("write `{lower}`")
            } else if index == 0 {
                format!("it starts with one of `{first}`")
            } else {
                format!("allowed are `{rest}`")
            };
            return Err(Fault::not_a(text, noun).reason(reason).hint(hint).at(at..at + c.len_utf8()));
        }
    }
    Ok(())
}

/// Names a character so that look-alikes and invisible ones can be told apart.
pub(super) fn describe(c: char) -> String {
    match c {
        '\n' => "a line break".to_owned(),
        '\0' => "a NUL character".to_owned(),
        ' ' => "a space".to_owned(),
        '!'..='~' => format!("`{c}`"),
        _ if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
        _ => format!("`{c}` (U+{:04X}), which is not ASCII", u32::from(c)),
    }
}

/// Whether a character is in a set such as `a-z0-9._-`. A `-` at the end stands for itself.
fn in_set(c: char, set: &str) -> bool {
    let mut rest = set.as_bytes();
    while let Some((&from, tail)) = rest.split_first() {
        rest = tail;
        if let [b'-', to, tail @ ..] = rest {
            if (char::from(from)..=char::from(*to)).contains(&c) {
                return true;
            }
            rest = tail;
        } else if c == char::from(from) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_ranges_and_single_characters() {
        assert!(in_set('b', "a-c._-") && in_set('-', "a-c._-") && in_set('_', "a-c._-"));
        assert!(!in_set('d', "a-c._-") && !in_set('B', "a-c._-") && !in_set('ä', "a-z"));
    }

    #[test]
    fn patterns_say_what_the_shapes_do() {
        for (name, shape) in SHAPES {
            let more = shape.max - 1;
            let expected = format!("^[{}][{}]{{0,{more}}}$", shape.first, shape.rest);
            assert_eq!(shape.pattern, expected, "pattern of `{name}`");
        }
    }

    #[test]
    fn faults_name_the_character_and_help() {
        let fault = find("user-name").unwrap().check("Alice").unwrap_err();
        assert_eq!(fault.hint.as_deref(), Some("write `alice`"));
        let fault = find("user-name").unwrap().check("\u{430}dmin").unwrap_err();
        assert!(fault.reason.unwrap().contains("U+0430"));
        let fault = find("user-name").unwrap().check("a\nroot:0:0").unwrap_err();
        assert_eq!(fault.at, Some(1..2));
    }
}
