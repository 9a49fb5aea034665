//! Our builds: cold, warm, changed, unchanged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::build::Measured;
use super::memory::Sampler;
use super::{settle, timed};
use crate::Outcome;
use crate::command::stdout;
use crate::workspace::Workspace;

/// A package of a few dozen kilobytes that the spec does not have.
const SMALL_PACKAGE: &str = "tree";

/// Parts of the store that hold what builds made, in contrast to what they fetched.
const MADE: [&str; 5] = ["steps", "trees", "history", "published", "roots"];

/// The release binary, a spec, and a place to build.
pub struct Product {
    program: PathBuf,
    /// The text of the spec, TOML.
    spec: String,
    scratch: PathBuf,
}

impl Product {
    /// For one spec.
    pub fn new(
        workspace: &Workspace,
        spec: &Path,
        scratch: &Path,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let program = fs::canonicalize(workspace.root.join("target/release/lbuild"))?;
        let spec =
            fs::read_to_string(spec).map_err(|error| format!("cannot read {}: {error}", spec.display()))?;
        Ok(Self { program, spec, scratch: scratch.to_owned() })
    }

    /// Runs `lbuild`; what it says is shown when it fails.
    pub fn lbuild(&self, store: &str, arguments: &[&str]) -> Outcome {
        stdout(
            Command::new(&self.program)
                .args(["--progress", "plain", "--store"])
                .arg(self.scratch.join(store))
                .args(arguments)
                .current_dir(&self.scratch),
        )?;
        Ok(ExitCode::SUCCESS)
    }

    /// Writes a variant of the spec; returns its path.
    pub fn write(&self, name: &str, text: &str) -> Result<String, std::io::Error> {
        let path = self.scratch.join(format!("{name}.toml"));
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    /// Writes a spec that asks for nothing but these packages of Debian; returns its path.
    pub fn write_request(
        &self,
        name: &str,
        components: &[&str],
        packages: &[&str],
    ) -> Result<String, std::io::Error> {
        let spec = format!(
            "spec = 1\nname = \"{name}\"\nbase = \"debian\"\nrelease = \"trixie\"\narchitecture = \"x86_64\"\n\
             outputs = [\"rootfs\"]\npackages = {packages:?}\n\n[kernel]\nflavor = \"none\"\n\n\
             [repositories]\ncomponents = {components:?}\n"
        );
        self.write(name, &spec)
    }

    /// The spec with one more package.
    fn with_package(&self) -> Result<String, Box<dyn std::error::Error>> {
        let mut spec: toml::Table = self.spec.parse()?;
        let packages = spec.entry("packages").or_insert_with(|| toml::Value::Array(Vec::new()));
        match packages {
            toml::Value::Array(list) => list.push(SMALL_PACKAGE.into()),
            toml::Value::Table(table) => {
                table.insert("utils".to_owned(), toml::Value::Array(vec![SMALL_PACKAGE.into()]));
            }
            _ => return Err("`packages` of the spec is neither a list nor a table".into()),
        }
        Ok(toml::to_string(&spec)?)
    }

    /// The spec with one more overlay file.
    fn with_file(&self, content: &str) -> Result<String, Box<dyn std::error::Error>> {
        let mut spec: toml::Table = self.spec.parse()?;
        let file = toml::Table::from_iter([
            ("path".to_owned(), toml::Value::from("/etc/lbuild-bench")),
            ("text".to_owned(), toml::Value::from(content)),
        ]);
        let files = spec.entry("files").or_insert_with(|| toml::Value::Array(Vec::new()));
        files.as_array_mut().ok_or("`files` of the spec is not a list")?.push(file.into());
        Ok(toml::to_string(&spec)?)
    }

    fn build(&self, store: &str, spec: &str) -> Outcome {
        self.lbuild(store, &["build", spec, "--outputs", "iso", "--out", &format!("out-{store}")])
    }

    /// Builds once without measuring; the lock that was built.
    pub fn prepare(&self) -> Result<toml::Table, Box<dyn std::error::Error>> {
        let spec = self.write("spec", &self.spec)?;
        self.build("first", &spec)?;
        Ok(fs::read_to_string(self.scratch.join("out-first/lbuild.lock"))?.parse()?)
    }

    /// One measurement of every case in a store of its own; the time of the cold build.
    ///
    /// Nothing is removed before the end of all: ext4 passes over inodes that were deleted in the last minutes, one by
    /// one, and whoever makes many files then pays for what was removed before. The unchanged spec and the small changes
    /// are built while the disk is still busy with the build before.
    pub fn measure(&self, store: &str, measured: &mut Measured) -> Result<f64, Box<dyn std::error::Error>> {
        let spec = self.write("spec", &self.spec)?;
        let package = self.write("package", &self.with_package()?)?;
        let (before, after) =
            (self.write("before", &self.with_file("1")?)?, self.write("after", &self.with_file("2")?)?);
        settle(&self.scratch)?;
        let sampler = Sampler::start(&self.program);
        let cold = timed(|| self.build(store, &spec))?;
        measured.memory.push(sampler.finish());
        measured.cold.push(cold);
        measured.identical.push(timed(|| self.build(store, &spec))?);
        measured.package.push(timed(|| self.build(store, &package))?);
        self.build(store, &before)?;
        measured.file.push(timed(|| self.build(store, &after))?);
        self.forget_what_was_made(store)?;
        settle(&self.scratch)?;
        measured.warm.push(timed(|| self.build(store, &spec))?);
        let all = format!("all-{store}");
        measured.all_outputs.push(timed(|| self.lbuild(store, &["build", &spec, "--out", &all]))?);
        Ok(cold)
    }

    /// Leaves a store with what was fetched, and an empty output directory.
    fn forget_what_was_made(&self, store: &str) -> std::io::Result<()> {
        for made in MADE {
            let (from, to) =
                (self.scratch.join(store).join(made), self.scratch.join(format!("old-{store}")).join(made));
            fs::create_dir_all(&to)?;
            // the directory itself is part of the store's layout
            for entry in fs::read_dir(&from)? {
                let entry = entry?;
                fs::rename(entry.path(), to.join(entry.file_name()))?;
            }
        }
        fs::rename(self.scratch.join(format!("out-{store}")), self.scratch.join(format!("old-out-{store}")))
    }
}
