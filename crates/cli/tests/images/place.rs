//! Stores, specs and locks; runs the binary in surroundings of any kind.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

/// A system without a kernel, quick to build, with what packages like to write at installation.
pub const SMALL: &str = r#"
name = "small"
base = "debian"
release = "trixie"
outputs = ["rootfs", "oci"]
locale = "de_DE.UTF-8"
timezone = "Europe/Berlin"

[kernel]
flavor = "none"

[repositories]
priority = "required"

[packages]
base = ["apt", "locales", "tzdata", "systemd-sysv", "openssh-server", "python3-minimal"]

[[users]]
name = "ada"
uid = 1500
sshKeys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b"]
"#;

/// A live system on an ISO, with the smallest kernel.
pub const LIVE: &str = r#"
name = "live"
base = "debian"
release = "trixie"
outputs = ["iso", "oci", "rootfs"]

[kernel]
flavor = "cloud"

[repositories]
priority = "required"

[packages]
base = ["systemd-sysv", "live-boot", "openssh-server"]

[[users]]
name = "user"
"#;

/// A store with the packages of earlier runs, kept with the build of the tests.
pub fn downloads() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lbuild-downloads")
}

/// A store that the tests of this process share, so that what many of them need is built once. It is made anew for each
/// process, because a store cannot know that the program has changed.
static SHARED: LazyLock<PathBuf> = LazyLock::new(|| {
    let parent = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    sweep(&parent).expect("a directory of the build");
    let store = parent.join(format!("{STORE}{}", std::process::id()));
    prepare(&store);
    store
});

/// Start of the names of shared stores; the number of their process follows.
const STORE: &str = "lbuild-store-";

/// Removes the stores of processes that are gone: nothing runs at the end of a test process.
fn sweep(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(STORE));
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Makes a store with nothing but the packages of earlier runs.
fn prepare(store: &Path) {
    let made =
        Command::new(env!("CARGO_BIN_EXE_lbuild")).args(["cache", "ls", "--store"]).arg(store).output();
    assert!(made.expect("the program starts").status.success(), "no store at {}", store.display());
    link_blobs(&downloads(), store).expect("the packages of earlier runs");
}

/// When the first test of this process began to build in the shared store, or later.
pub fn shared_since() -> SystemTime {
    fs::metadata(SHARED.join("VERSION")).and_then(|file| file.modified()).expect("the version of the store")
}

/// A directory of a test.
pub struct Place {
    directory: TempDir,
    store: PathBuf,
}

/// How a build is run; what is not said is as in the test.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Of the new files of the caller.
    pub umask: Option<&'static str>,
    /// Name of the machine.
    pub hostname: Option<&'static str>,
    /// The only processor that may be used.
    pub processor: Option<u32>,
    /// The whole environment.
    pub environment: Option<Vec<(&'static str, &'static str)>>,
}

/// A program that ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What a build printed with `--json`, and where its artifacts are.
#[derive(Debug)]
pub struct Built {
    pub report: Value,
    pub out: PathBuf,
}

impl Place {
    /// A place with a store of its own, in which nothing has been built.
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let store = directory.path().join("store");
        prepare(&store);
        Self { directory, store }
    }

    /// A place with the store that tests share.
    pub fn shared() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory"), store: SHARED.clone() }
    }

    /// The path of a file here.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The store of this place.
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// Writes a spec and its lock, which is made where the indexes of earlier runs are.
    pub fn spec(&self, text: &str) {
        fs::write(self.path("spec.toml"), text).expect("the spec");
        let store = downloads();
        fs::create_dir_all(&store).expect("the directory of downloads");
        let store = store.to_str().expect("a path in UTF-8");
        self.run(&["lock", "spec.toml", "--store", store]).expect_success();
    }

    /// Builds the spec as its lock says.
    pub fn build(&self) -> Built {
        self.build_in(&Surroundings::default(), "out")
    }

    /// Builds in other surroundings, into another directory.
    pub fn build_in(&self, surroundings: &Surroundings, out: &str) -> Built {
        let arguments = ["build", "spec.toml", "--lock", "spec.lock", "--json", "--out", out];
        let ended = self.run_in(surroundings, &arguments);
        ended.expect_success();
        self.keep_downloads();
        let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        Built { report, out: self.path(out) }
    }

    /// Builds what cannot be built; nothing may be published.
    pub fn fail(&self) -> Ended {
        let ended = self.run(&["build", "spec.toml", "--lock", "spec.lock", "--out", "failed"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let published = fs::read_dir(self.path("failed")).map_or(0, Iterator::count);
        assert_eq!(published, 0, "{ended:?}");
        ended
    }

    /// The binary, to be run here.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lbuild"));
        command.args(arguments).current_dir(self.directory.path()).env("LBUILD_STORE", self.store());
        command
    }

    /// Runs the binary here.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_in(&Surroundings::default(), arguments)
    }

    fn run_in(&self, surroundings: &Surroundings, arguments: &[&str]) -> Ended {
        let mut command = surroundings.command();
        command.args(arguments).current_dir(self.directory.path()).env("LBUILD_STORE", self.store());
        let output = command.env("LBUILD_PROGRESS", "plain").output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Keeps what the lock names for the next run.
    fn keep_downloads(&self) {
        let lock = fs::read_to_string(self.path("spec.lock")).expect("the lock");
        for digest in lock.split("sha256 = \"").skip(1).filter_map(|rest| rest.get(..64)) {
            let name = Path::new("blobs").join(&digest[..2]).join(digest);
            let (from, to) = (self.store().join(&name), downloads().join(&name));
            if from.exists() && !to.exists() {
                fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
                // Another test may have kept it in the meantime.
                let _ = fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop));
            }
        }
    }
}

impl Surroundings {
    /// The binary, started in these surroundings.
    fn command(&self) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(hostname) = self.hostname {
            let script = format!("hostname {hostname} && exec \"$@\"");
            words.extend(["unshare", "--uts", "sh", "-c", &script, "sh"].map(OsString::from));
        }
        if let Some(processor) = self.processor {
            words.extend(["taskset", "--cpu-list", &processor.to_string()].map(OsString::from));
        }
        if let Some(umask) = self.umask {
            let script = format!("umask {umask} && exec \"$@\"");
            words.extend(["sh", "-c", &script, "sh"].map(OsString::from));
        }
        words.push(env!("CARGO_BIN_EXE_lbuild").into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment.iter().copied());
        }
        command
    }
}

impl Ended {
    /// Fails unless the program succeeded.
    pub fn expect_success(&self) {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
    }

    /// Fails unless standard error has every one of these texts.
    pub fn says(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.stderr);
        }
    }
}

impl Built {
    /// Names of the steps that ran, or of those that came from the store, in order.
    pub fn steps(&self, cached: bool) -> Vec<&str> {
        let steps = self.report["steps"].as_array().expect("steps");
        let mut names: Vec<_> = steps
            .iter()
            .filter(|step| step["cached"] == cached)
            .map(|step| step["name"].as_str().expect("a name"))
            .collect();
        names.sort_unstable();
        names
    }

    /// What changed for a step since the last build.
    pub fn changed(&self, step: &str) -> Vec<&str> {
        let steps = self.report["steps"].as_array().expect("steps");
        let step = steps.iter().find(|found| found["name"] == step).expect("the step");
        step["changed"].as_array().expect("inputs").iter().filter_map(Value::as_str).collect()
    }

    /// Name and digest of every artifact.
    pub fn artifacts(&self) -> Vec<(String, String)> {
        let artifacts = self.report["artifacts"].as_array().expect("artifacts");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        artifacts.iter().map(|artifact| (text(&artifact["name"]), text(&artifact["sha256"]))).collect()
    }

    /// The root filesystem.
    pub fn rootfs(&self) -> PathBuf {
        let (name, _) =
            self.artifacts().into_iter().find(|(name, _)| name.ends_with(".tar.zst")).expect("it");
        self.out.join(name)
    }
}

/// Gives a store the blobs of another one; both keep them.
fn link_blobs(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(groups) = fs::read_dir(from.join("blobs")) else { return Ok(()) };
    for group in groups {
        let group = group?;
        let target = to.join("blobs").join(group.file_name());
        fs::create_dir_all(&target)?;
        for blob in fs::read_dir(group.path())? {
            let blob = blob?;
            let target = target.join(blob.file_name());
            // Without hard links across file systems, a copy does as well.
            fs::hard_link(blob.path(), &target).or_else(|_| fs::copy(blob.path(), &target).map(drop))?;
        }
    }
    Ok(())
}
