//! A small system made of the host's own programs, and short ways to run something in it.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lbuild_sandbox::{Finished, Launcher, Mount, Outcome, Root, Spec, Task};
use tempfile::TempDir;

/// The programs of the small system.
const PROGRAMS: &[&str] = &[
    "sh", "bash", "cat", "chmod", "chown", "cp", "dd", "echo", "env", "false", "head", "id", "ln", "ls",
    "mkdir", "mkfifo", "mv", "readlink", "rm", "rmdir", "sleep", "stat", "sync", "touch", "true", "uname",
    "seq", "setsid", "nohup", "kill", "tr", "wc", "yes", "mknod", "setcap", "getcap", "grep", "sed",
    "hostname", "truncate", "df",
];

/// A launcher and a directory for trees.
pub(crate) struct Bench {
    pub(crate) launcher: Launcher,
    directory: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let launcher = Launcher::new().expect("a launcher");
        let directory = tempfile::Builder::new().prefix("lbuild-it-").tempdir().expect("a directory");
        open_up(directory.path());
        Self { launcher, directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// An empty tree in a directory of its own.
    pub(crate) fn tree(&self, name: &str) -> PathBuf {
        let parent = self.path(name);
        std::fs::create_dir(&parent).expect("a directory");
        open_up(&parent);
        let tree = parent.join("root");
        self.launcher.make_tree_dir(&tree).expect("a tree");
        tree
    }

    /// An overlay over the small system, with a new upper layer.
    pub(crate) fn overlay(&self, name: &str) -> Root {
        let upper = self.tree(name);
        let work = upper.with_file_name("work");
        Root::Overlay { lowers: vec![system().to_owned()], upper, work }
    }

    /// Runs a shell script in the small system; how it ended and its output.
    pub(crate) fn shell(&self, name: &str, script: &str) -> (Finished, String) {
        self.run(Spec::new(self.overlay(name), shell(script)))
    }

    pub(crate) fn run(&self, spec: Spec) -> (Finished, String) {
        let mut output = String::new();
        let finished = self.launcher.run(spec, &mut |_, line| {
            output.push_str(line);
            output.push('\n');
        });
        (finished.expect("a job"), output)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.directory.path()).expect("a directory").flatten() {
            if !entry.path().is_dir() {
                continue;
            }
            for name in ["root", "work"] {
                self.launcher.delete_tree(&entry.path().join(name)).expect("deleted");
            }
        }
    }
}

pub(crate) fn open_up(path: &Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
}

pub(crate) fn shell(script: &str) -> Task {
    Task::Exec {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        env: vec![("PATH".to_owned(), "/bin".to_owned())],
        cwd: "/".into(),
    }
}

pub(crate) fn agent(name: &str) -> Task {
    Task::Agent { name: name.to_owned(), input: Vec::new() }
}

pub(crate) fn tmp() -> Mount {
    Mount::Tmpfs { target: "/tmp".into(), size: 16 << 20 }
}

/// The small system: one tree for all tests of this process, deleted by the last test.
pub(crate) fn system() -> &'static Path {
    static SYSTEM: OnceLock<PathBuf> = OnceLock::new();
    SYSTEM.get_or_init(|| {
        let parent = std::env::temp_dir().join(format!("lbuild-it-system-{}", std::process::id()));
        std::fs::create_dir(&parent).expect("a directory");
        open_up(&parent);
        let launcher = Launcher::new().expect("a launcher");
        let tree = parent.join("root");
        populate_at(&launcher, &tree);
        tree
    })
}

/// Deletes the small system at the end of the tests.
pub(crate) fn remove_system() {
    let parent = std::env::temp_dir().join(format!("lbuild-it-system-{}", std::process::id()));
    if parent.exists() {
        Launcher::new().expect("a launcher").delete_tree(&parent.join("root")).expect("deleted");
        std::fs::remove_dir(parent).expect("deleted");
    }
}

/// Makes the small system as a new tree.
pub(crate) fn populate_at(launcher: &Launcher, tree: &Path) {
    launcher.make_tree_dir(tree).expect("a tree");
    let mut lines = vec!["/usr/lib/.keep -> nothing".to_owned(), "/lib -> usr/lib".to_owned()];
    let mut fds = Vec::new();
    let mut libraries = BTreeSet::new();
    let mut add = |path: &str, file: &Path| {
        lines.push(format!("{path} 755"));
        fds.push(OwnedFd::from(File::open(file).expect("a program of the host")));
    };
    for program in PROGRAMS {
        let file = find(program);
        libraries.extend(needed(&file));
        add(&format!("/bin/{program}"), &file);
    }
    let own = std::env::current_exe().expect("this program");
    libraries.extend(needed(&own));
    add("/bin/it", &own);
    for library in &libraries {
        add(library, Path::new(library));
    }
    let mut spec = Spec::new(
        Root::Directory { tree: tree.to_owned() },
        Task::Agent { name: "populate".to_owned(), input: lines.join("\n").into_bytes() },
    );
    spec.fds = fds;
    let mut output = String::new();
    let finished = launcher.run(spec, &mut |_, line| output.push_str(line)).expect("a job");
    assert_eq!(finished.outcome, Outcome::Exited(0), "{output}");
}

fn find(program: &str) -> PathBuf {
    let places = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"].map(|place| Path::new(place).join(program));
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("the tests need `{program}`"))
}

/// The libraries of a program, the loader included.
fn needed(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect()
}
