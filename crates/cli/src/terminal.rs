//! What the terminal can show, decided once from the streams and the environment.
//!
//! The rules: a pipe gets no colour and no cursor movement; `NO_COLOR` takes colour away from a terminal;
//! `CLICOLOR_FORCE` gives it to a pipe; `CI` and `TERM=dumb` mean lines that are never drawn over.

use std::io::IsTerminal as _;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Colour on standard output.
    pub stdout: Style,
    /// Colour on standard error.
    pub stderr: Style,
    /// Progress may be drawn over.
    pub interactive: bool,
    /// More than ASCII can be shown.
    pub unicode: bool,
    /// Columns of standard error, when that is a terminal.
    pub width: Option<usize>,
    /// Columns of standard output, when that is a terminal.
    pub columns: Option<usize>,
}

/// The facts that decide.
struct Facts<'a> {
    width: Option<usize>,
    stdout_tty: bool,
    stderr_tty: bool,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Terminal {
    /// Looks at this process's streams and environment.
    pub fn detect() -> Self {
        let size = rustix::termios::tcgetwinsize(std::io::stderr())
            .or_else(|_| rustix::termios::tcgetwinsize(std::io::stdout()))
            .ok();
        Self::decide(&Facts {
            width: size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0),
            stdout_tty: std::io::stdout().is_terminal(),
            stderr_tty: std::io::stderr().is_terminal(),
            variable: &|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
        })
    }

    fn decide(facts: &Facts<'_>) -> Self {
        let set = |name| (facts.variable)(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let refused = set("NO_COLOR").is_some() || set("CLICOLOR").is_some_and(|value| value == "0");
        let style = |tty: bool| Style { color: !refused && (forced || (tty && !dumb)) };
        let continuous = set("CI").is_some_and(|value| value != "false" && value != "0");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        Self {
            stdout: style(facts.stdout_tty),
            stderr: style(facts.stderr_tty),
            interactive: facts.stderr_tty && !dumb && !continuous,
            unicode: locale
                .is_none_or(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8")),
            width: facts.width.filter(|_| facts.stderr_tty),
            columns: facts.width.filter(|_| facts.stdout_tty),
        }
    }
}

/// Colours by meaning, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// What the eye should find first.
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What may be skipped.
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Success.
    pub fn good(self, text: &str) -> String {
        self.paint("1;32", text)
    }

    /// Failure.
    pub fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// A warning.
    pub fn warn(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    /// Advice, and what can be typed or opened.
    pub fn advice(self, text: &str) -> String {
        self.paint("36", text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Terminal};

    fn decide(stdout_tty: bool, stderr_tty: bool, variables: &[(&str, &str)]) -> Terminal {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Terminal::decide(&Facts { width: Some(80), stdout_tty, stderr_tty, variable: &variable })
    }

    #[test]
    fn a_terminal_is_coloured_and_drawn_over() {
        let terminal = decide(true, true, &[("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]);
        assert!(terminal.stdout.color && terminal.stderr.color && terminal.interactive && terminal.unicode);
    }

    #[test]
    fn a_pipe_is_neither() {
        let terminal = decide(false, false, &[]);
        assert!(!terminal.stdout.color && !terminal.stderr.color && !terminal.interactive);
        assert_eq!((terminal.width, decide(false, true, &[]).width), (None, Some(80)));
        assert_eq!((terminal.columns, decide(true, false, &[]).columns), (None, Some(80)));
        // progress stays interactive when only the result is piped
        let terminal = decide(false, true, &[]);
        assert!(!terminal.stdout.color && terminal.stderr.color && terminal.interactive);
    }

    #[test]
    fn no_color_wins_and_an_empty_one_does_not_count() {
        assert!(!decide(true, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]).stdout.color);
        assert!(decide(true, true, &[("NO_COLOR", "1")]).interactive);
        assert!(decide(true, true, &[("NO_COLOR", "")]).stdout.color);
    }

    #[test]
    fn clicolor_force_colours_a_pipe() {
        assert!(decide(false, false, &[("CLICOLOR_FORCE", "1")]).stdout.color);
        assert!(!decide(false, false, &[("CLICOLOR_FORCE", "0")]).stdout.color);
    }

    #[test]
    fn continuous_integration_and_dumb_terminals_get_lines() {
        assert!(!decide(true, true, &[("CI", "true")]).interactive);
        assert!(decide(true, true, &[("CI", "false")]).interactive);
        let dumb = decide(true, true, &[("TERM", "dumb")]);
        assert!(!dumb.interactive && !dumb.stdout.color);
    }

    #[test]
    fn an_old_locale_gets_ascii() {
        assert!(!decide(true, true, &[("LC_ALL", "POSIX"), ("LANG", "C.UTF-8")]).unicode);
        assert!(decide(true, true, &[("LANG", "de_DE.utf8")]).unicode);
        assert!(decide(true, true, &[]).unicode);
    }
}
