//! Programs that judge our output, installed when they are missing.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use lbuild_image::command::ToolCommand;

/// A program, after making sure that its Debian package is installed.
pub fn program(name: &str, package: &str) -> Command {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let guard = INSTALLING.lock().unwrap();
    if !exists(name) {
        let mut apt = Command::new("apt-get");
        apt.args([
            "install",
            "-y",
            "-q",
            "--no-install-recommends",
            "-o",
            "DPkg::Lock::Timeout=300",
            package,
        ]);
        apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        let status = apt.status().expect("apt-get starts");
        assert!(status.success() && exists(name), "`{name}` is needed: install the package `{package}`");
    }
    drop(guard);
    Command::new(name)
}

/// Makes sure that a file of a package is there.
pub fn file(path: &str, package: &str) {
    if !Path::new(path).exists() {
        drop(program(path, package));
    }
}

fn exists(name: &str) -> bool {
    let absolute = |directory: &str| Path::new(directory).join(name).exists();
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"].into_iter().any(absolute)
}

/// Runs a program that must succeed and returns what it printed.
pub fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {}\n{text}{errors}", output.status);
    text.into_owned()
}

/// Runs a planned command on this machine, with its environment and nothing else.
pub fn run(command: &ToolCommand) {
    output(Command::new(&command.argv[0]).args(&command.argv[1..]).env_clear().envs(&command.env));
}
