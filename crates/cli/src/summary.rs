//! What is printed when a build is done: what was made, how big, how long it took, and what to try next.

use lbuild_engine::{ArtifactReport, BuildReport};

use crate::format::{bytes, clean, count, seconds};
use crate::terminal::Terminal;

/// Characters of a digest that are shown. The whole ones are in `SHA256SUMS`.
const SHORT: usize = 16;

/// Files that say something about the artifacts rather than being one.
const RECORDS: [&str; 3] = ["lbuild.lock", "manifest.json", "SHA256SUMS"];

/// The text.
pub fn text(report: &BuildReport, terminal: Terminal) -> String {
    let style = terminal.stdout;
    let mark = if terminal.unicode { "✓" } else { "+" };
    let verb = if report.cached { "is up to date" } else { "is built" };
    let mut lines = vec![
        String::new(),
        format!(
            "  {} {} {verb}  {}",
            style.good(mark),
            style.strong(&clean(&report.name)),
            style.faint(&seconds(report.seconds))
        ),
        String::new(),
    ];
    let shown: Vec<&ArtifactReport> =
        report.artifacts.iter().filter(|artifact| !RECORDS.contains(&artifact.name.as_str())).collect();
    let width = shown.iter().map(|artifact| artifact.name.chars().count()).max().unwrap_or(0);
    for artifact in &shown {
        let digest: String = artifact.sha256.to_string().chars().take(SHORT).collect();
        lines.push(format!(
            "    {:width$}  {:>9}  {}",
            clean(&artifact.name),
            bytes(artifact.size),
            style.faint(&format!("sha256 {digest}"))
        ));
    }
    lines.push(String::new());
    for (label, value) in facts(report) {
        lines.push(format!("    {} {value}", style.faint(&format!("{label:<9}"))));
    }
    if let Some(next) = next(report) {
        lines.extend([String::new(), format!("  try  {}", style.advice(&next))]);
    }
    lines.push(String::new());
    lines.join("\n") + "\n"
}

fn facts(report: &BuildReport) -> Vec<(&'static str, String)> {
    let lock = &report.lock;
    let installed: u64 = lock.system.iter().map(|package| package.installed_size).sum();
    let packages = count(lock.system.len(), "package");
    let mut facts = vec![(
        "system",
        format!(
            "{} {} {}, {packages}, {} installed",
            lock.base,
            lock.release,
            lock.architecture,
            bytes(installed)
        ),
    )];
    let reused = report.steps.iter().filter(|step| step.cached).count();
    let ran = report.steps.len() - reused;
    facts.push((
        "steps",
        match (ran, reused) {
            (0, _) => format!("all {reused} from the store"),
            (_, 0) => format!("all {ran} run"),
            _ => format!("{ran} run, {reused} from the store"),
        },
    ));
    if let Some(boot) = &report.boot {
        let firmware = boot.firmware.to_uppercase();
        facts.push(("boot", format!("{firmware}: {} after {}", clean(&boot.verdict), seconds(boot.seconds))));
    }
    facts.push(("directory", clean(&report.out.display().to_string())));
    facts
}

/// A command that does something with what was built.
fn next(report: &BuildReport) -> Option<String> {
    let of = |ending: &str| report.artifacts.iter().find(|artifact| artifact.name.ends_with(ending));
    let path = |artifact: &ArtifactReport| quote(&report.out.join(&artifact.name).display().to_string());
    if let Some(iso) = of(".iso") {
        let check = if report.boot.is_some() { "" } else { " --check" };
        return Some(format!("lbuild boot {}{check}", path(iso)));
    }
    if let Some(image) = of(".oci.tar") {
        return Some(format!("podman load --input {}", path(image)));
    }
    of(".tar.zst").map(|tar| format!("tar --list --zstd --file {}", path(tar)))
}

/// A path as a shell reads it.
fn quote(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_alphanumeric() || "/._-+@=:,".contains(c));
    if plain { path.to_owned() } else { format!("'{}'", clean(path).replace('\'', r"'\''")) }
}
