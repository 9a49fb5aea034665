//! One line per thing that happened: what a log file or a continuous integration run keeps.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lbuild_engine::Event;

use super::Renderer;
use crate::format::{bytes, clean, seconds};
use crate::terminal::Style;

/// Counters that change many times a second are printed this often.
const INTERVAL: Duration = Duration::from_secs(2);

/// Writes lines.
pub struct Plain {
    style: Style,
    verbose: bool,
    /// Only warnings.
    quiet: bool,
    /// When a counter was printed last, by what it counts.
    printed: Mutex<HashMap<String, Instant>>,
}

impl Plain {
    /// Prints the title at once, so that something is on the screen while the first files are read.
    pub fn start(style: Style, verbose: bool, title: &str) -> Self {
        let plain = Self { style, verbose, quiet: false, printed: Mutex::default() };
        print(&format!("lbuild: {}", clean(title)));
        plain
    }

    /// Prints warnings and nothing else.
    pub fn quiet(style: Style) -> Self {
        Self { style, verbose: false, quiet: true, printed: Mutex::default() }
    }

    /// Whether it is time to print this counter again; its last value is always printed.
    fn is_due(&self, what: &str, last: bool) -> bool {
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // nothing is printed for what ends within the first interval
        let before = *printed.entry(what.to_owned()).or_insert(now);
        let due = last || now.duration_since(before) >= INTERVAL;
        if due {
            printed.insert(what.to_owned(), now);
        }
        due
    }

    fn line(&self, event: &Event) -> Option<String> {
        let text = match event {
            Event::Planned { steps } => format!("plan: {}", steps.join(", ")),
            Event::StepStarted { step, title } => format!("{step}: {title}"),
            Event::StepFinished { step, cached: true, .. } => format!("{step}: from the store"),
            Event::StepFinished { step, seconds: time, size, .. } => {
                let size = size.map(|size| format!(", {}", bytes(size))).unwrap_or_default();
                format!("{step}: done in {}{size}", seconds(*time))
            }
            Event::StepMissed { step, changed } if changed.is_empty() => format!("{step}: not in the store"),
            Event::StepMissed { step, changed } => format!("{step}: changed: {}", changed.join(", ")),
            Event::Download { done, total, files, files_total } => {
                let last = files == files_total;
                return self.is_due("download", last).then(|| {
                    format!("download: {} of {}, {files} of {files_total} files", bytes(*done), bytes(*total))
                });
            }
            Event::Packages { step, done, total, current } => {
                let text =
                    || format!("{step}: {done} of {total} packages {}", clean(current)).trim_end().to_owned();
                return self.is_due(step, done == total).then(text);
            }
            Event::Log { step, line } if self.verbose => format!("{step}| {}", clean(line)),
            Event::Log { .. } => return None,
            Event::Warning { message } => {
                return Some(format!("{} {}", self.style.warn("warning:"), clean(message)));
            }
            Event::Artifact { name, size, sha256 } => format!("{name}: {}, sha256 {sha256}", bytes(*size)),
        };
        Some(clean(text.trim_end_matches([':', ' '])))
    }
}

fn print(line: &str) {
    // a reader that went away does not stop a build
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

impl Renderer for Plain {
    fn event(&self, event: &Event) {
        if self.quiet && !matches!(event, Event::Warning { .. }) {
            return;
        }
        if let Some(line) = self.line(event) {
            print(&line);
        }
    }

    fn note(&self, text: &str) {
        if !self.quiet {
            print(&format!("lbuild: {text}"));
        }
    }

    fn finish(&self) {}
}

#[cfg(test)]
mod tests {
    use lbuild_engine::Event;

    use super::{Plain, Style};

    fn lines(verbose: bool, events: &[Event]) -> Vec<String> {
        let plain = Plain { verbose, ..Plain::quiet(Style { color: false }) };
        events.iter().filter_map(|event| plain.line(event)).collect()
    }

    #[test]
    fn every_event_has_its_line() {
        let events = [
            Event::Planned { steps: vec!["tools".into(), "base".into()] },
            Event::StepMissed { step: "base".into(), changed: vec![] },
            Event::StepMissed { step: "base".into(), changed: vec!["packages".into(), "hostname".into()] },
            Event::StepStarted { step: "base".into(), title: "install the base system".into() },
            Event::StepFinished { step: "tools".into(), seconds: 0.0, cached: true, size: None },
            Event::StepFinished {
                step: "base".into(),
                seconds: 12.34,
                cached: false,
                size: Some(812_000_000),
            },
            Event::Warning { message: "clock\u{1b}[2J".into() },
            Event::Artifact { name: "a.iso".into(), size: 1_000_000, sha256: "ab".into() },
        ];
        let expected = [
            "plan: tools, base",
            "base: not in the store",
            "base: changed: packages, hostname",
            "base: install the base system",
            "tools: from the store",
            "base: done in 12.3 s, 812.0 MB",
            "warning: clock\\u{1b}[2J",
            "a.iso: 1.0 MB, sha256 ab",
        ];
        assert_eq!(lines(false, &events), expected);
    }

    #[test]
    fn counters_are_not_printed_for_every_event_but_at_their_end() {
        let at =
            |done: usize| Event::Packages { step: "base".into(), done, total: 3, current: "bash".into() };
        assert_eq!(lines(false, &[at(0), at(1), at(2), at(3)]), ["base: 3 of 3 packages bash"]);
        let at = |files| Event::Download { done: files as u64, total: 2, files, files_total: 2 };
        assert_eq!(lines(false, &[at(0), at(1), at(2)]), ["download: 2 B of 2 B, 2 of 2 files"]);
    }

    #[test]
    fn the_log_of_a_program_is_shown_on_request() {
        let log = [Event::Log { step: "base".into(), line: "Setting up\tx\u{7}".into() }];
        assert!(lines(false, &log).is_empty());
        assert_eq!(lines(true, &log), ["base| Setting up x\\u{7}"]);
    }
}
