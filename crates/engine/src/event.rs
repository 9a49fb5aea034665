//! What a running build tells its caller, and how it is stopped.

use lbuild_store::Cancel;
use serde::Serialize;

/// Something that happened during resolve, build or boot. Sizes are bytes, times are seconds.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// The plan is known: the steps in the order in which they start.
    Planned {
        /// Step names.
        steps: Vec<String>,
    },
    /// A step began to run.
    StepStarted {
        /// Name of the step.
        step: String,
        /// What it is about to do, for people.
        title: String,
    },
    /// A step has its output.
    StepFinished {
        /// Name of the step.
        step: String,
        /// Wall time of the step.
        seconds: f64,
        /// The output came from the store.
        cached: bool,
        /// Size of the output, where it has one.
        size: Option<u64>,
    },
    /// A step was not in the store, and why.
    StepMissed {
        /// Name of the step.
        step: String,
        /// Labels of the inputs that differ from the last build of this spec; empty on a first build.
        changed: Vec<String>,
    },
    /// Progress of downloads.
    Download {
        /// Bytes received.
        done: u64,
        /// Bytes expected.
        total: u64,
        /// Files complete.
        files: usize,
        /// Files expected.
        files_total: usize,
    },
    /// Progress of unpacking or configuring packages.
    Packages {
        /// Name of the step that works on them.
        step: String,
        /// Packages done.
        done: usize,
        /// Packages in all.
        total: usize,
        /// The package in work.
        current: String,
    },
    /// A line that a program in the sandbox printed.
    Log {
        /// Name of the step.
        step: String,
        /// The line, without its end; hostile text, to be escaped where it is shown.
        line: String,
    },
    /// Something that the user should know, though the build goes on.
    Warning {
        /// The text.
        message: String,
    },
    /// An artifact stands in the output directory.
    Artifact {
        /// File name.
        name: String,
        /// Size in bytes.
        size: u64,
        /// SHA-256 in hexadecimal.
        sha256: String,
    },
}

/// Where events go and where the request to stop comes from.
pub struct Observer<'a> {
    /// Called from any thread.
    pub events: &'a (dyn Fn(Event) + Sync),
    /// Checked between and during steps.
    pub cancel: &'a Cancel,
}

impl Observer<'_> {
    /// Sends one event.
    pub fn emit(&self, event: Event) {
        (self.events)(event);
    }
}
