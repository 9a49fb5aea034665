//! The times of our own library: its benchmark `resolve`, which tells them as JSON.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::command::stdout;
use crate::workspace::Workspace;

/// Debian's lists; times in seconds, one for each run.
#[derive(Deserialize)]
pub struct Debian {
    /// Text, in bytes.
    pub bytes: u64,
    pub packages: usize,
    pub parse: Vec<f64>,
    pub load: Vec<f64>,
    pub request: Vec<String>,
    pub solve: Vec<f64>,
    pub chosen: usize,
    pub explain: Vec<f64>,
    pub summary: String,
    pub fixes: usize,
    /// From files to the answer.
    pub answer: Vec<f64>,
}

/// The indexes of another family; times in seconds, one for each run.
#[derive(Deserialize)]
pub struct Family {
    pub packages: usize,
    pub parse: Vec<f64>,
    pub load: Vec<f64>,
    pub request: Vec<String>,
    pub solve: Vec<f64>,
    pub chosen: usize,
    /// From files to the answer.
    pub answer: Vec<f64>,
}

/// The resident set of a process, in bytes.
#[derive(Deserialize)]
pub struct Memory {
    /// Before it loaded an index.
    pub before: u64,
    /// At most.
    pub peak: u64,
}

impl Memory {
    /// What loading took, in bytes.
    pub fn grown(&self) -> u64 {
        self.peak.saturating_sub(self.before)
    }
}

/// The largest indexes of each family in the real data; a word with `*` is the one file of its directory that ends so.
const FILES: [(&str, &[&str]); 4] = [
    (
        "rpm",
        &[
            "rpm/cs9-baseos-2024/repodata/*-primary.xml.gz",
            "rpm/cs9-appstream-2025/repodata/*-primary.xml.gz",
        ],
    ),
    ("apk", &["alpine/v3.19-cache/APKINDEX.b2c94760.tar.gz", "alpine/v3.19-cache/APKINDEX.be78cdff.tar.gz"]),
    ("alpm", &["arch/2014-08/core.db", "arch/2014-08/extra.db", "arch/2014-08/community.db"]),
    ("portage", &["gentoo/binhost-x86_64-2022-11/Packages.zst"]),
];

/// The files of a family.
pub fn files(family: &str, data: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let (_, names) = FILES.iter().find(|(name, _)| *name == family).ok_or("an unknown family")?;
    names.iter().map(|name| file(&data.join(name))).collect()
}

fn file(path: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let missing = || format!("the real data has no {}", path.display());
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(missing)?;
    let Some(end) = name.strip_prefix('*') else {
        return path.exists().then(|| path.to_owned()).ok_or_else(|| missing().into());
    };
    let directory = path.parent().ok_or_else(missing)?;
    let entries = std::fs::read_dir(directory).map_err(|error| format!("{}: {error}", missing()))?;
    let found =
        entries.flatten().map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(end));
    found.ok_or_else(|| missing().into())
}

/// Measures every family.
pub fn measure_families(
    library: &Library,
    data: &Path,
) -> Result<Vec<(&'static str, Family)>, Box<dyn std::error::Error>> {
    let measure = |(name, _): &(&'static str, _)| {
        let files = files(name, data)?;
        let words: Vec<&Path> =
            [Path::new(*name)].into_iter().chain(files.iter().map(PathBuf::as_path)).collect();
        Ok((*name, library.run(&words)?))
    };
    FILES.iter().map(measure).collect()
}

/// The benchmark of the library.
pub struct Library {
    root: PathBuf,
}

impl Library {
    /// Compiles it.
    pub fn build(workspace: &Workspace) -> Result<Self, Box<dyn std::error::Error>> {
        let library = Self { root: workspace.root.clone() };
        crate::command::show(library.command().arg("--no-run"))?;
        Ok(library)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("cargo");
        command
            .args(["bench", "--quiet", "--package", "lbuild-repo", "--bench", "resolve"])
            .current_dir(&self.root);
        command
    }

    /// Runs it with these arguments.
    pub fn run<T: DeserializeOwned>(&self, arguments: &[&Path]) -> Result<T, Box<dyn std::error::Error>> {
        let text = stdout(self.command().arg("--").args(arguments))?;
        Ok(serde_json::from_str(&text).map_err(|error| format!("the benchmark told {text:?}: {error}"))?)
    }
}
