//! The proof of a boot check, as files.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::accel::Acceleration;
use super::machine::Machine;
use super::verdict::{Finding, Stage, Verdict};

/// Cleaned text of the serial port.
pub const SERIAL_LOG: &str = "serial.log";

/// The screen at the end.
pub const SCREENSHOT: &str = "screenshot.png";

/// The verdict and the circumstances.
pub const REPORT: &str = "boot.json";

/// What a boot check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The verdict, its reason and an excerpt.
    pub finding: Finding,
    /// Seconds from power-on to the verdict.
    pub seconds: f64,
    /// How far the guest came.
    pub stage: Stage,
    /// The machine.
    pub machine: Machine,
    /// What ran its instructions.
    pub acceleration: Acceleration,
    /// QEMU's version.
    pub qemu: String,
    /// Whether there is a screenshot; a QEMU that ended by itself leaves none.
    pub screenshot: bool,
}

/// The form of `boot.json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    format: u32,
    ok: bool,
    verdict: Verdict,
    message: &'a str,
    seconds: f64,
    stage: Stage,
    firmware: super::machine::Firmware,
    media: super::machine::Media,
    memory_mib: u32,
    cpus: u32,
    #[serde(flatten)]
    acceleration: &'a Acceleration,
    qemu: &'a str,
    serial_log: &'static str,
    screenshot: Option<&'static str>,
    excerpt: &'a [String],
}

impl Report {
    /// Whether the image boots.
    pub fn is_good(&self) -> bool {
        self.finding.verdict.is_good()
    }

    /// The report as one JSON object.
    ///
    /// # Panics
    /// Never: every part of it has a JSON form.
    pub fn to_json(&self) -> serde_json::Value {
        let json = Json {
            format: 1,
            ok: self.is_good(),
            verdict: self.finding.verdict,
            message: &self.finding.message,
            seconds: (self.seconds * 10.0).round() / 10.0,
            stage: self.stage,
            firmware: self.machine.firmware,
            media: self.machine.media,
            memory_mib: self.machine.memory_mib,
            cpus: self.machine.cpus,
            acceleration: &self.acceleration,
            qemu: &self.qemu,
            serial_log: SERIAL_LOG,
            screenshot: self.screenshot.then_some(SCREENSHOT),
            excerpt: &self.finding.excerpt,
        };
        serde_json::to_value(json).expect("names and numbers have a JSON form")
    }

    pub(super) fn write(&self, out: &Path) -> io::Result<()> {
        fs::write(out.join(REPORT), format!("{:#}\n", self.to_json()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::{Firmware, Media};

    #[test]
    fn the_report_has_a_stable_form() {
        let finding = Finding {
            verdict: Verdict::KernelPanic,
            message: "the kernel panicked: x".to_owned(),
            excerpt: vec!["x".to_owned()],
        };
        let report = Report {
            finding,
            seconds: 12.345,
            stage: Stage::Kernel,
            machine: Machine::new(Firmware::Uefi, Media::Cdrom),
            acceleration: Acceleration::Tcg { reason: "no KVM".to_owned() },
            qemu: "10.0.3".to_owned(),
            screenshot: true,
        };
        let expected = serde_json::json!({
            "format": 1, "ok": false, "verdict": "kernel-panic", "message": "the kernel panicked: x",
            "seconds": 12.3, "stage": "kernel", "firmware": "uefi", "media": "cdrom", "memoryMib": 2048, "cpus": 2,
            "accelerator": "tcg", "whyNotKvm": "no KVM", "qemu": "10.0.3", "serialLog": "serial.log",
            "screenshot": "screenshot.png", "excerpt": ["x"],
        });
        assert_eq!(report.to_json(), expected);
    }
}
