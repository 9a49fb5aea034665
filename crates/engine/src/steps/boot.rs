//! The boot check of a build: its proof is made of artifacts.

use std::fs;
use std::path::Path;

use lbuild_store::{Output, OutputRef};

use super::{Bench, IMAGE};
use crate::boot::{
    Acceleration, Check, Firmware, Machine, Media, Patience, REPORT, Report, SCREENSHOT, SERIAL_LOG,
    SandboxQemu, check,
};
use crate::error::BuildError;
use crate::event::Event;
use crate::plan::Step;
use crate::report::BootReport;
use crate::run::Made;

/// Boots the ISO by BIOS, and fails unless it comes to a login prompt.
pub(super) fn run(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let failed = |error: std::io::Error| bench.jobs().sandbox(error);
    let iso = bench.done.get(Step::Iso).and_then(|record| record.blob(IMAGE));
    let iso = iso.ok_or_else(|| failed(std::io::Error::other("there is no ISO to boot")))?;
    let tools = bench.tree_of(Step::BootTools)?.into_iter().collect();
    let qemu = SandboxQemu::new(bench.workshop.launcher, tools);
    let acceleration = Acceleration::detect(&qemu, bench.cancel);
    let place = bench.store().scratch().map_err(BuildError::Store)?;
    let request = Check {
        image: bench.store().blobs().open(iso.digest).map_err(BuildError::Store)?.into(),
        machine: Machine::new(Firmware::Bios, Media::Cdrom),
        patience: Patience::with(&acceleration),
        acceleration,
        out: place.path(),
    };
    let mut on_line = |line: &str| {
        let line = line.to_owned();
        bench.workshop.observer.emit(Event::Log { step: bench.step.name().to_owned(), line });
    };
    let report = check(&qemu, request, bench.cancel, &mut on_line)?;
    let result = if report.is_good() {
        made(bench, &report, place.path())
    } else {
        Err(bad(bench, &report, place.path()))
    };
    // What cannot be deleted now is deleted when the store is opened next.
    let _ = place.remove(&|_| Ok(()));
    result
}

/// The proof of a failure stays in the output directory, beside no image.
fn bad(bench: &Bench<'_>, report: &Report, place: &Path) -> BuildError {
    let evidence = bench.workshop.publisher.out().join("boot-check");
    let keep = || {
        fs::create_dir_all(&evidence)?;
        [REPORT, SERIAL_LOG, SCREENSHOT]
            .iter()
            .filter(|name| place.join(name).exists())
            .try_for_each(|name| fs::copy(place.join(name), evidence.join(name)).map(drop))
    };
    if let Err(source) = keep() {
        return BuildError::Output { path: evidence, source };
    }
    BuildError::Boot {
        verdict: report.finding.message.clone(),
        evidence,
        log: report.finding.excerpt.clone(),
    }
}

fn made(bench: &Bench<'_>, report: &Report, place: &Path) -> Result<Made, BuildError> {
    let mut outputs = Vec::new();
    for name in [REPORT, SERIAL_LOG, SCREENSHOT] {
        let path = place.join(name);
        if path.exists() {
            let blob = bench.adopt(&path)?;
            outputs.push(Output { name: name.to_owned(), reference: OutputRef::Blob(blob) });
        }
    }
    let told = BootReport {
        firmware: "bios".to_owned(),
        verdict: report.finding.message.clone(),
        seconds: report.seconds,
    };
    let data = serde_json::to_value(told).map_err(|error| bench.jobs().sandbox(error))?;
    Ok(Made { outputs, data, ..Made::default() })
}
