//! `lbuild boot`: boots an image in an emulator, on the terminal or as a check.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use lbuild_engine::boot::{Firmware, Machine, Media, REPORT, Report, SCREENSHOT, SERIAL_LOG};

use crate::arguments::EngineArguments;
use crate::context::Context;
use crate::engine_failure;
use crate::failure::{Exit, Failure};
use crate::format::{clean, seconds};
use crate::output;
use crate::session::Session;
use crate::terminal::Terminal;

/// What to boot, and how.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --check, the serial console of the guest is this terminal; Ctrl-] leaves it."
)]
pub struct Options {
    /// The image, such as out/debian-live/debian-live-amd64.iso
    #[arg(value_name = "IMAGE", value_hint = ValueHint::FilePath)]
    image: PathBuf,
    /// Wait for the login prompt or a failure, and keep the proof: console log, screenshot, report
    #[arg(long)]
    check: bool,
    /// Boot by UEFI instead of BIOS
    #[arg(long)]
    uefi: bool,
    /// Attach the image as a USB stick
    #[arg(long)]
    usb: bool,
    /// Directory for the proof [default: beside the image]
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "check")]
    out: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Boots it.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    if context.global.json && !options.check {
        let failure = Failure::new(Exit::Usage, "the console of a guest is for people, not JSON");
        return Err(failure.hint("`lbuild boot --check --json` tells whether the image boots".to_owned()));
    }
    let name = options.image.display().to_string();
    let image = File::open(&options.image)
        .map_err(|error| Failure::because(Exit::Build, format!("cannot read the image `{name}`"), &error))?;
    let firmware = if options.uefi { Firmware::Uefi } else { Firmware::Bios };
    let media = if options.usb { Media::Usb } else { Media::of(&options.image) };
    let machine = Machine::new(firmware, media);
    let session = Session::start(context, &format!("booting {name} ({})", firmware_name(firmware)))?;
    let engine = options.engine.open(context, session.cancel())?;
    if !options.check {
        let emulator = session
            .run(|observer| engine.emulator(observer))
            .map_err(|error| engine_failure::boot(&error))?;
        output::print_error("the console follows; Ctrl-] leaves it\n");
        emulator.attach(image, machine, session.cancel()).map_err(|error| engine_failure::boot(&error))?;
        return Ok(());
    }
    let out = options.out.clone().unwrap_or_else(|| proof_directory(&options.image, firmware));
    let report = session
        .run(|observer| engine.emulator(observer)?.check(image, machine, &out, observer))
        .map_err(|error| engine_failure::boot(&error))?;
    if context.global.json {
        output::print_json(&report.to_json())?;
        return if report.is_good() { Ok(()) } else { Err(Failure::silent(Exit::Build)) };
    }
    if report.is_good() {
        return output::print(&text(&report, &name, &out, context.terminal));
    }
    let message = format!("`{name}` does not boot: {}", report.finding.message);
    let excerpt = report.finding.excerpt.iter().map(|line| format!("| {line}"));
    Err(Failure::new(Exit::Build, message)
        .details(excerpt)
        .hint(format!("the whole console is in {}", out.join(SERIAL_LOG).display())))
}

fn firmware_name(firmware: Firmware) -> &'static str {
    match firmware {
        Firmware::Bios => "BIOS",
        Firmware::Uefi => "UEFI",
    }
}

fn proof_directory(image: &Path, firmware: Firmware) -> PathBuf {
    let mut name = image.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-boot-{}", firmware_name(firmware).to_lowercase()));
    image.with_file_name(name)
}

fn text(report: &Report, image: &str, out: &Path, terminal: Terminal) -> String {
    let style = terminal.stdout;
    let mark = if terminal.unicode { "✓" } else { "+" };
    let files: Vec<&str> = [SERIAL_LOG, SCREENSHOT, REPORT]
        .into_iter()
        .filter(|file| report.screenshot || *file != SCREENSHOT)
        .collect();
    format!(
        "\n  {} {} boots  {}\n\n    {} {}\n    {} {}, {}\n    {} {} in {}\n\n",
        style.good(mark),
        style.strong(&clean(image)),
        style.faint(&seconds(report.seconds)),
        style.faint("seen    "),
        clean(&report.finding.message),
        style.faint("machine "),
        firmware_name(report.machine.firmware),
        report.acceleration.name(),
        style.faint("proof   "),
        files.join(", "),
        out.display(),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lbuild_engine::boot::Firmware;

    use super::proof_directory;

    #[test]
    fn the_proof_lies_beside_the_image() {
        let directory = proof_directory(Path::new("out/x/x-amd64.iso"), Firmware::Uefi);
        assert_eq!(directory, Path::new("out/x/x-amd64-boot-uefi"));
    }
}
