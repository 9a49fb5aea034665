//! Findings with the line of text that they are about, underlined.

use std::fmt::Write as _;

use super::{Diagnostic, Diagnostics, Severity};
use crate::report::acts;
use crate::source::{LineIndex, Source};

/// Longest piece of a line that is shown, in characters.
const WINDOW: usize = 100;

impl Diagnostics {
    /// Renders every finding with its place, the text underlined, the reason and the hint.
    ///
    /// `source` must be the text that was read. With `color` the result has ANSI colour codes; nothing depends
    /// on them for its meaning.
    pub fn render(&self, source: &Source, color: bool) -> String {
        let index = LineIndex::new(&source.text);
        let paint = Paint { color };
        let mut out = String::new();
        for diagnostic in &self.0 {
            if !out.is_empty() {
                out.push('\n');
            }
            one(&mut out, diagnostic, source, &index, paint);
        }
        out
    }
}

#[derive(Clone, Copy)]
struct Paint {
    color: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn one(out: &mut String, found: &Diagnostic, source: &Source, index: &LineIndex, paint: Paint) {
    let (word, code) = match found.severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
    };
    let heading = format!("{word}[{}]", found.code);
    let _ = writeln!(out, "{}: {}", paint.wrap(code, &heading), paint.wrap("1", &found.message));
    let number = found.line.to_string();
    let pad = " ".repeat(number.len());
    let arrow = paint.wrap("34", "-->");
    let file: String = found.file.chars().map(printable).collect();
    let _ = writeln!(out, "{pad}{arrow} {file}:{}:{}", found.line, found.column);
    let bar = paint.wrap("34", "|");
    let (text, skip, width) = excerpt(found, index.line(&source.text, found.line));
    let _ = writeln!(out, "{pad} {bar}");
    let _ = writeln!(out, "{} {bar} {text}", paint.wrap("34", &number));
    let marks = format!("{}{}", " ".repeat(skip), paint.wrap(code, &"^".repeat(width)));
    let _ = writeln!(out, "{pad} {bar} {marks}");
    if let Some(reason) = &found.reason {
        let _ = writeln!(out, "{pad} = {} {reason}", paint.wrap("1", "why:"));
    }
    if let Some(hint) = &found.hint {
        let _ = writeln!(out, "{pad} = {} {hint}", paint.wrap("1;32", "help:"));
    }
}

/// The part of the line around the finding, the number of columns before the mark and the width of the mark.
fn excerpt(found: &Diagnostic, line: &str) -> (String, usize, usize) {
    let column = (found.column as usize).saturating_sub(1);
    let length = (found.length as usize).max(1);
    let total = line.chars().count();
    let start = if column + length.min(WINDOW / 2) > WINDOW { column.saturating_sub(WINDOW / 4) } else { 0 };
    let mut text = String::new();
    if start > 0 {
        text.push('…');
    }
    let shown = line.chars().enumerate().skip(start).take(WINDOW);
    for (at, c) in shown {
        let hidden = found.sensitive && (column..column + length).contains(&at);
        text.push(if hidden { '*' } else { printable(c) });
    }
    if start + WINDOW < total {
        text.push('…');
    }
    let skip = column - start + usize::from(start > 0);
    let width = length.min((start + WINDOW).saturating_sub(column)).max(1);
    (text, skip, width)
}

/// What acts on a terminal must not reach it.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        _ if acts(c) => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Format;

    fn finding(column: u32, length: u32) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: "unknown-key",
            message: "unknown key `pakages`".to_owned(),
            reason: None,
            hint: Some("did you mean `packages`?".to_owned()),
            file: "a.toml".to_owned(),
            line: 2,
            column,
            length,
            pointer: "/pakages".to_owned(),
            sensitive: false,
        }
    }

    fn source(text: &str) -> Source {
        Source { file: "a.toml".to_owned(), format: Format::Toml, text: text.to_owned() }
    }

    #[test]
    fn underlines_the_text() {
        let out = Diagnostics(vec![finding(1, 7)]).render(&source("name = 1\npakages = []\n"), false);
        let expected = "error[unknown-key]: unknown key `pakages`\n --> a.toml:2:1\n  |\n\
                        2 | pakages = []\n  | ^^^^^^^\n  = help: did you mean `packages`?\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn long_lines_are_cut_around_the_finding() {
        let line = format!("{}BAD{}", "a".repeat(5000), "b".repeat(5000));
        let out = Diagnostics(vec![finding(5001, 3)]).render(&source(&format!("\n{line}")), false);
        assert!(out.contains("BAD") && out.chars().count() < 500, "{out}");
        let text = out.lines().nth(3).unwrap().chars().position(|c| c == 'B');
        let mark = out.lines().nth(4).unwrap().chars().position(|c| c == '^');
        assert_eq!(text, mark);
    }

    #[test]
    fn secrets_and_control_characters_stay_hidden() {
        let mut found = finding(5, 6);
        found.sensitive = true;
        let out = Diagnostics(vec![found]).render(&source("\np = secret \u{1b}[2J\u{202e}"), true);
        assert!(!out.contains("secret") && out.contains("******"), "{out}");
        assert!(!out.contains("\u{1b}[2J") && !out.contains('\u{202e}'));
    }
}
