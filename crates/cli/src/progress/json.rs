//! One JSON object per event and line.

use std::io::Write as _;
use std::time::Instant;

use lbuild_engine::Event;
use serde::Serialize;

use super::Renderer;

/// Writes events as newline-delimited JSON.
pub struct Json {
    started: Instant,
}

/// The first line: whoever reads knows that the program listens to signals from now on.
#[derive(Serialize)]
struct Started<'a> {
    at: f64,
    event: &'static str,
    title: &'a str,
}

/// An event and when it happened.
#[derive(Serialize)]
struct Line<'a> {
    /// Seconds since the command started.
    at: f64,
    #[serde(flatten)]
    event: &'a Event,
}

impl Json {
    /// The clock of the events starts now.
    pub fn start(title: &str) -> Self {
        write(serde_json::to_string(&Started { at: 0.0, event: "started", title }));
        Self { started: Instant::now() }
    }

    fn line(&self, event: &Event) -> serde_json::Result<String> {
        let at = (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        serde_json::to_string(&Line { at, event })
    }
}

fn write(line: serde_json::Result<String>) {
    if let Ok(line) = line {
        // a reader that went away does not stop a build
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

impl Renderer for Json {
    fn event(&self, event: &Event) {
        write(self.line(event));
    }

    fn note(&self, text: &str) {
        self.event(&Event::Warning { message: text.to_owned() });
    }

    fn finish(&self) {}
}

#[cfg(test)]
mod tests {
    use lbuild_engine::Event;

    use super::Json;

    #[test]
    fn an_event_is_one_flat_object() {
        let line = Json::start("").line(&Event::StepStarted { step: "base".into(), title: "a\nb".into() });
        let value: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        assert_eq!(value["event"], "step-started");
        assert_eq!(value["step"], "base");
        assert!(value["at"].is_number());
    }
}
