//! Repositories of Arch Linux made by its own tools: `makepkg` builds, `gpg` signs, `repo-add` indexes.

use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::gnupg;

/// The user who builds when the tests run as root, which `makepkg` refuses.
const NOBODY: u32 = 65534;

/// A package to be built.
#[derive(Debug, Clone)]
pub struct Recipe {
    name: String,
    version: String,
    fields: Vec<(String, Vec<String>, bool)>,
    files: Vec<(String, String)>,
}

impl Recipe {
    /// A package for every architecture without files. `version` is `[epoch:]version-release`.
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned(), fields: Vec::new(), files: Vec::new() }
    }

    /// Adds a variable of the PKGBUILD with one value.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), vec![value.to_owned()], false));
        self
    }

    /// Adds an array of the PKGBUILD.
    #[must_use]
    pub fn list(mut self, name: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        self.fields.push((name.to_owned(), values, true));
        self
    }

    /// Adds a file, as a path below the root.
    #[must_use]
    pub fn file(mut self, path: &str, content: &str) -> Self {
        self.files.push((path.to_owned(), content.to_owned()));
        self
    }

    /// The text of the PKGBUILD.
    fn text(&self) -> String {
        let (epoch, rest) = self.version.split_once(':').unwrap_or(("0", &self.version));
        let (version, release) = rest.rsplit_once('-').unwrap_or((rest, "1"));
        let mut text = format!("pkgname={}\npkgver={version}\npkgrel={release}\narch=(any)\n", self.name);
        if epoch != "0" {
            let _ = writeln!(text, "epoch={epoch}");
        }
        for (name, values, array) in &self.fields {
            let quoted: Vec<String> =
                values.iter().map(|value| format!("'{}'", value.replace('\'', "'\\''"))).collect();
            let _ = match array {
                true => writeln!(text, "{name}=({})", quoted.join(" ")),
                false => writeln!(text, "{name}={}", quoted.join(" ")),
            };
        }
        text + "package() { cp -a \"$startdir/files/.\" \"$pkgdir/\"; }\n"
    }
}

/// Builds `recipes`, signs them and indexes them as `NAME.db` and `NAME.files` in `directory`, which is made. Packages
/// are compressed as `extension` (`zst`, `xz`, `gz`) says.
///
/// # Panics
/// When a tool is missing or fails.
pub fn repository(directory: &Path, name: &str, extension: &str, recipes: &[Recipe], signer: &gnupg::Home) {
    std::fs::create_dir_all(directory).expect("a directory");
    let packages: Vec<PathBuf> =
        recipes.iter().map(|recipe| build(recipe, directory, extension, signer)).collect();
    let database = directory.join(format!("{name}.db.tar.{extension}"));
    let mut command = Command::new("repo-add");
    command.args(["--quiet", "--sign", "--key", signer.user()]).arg(database).args(packages);
    run(command.env("GNUPGHOME", signer.path()));
}

/// Builds one package into `directory`.
fn build(recipe: &Recipe, directory: &Path, extension: &str, signer: &gnupg::Home) -> PathBuf {
    let work = tempfile::tempdir().expect("a directory");
    let files = work.path().join("files");
    std::fs::create_dir(&files).expect("a directory");
    std::fs::write(work.path().join("PKGBUILD"), recipe.text()).expect("a PKGBUILD");
    std::fs::write(work.path().join("makepkg.conf"), settings(extension)).expect("settings");
    for (path, content) in &recipe.files {
        let path = files.join(path);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("directories");
        std::fs::write(path, content).expect("a file");
    }
    let mut command = if rustix::process::geteuid().is_root() {
        std::fs::set_permissions(work.path(), PermissionsExt::from_mode(0o755)).expect("own directory");
        chown(work.path(), Some(NOBODY), Some(NOBODY)).expect("root");
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "makepkg"]);
        command
    } else {
        Command::new("makepkg")
    };
    command.args(["--nodeps", "--force", "--noconfirm", "--config", "makepkg.conf"]);
    run(command.current_dir(work.path()).env("HOME", work.path()).env("SOURCE_DATE_EPOCH", "1780000000"));
    let name = format!("{}-{}-any.pkg.tar.{extension}", recipe.name, recipe.version);
    let target = directory.join(&name);
    std::fs::copy(work.path().join(&name), &target).unwrap_or_else(|error| panic!("`{name}`: {error}"));
    signer.sign_beside(&target);
    target
}

/// A `makepkg.conf` that depends on nothing of the machine.
fn settings(extension: &str) -> String {
    format!(
        "CARCH=x86_64\nCHOST=x86_64-pc-linux-gnu\nBUILDENV=(!distcc !color !ccache check !sign)\n\
         OPTIONS=(!strip docs libtool staticlibs emptydirs !zipman !purge !debug)\nINTEGRITY_CHECK=(sha256)\n\
         PKGEXT='.pkg.tar.{extension}'\nSRCEXT='.src.tar.gz'\nPACKAGER='Tester <packager@example.org>'\n\
         COMPRESSGZ=(gzip -c -f -n)\nCOMPRESSXZ=(xz -c -z -)\nCOMPRESSZST=(zstd -c -z -q -)\n"
    )
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}{said}", String::from_utf8_lossy(&output.stdout));
}
