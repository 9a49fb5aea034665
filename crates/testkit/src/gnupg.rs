//! Signs fixtures with `GnuPG`, at a time that never changes.

use std::path::Path;
use std::process::{Command, Stdio};

/// When every key and signature of a [`Home`] is made: 2026-06-01T00:00:00Z, in seconds since the Unix epoch.
pub const SIGNED: u64 = 1_780_272_000;

/// A home of `GnuPG` with one key that signs, removed with its agent at the end.
#[derive(Debug)]
pub struct Home {
    directory: tempfile::TempDir,
    user: String,
}

impl Home {
    /// Makes a home with an Ed25519 key for `user`, such as `a@example.org`.
    ///
    /// # Panics
    /// When `gpg` is missing or fails.
    pub fn new(user: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let home = Self { directory, user: user.to_owned() };
        let settings =
            "batch\nyes\nquiet\npinentry-mode loopback\npassphrase \"\"\nfaked-system-time 20260601T000000\n";
        std::fs::write(home.path().join("gpg.conf"), settings).expect("settings");
        home.run(&["--quick-generate-key", user, "ed25519", "sign", "never"]);
        home
    }

    /// The directory, for `GNUPGHOME`.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Name of the key.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The public key, binary.
    ///
    /// # Panics
    /// When `gpg` fails.
    pub fn public_key(&self) -> Vec<u8> {
        self.run(&["--export", &self.user])
    }

    /// Writes a detached binary signature of `file` beside it, as `FILE.sig`.
    ///
    /// # Panics
    /// When `gpg` fails.
    pub fn sign_beside(&self, file: &Path) {
        let mut target = file.as_os_str().to_owned();
        target.push(".sig");
        let (target, file) = (target.to_string_lossy().into_owned(), file.to_string_lossy().into_owned());
        self.run(&["--output", &target, "--detach-sign", &file]);
    }

    /// Runs `gpg` in this home and gives its output.
    ///
    /// # Panics
    /// When it is missing or fails.
    pub fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .args(arguments)
            .env("GNUPGHOME", self.path())
            .stdin(Stdio::null())
            .output()
            .expect("`gpg` is needed to sign fixtures");
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let kill = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.path()).status();
        drop(kill);
    }
}
