//! Why a command failed: what it exits with, and what is printed about it, once, at the edge.

use std::error::Error;

use serde::Serialize;

use crate::format::clean;
use crate::prose::{Line, Tone};
use crate::terminal::Style;

/// Exit codes. They are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The build or the boot failed.
    Build = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The spec is invalid, or its packages conflict.
    Spec = 3,
    /// A mirror or the network failed.
    Network = 6,
    /// Somebody asked to stop.
    Interrupted = 130,
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    /// Lines shown between the causes and the hint: an explanation, or what a program printed last.
    details: Vec<Line>,
    hint: Option<String>,
    /// What happened was printed already; only the exit code is left to give.
    silent: bool,
}

/// The same as data: what `--json` prints for a command that failed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureReport<'a> {
    error: ErrorReport<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorReport<'a> {
    message: &'a str,
    causes: &'a [String],
    details: Vec<String>,
    hint: Option<&'a str>,
    exit_code: u8,
}

impl Failure {
    /// A failure that no other error caused.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            details: Vec::new(),
            hint: None,
            silent: false,
        }
    }

    /// A failure with the chain of its causes.
    pub fn from_error(exit: Exit, error: &dyn Error) -> Self {
        let mut failure = Self::new(exit, error.to_string());
        failure.add_causes(error.source());
        failure
    }

    /// A failure of the machine while doing something that `message` names.
    pub fn because(exit: Exit, message: impl Into<String>, cause: &(dyn Error + 'static)) -> Self {
        let mut failure = Self::new(exit, message);
        failure.add_causes(Some(cause));
        failure
    }

    /// A failure that was printed already.
    pub fn silent(exit: Exit) -> Self {
        Self { silent: true, ..Self::new(exit, String::new()) }
    }

    fn add_causes(&mut self, mut cause: Option<&(dyn Error + 'static)>) {
        while let Some(error) = cause {
            let text = error.to_string();
            // a transparent wrapper says the same as what it wraps
            if self.causes.last().unwrap_or(&self.message) != &text {
                self.causes.push(text);
            }
            cause = error.source();
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Shows these lines too.
    #[must_use]
    pub fn details<L: Into<Line>>(mut self, lines: impl IntoIterator<Item = L>) -> Self {
        self.details.extend(lines.into_iter().map(Into::into));
        self
    }

    /// What the process exits with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The text for standard error, at most `width` columns wide where words allow; empty when it was printed already.
    pub fn render(&self, style: Style, width: Option<usize>) -> String {
        if self.silent {
            return String::new();
        }
        let mut message = self.message.lines();
        let first =
            Line::hanging(4).with(Tone::Plain, "error: ").with_names(message.next().unwrap_or_default());
        let first = first.render(style, 0, width).replacen("error:", &style.bad("error:"), 1);
        let mut lines = vec![format!("{first}\n")];
        lines.extend(message.map(|line| format!("    {}\n", clean(line))));
        for cause in &self.causes {
            lines.push(format!("  {} {}\n", style.faint("caused by:"), clean_lines(cause)));
        }
        lines.extend(self.details.iter().map(|line| format!("{}\n", line.render(style, 2, width))));
        if let Some(hint) = &self.hint {
            lines.push(format!("{} {}\n", style.advice("hint:"), clean_lines(hint)));
        }
        lines.concat()
    }

    /// The object for `--json`; nothing when the command printed its own.
    pub fn report(&self) -> Option<FailureReport<'_>> {
        let error = ErrorReport {
            message: &self.message,
            causes: &self.causes,
            details: self.details.iter().map(Line::text).collect(),
            hint: self.hint.as_deref(),
            exit_code: self.exit as u8,
        };
        (!self.silent).then_some(FailureReport { error })
    }
}

/// A message may have several lines; each is cleaned by itself and indented below the first.
fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n    ")
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt;

    use super::{Exit, Failure};
    use crate::terminal::Style;

    #[derive(Debug)]
    struct Chain(&'static str, Option<Box<Chain>>);

    impl fmt::Display for Chain {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Chain {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|error| error as &dyn Error)
        }
    }

    fn chain(texts: &[&'static str]) -> Chain {
        let (first, rest) = texts.split_first().expect("a text");
        Chain(first, (!rest.is_empty()).then(|| Box::new(chain(rest))))
    }

    #[test]
    fn the_chain_is_printed_once_and_the_hint_last() {
        let error =
            chain(&["cannot get the packages", "mirror refused", "mirror refused", "connection reset"]);
        let failure = Failure::from_error(Exit::Network, &error).hint("try another mirror".to_owned());
        let text = failure.details(["log \u{1b}[2J".to_owned()]).render(Style { color: false }, None);
        let expected = "error: cannot get the packages\n  caused by: mirror refused\n  caused by: connection reset\n  \
                        log \\u{1b}[2J\nhint: try another mirror\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_was_printed_is_not_printed_again() {
        let failure = Failure::silent(Exit::Spec);
        assert_eq!(failure.render(Style { color: true }, None), "");
        assert!(failure.report().is_none());
        assert_eq!(failure.exit() as u8, 3);
    }

    #[test]
    fn colour_is_only_added_where_asked_for() {
        let failure = Failure::new(Exit::Build, "x").hint("y".to_owned());
        assert!(!failure.render(Style { color: false }, None).contains('\u{1b}'));
        assert!(failure.render(Style { color: true }, None).contains("\u{1b}[1;31merror:\u{1b}[0m x"));
    }
}
