//! Where the repository is and what is in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{CommandError, stdout};

/// The repository that this program was built from.
pub struct Workspace {
    /// Its top directory.
    pub root: PathBuf,
    /// Every file that is in version control or would be by `git add`, relative to the root, in order.
    pub files: Vec<String>,
}

/// Why the repository cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// `git` did not list its files.
    #[error("cannot list the files of the repository")]
    List(#[source] CommandError),
    /// One of its files cannot be read.
    #[error("cannot read `{file}`")]
    Read {
        /// The file, relative to the root.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A manifest is not TOML.
    #[error("`{file}` is not valid TOML")]
    Manifest {
        /// The manifest, relative to the root.
        file: String,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl Workspace {
    /// Finds the repository and lists its files.
    pub fn find() -> Result<Self, WorkspaceError> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned();
        let listing = stdout(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(&root),
        )
        .map_err(WorkspaceError::List)?;
        let mut files: Vec<String> = listing
            .split('\0')
            .filter(|file| !file.is_empty() && root.join(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        Ok(Self { root, files })
    }

    /// The Rust files, relative to the root.
    pub fn rust_files(&self) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .map(String::as_str)
            .filter(|file| file.rsplit_once('.').is_some_and(|(_, end)| end == "rs"))
    }

    /// The manifests of the members, relative to the root.
    pub fn manifests(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str).filter(|file| file.ends_with("/Cargo.toml"))
    }

    /// The text of a file; what is not UTF-8 is replaced.
    pub fn read(&self, file: &str) -> Result<String, WorkspaceError> {
        std::fs::read(self.root.join(file))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|source| WorkspaceError::Read { file: file.to_owned(), source })
    }

    /// A TOML file as a table.
    pub fn read_toml(&self, file: &str) -> Result<toml::Table, WorkspaceError> {
        self.read(file)?
            .parse()
            .map_err(|source| WorkspaceError::Manifest { file: file.to_owned(), source: Box::new(source) })
    }
}

/// The folder of the crate that a file belongs to, such as `engine`, `xtask` or `fuzz`.
pub fn crate_of(file: &str) -> Option<&str> {
    match file.split('/').collect::<Vec<_>>().as_slice() {
        ["crates", name, ..] | [name @ ("xtask" | "fuzz"), ..] => Some(name),
        _ => None,
    }
}

/// Whether a Rust file holds tests or other programs of developers only.
pub fn is_test_file(file: &str) -> bool {
    file.ends_with("/tests.rs")
        || file.split('/').any(|part| matches!(part, "tests" | "benches" | "examples"))
}
