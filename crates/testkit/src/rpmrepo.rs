//! Makes RPM packages and repositories with the family's own tools: `rpmbuild`, `rpmsign`, `createrepo_c`, `gpg`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds since the Unix epoch that everything is dated with: 1 June 2026.
pub const MADE: u64 = 1_780_272_000;

/// A package to be made.
#[derive(Debug, Clone)]
pub struct Spec {
    name: String,
    version: String,
    preamble: String,
    sections: String,
    payload: &'static str,
}

impl Spec {
    /// A package `name` of `version-release`, for every architecture, with no files.
    pub fn new(name: &str, version: &str) -> Self {
        let sections = "%description\nText.\n%files\n".to_owned();
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            preamble: String::new(),
            sections,
            payload: "w1.gzdio",
        }
    }

    /// Adds a line such as `Requires: other`.
    #[must_use]
    pub fn tag(mut self, line: &str) -> Self {
        self.preamble.push_str(line);
        self.preamble.push('\n');
        self
    }

    /// Puts sections (`%install`, `%post`, `%files`, ...) in the place of the empty ones.
    #[must_use]
    pub fn sections(mut self, text: &str) -> Self {
        self.sections = format!("%description\nText.\n{text}\n");
        self
    }

    /// Sets how the contents are compressed, such as `w3.zstdio`.
    #[must_use]
    pub fn payload(mut self, mode: &'static str) -> Self {
        self.payload = mode;
        self
    }
}

/// A repository in a directory of its own.
#[derive(Debug)]
pub struct RpmRepo {
    directory: PathBuf,
}

impl RpmRepo {
    /// Starts an empty repository in `directory`, which exists.
    pub fn new(directory: &Path) -> Self {
        std::fs::create_dir_all(directory.join("Packages")).expect("a directory for packages");
        Self { directory: directory.to_owned() }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes a package and gives its path.
    pub fn build(&self, spec: &Spec) -> PathBuf {
        let work = self.directory.join("work");
        std::fs::create_dir_all(&work).expect("a directory for building");
        let (version, release) = spec.version.split_once('-').expect("a version with a release");
        let text = format!(
            "Name: {}\nVersion: {version}\nRelease: {release}\nSummary: A test\nLicense: MIT\nBuildArch: noarch\n{}{}",
            spec.name, spec.preamble, spec.sections
        );
        let path = work.join(format!("{}.spec", spec.name));
        std::fs::write(&path, text).expect("a spec file");
        let file = format!("{}-{}.noarch.rpm", spec.name, spec.version);
        run(Command::new("rpmbuild")
            .args(["--quiet", "-bb"])
            .args(["--define", &format!("_topdir {}", work.display())])
            .args(["--define", &format!("_rpmdir {}/Packages", self.directory.display())])
            .args(["--define", "_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm"])
            .args(["--define", &format!("_binary_payload {}", spec.payload)])
            .args(["--define", "_buildhost example.org"])
            .args(["--define", "use_source_date_epoch_as_buildtime 1"])
            .arg(&path));
        self.directory.join("Packages").join(file)
    }

    /// Makes a key and gives its public half, armored.
    pub fn make_key(&self) -> Vec<u8> {
        let home = self.key_home();
        std::fs::create_dir_all(&home).expect("a directory for the key");
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .expect("its mode");
        self.gpg(&["--quick-generate-key", "test@example.org", "rsa2048", "sign", "never"]);
        self.gpg(&["--armor", "--export", "test@example.org"])
    }

    /// Signs a package with the key of [`RpmRepo::make_key`].
    pub fn sign(&self, package: &Path) {
        run(Command::new("rpmsign")
            .args(["--addsign", "--key-id", "test@example.org"])
            .args(["--define", &format!("_gpg_path {}", self.key_home().display())])
            .args(["--define", "__gpg /usr/bin/gpg"])
            .args(["--define", "_gpg_sign_cmd_extra_args --batch --pinentry-mode loopback --passphrase ''"])
            .arg(package)
            .env("GNUPGHOME", self.key_home()));
    }

    /// Makes the metadata with these options of `createrepo_c`, and signs it when `signed`.
    pub fn finish(&self, options: &[&str], signed: bool) {
        std::fs::remove_dir_all(self.directory.join("work")).expect("the directory of building");
        run(Command::new("createrepo_c")
            .args(["--quiet", "--set-timestamp-to-revision"])
            .args(options)
            .args(["--revision", &MADE.to_string()])
            .arg(&self.directory));
        if signed {
            let text = self.directory.join("repodata/repomd.xml");
            let text = text.to_str().expect("a path of text");
            self.gpg(&["--yes", "--armor", "--detach-sign", text]);
        }
        // The agent of the key would outlive the test.
        if self.key_home().exists() {
            run(Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.key_home()));
        }
    }

    fn key_home(&self) -> PathBuf {
        self.directory.join("gnupg")
    }

    fn gpg(&self, arguments: &[&str]) -> Vec<u8> {
        run(Command::new("gpg")
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(["--faked-system-time", "20260501T000000"])
            .args(arguments)
            .env("GNUPGHOME", self.key_home()))
    }
}

/// Runs a program and gives what it prints.
fn run(command: &mut Command) -> Vec<u8> {
    command.env("SOURCE_DATE_EPOCH", MADE.to_string()).env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
