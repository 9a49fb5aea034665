//! `lbuild resolve` of a desktop with the index cached, whole process, against `apt-get -s` with the same suites.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use super::product::Product;
use super::reference::Reference;
use super::table::Measured;
use super::timed;
use crate::command::stdout;

const DESKTOP: &str = "task-gnome-desktop";

/// Measures both.
pub fn measure(
    product: &Product,
    store: &str,
    reference: &Reference,
    scratch: &Path,
    runs: usize,
    measured: &mut Measured,
) -> Result<(), Box<dyn std::error::Error>> {
    let spec = format!(
        "spec = 1\nname = \"desktop\"\nbase = \"debian\"\nrelease = \"trixie\"\narchitecture = \"x86_64\"\n\
         outputs = [\"rootfs\"]\npackages = [\"{DESKTOP}\"]\n\n[kernel]\nflavor = \"none\"\n"
    );
    let spec = product.write("desktop", &spec)?;
    let apt = apt_directory(reference, scratch)?;
    product.lbuild(store, &["resolve", &spec])?;
    // ten times as many as of the builds: these are short, and the machine's noise is not
    for _ in 0..runs * 10 {
        measured.resolve.push(timed(|| product.lbuild(store, &["resolve", &spec]))?);
    }
    for _ in 0..runs {
        measured.apt.push(timed(|| {
            stdout(apt_get(&apt).args(["-s", "install", DESKTOP]))?;
            Ok(ExitCode::SUCCESS)
        })?);
    }
    Ok(())
}

fn apt_get(directory: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.env("APT_CONFIG", directory.join("apt.conf"));
    command
}

/// A private configuration and state of apt over the suites of the lock.
fn apt_directory(
    reference: &Reference,
    scratch: &Path,
) -> Result<std::path::PathBuf, Box<dyn std::error::Error>> {
    let directory = scratch.join("apt");
    for part in ["state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"] {
        fs::create_dir_all(directory.join(part))?;
    }
    fs::write(directory.join("etc/sources.list"), reference.sources())?;
    fs::write(directory.join("status"), "")?;
    let path = |part: &str| directory.join(part).display().to_string();
    let settings = [
        ("Dir::Etc", path("etc")),
        ("Dir::State", path("state")),
        ("Dir::State::status", path("status")),
        ("Dir::Cache", path("cache")),
        ("APT::Architecture", "amd64".to_owned()),
        ("APT::Install-Recommends", "false".to_owned()),
        ("APT::Sandbox::User", "root".to_owned()),
    ];
    let lines: Vec<String> = settings.iter().map(|(key, value)| format!("{key} \"{value}\";\n")).collect();
    // the keys stay the machine's own
    let keys =
        "Dir::Etc::trusted \"/etc/apt/trusted.gpg\";\nDir::Etc::trustedparts \"/etc/apt/trusted.gpg.d\";\n";
    fs::write(directory.join("apt.conf"), lines.concat() + keys)?;
    stdout(apt_get(&directory).arg("update"))?;
    Ok(directory)
}
