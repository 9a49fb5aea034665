//! The index of kernel modules, made beside the configuration of packages.
//!
//! `depmod` takes seconds on one processor, because it decompresses every module, and reads nothing but the modules.
//! So it begins when they are in the tree, while other packages are set up. When the kernel's own script asks for it,
//! a stand-in waits for that run instead of beginning another.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::thread;

use rustix::fs::{FlockOperation, flock};

use super::install::STAND_INS;
use super::program::Program;

/// Where the stand-in finds the runs, one file for each kernel: locked while it goes on, then with its exit status.
const RUNS: &str = "/run/lbuild/depmod";

/// Where kernels have their modules.
const MODULES: &str = "/usr/lib/modules";

/// What the kernel's script finds as `depmod`. A run counts only for exactly what it did, and only as long as no module
/// and no setting has come since; every other run waits, so that two never write at once.
const STAND_IN: &str = r#"#!/bin/sh
for run in /run/lbuild/depmod/*; do
    [ ! -e "$run" ] || flock --shared "$run" true
done
run="/run/lbuild/depmod/$1"
if [ $# = 1 ] && [ -e "$run" ] && [ "$(cat "$run")" = 0 ]; then
    newer=$(find "/usr/lib/modules/$1" /etc/depmod.d -cnewer "$run" \( -name '*.ko*' -o -name '*.conf' \) | head -n 1)
    [ -n "$newer" ] || exit 0
fi
exec /usr/sbin/depmod "$@"
"#;

/// Does `work` while the modules of every kernel that has no index yet are indexed.
pub(super) fn beside<T>(
    env: &[(String, String)],
    work: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    let failed = |error: io::Error| format!("cannot index the kernel modules: {error}");
    let runs = runs().map_err(failed)?;
    thread::scope(|scope| {
        for (kernel, run) in runs {
            scope.spawn(move || index(&kernel, run, env));
        }
        work()
    })
}

/// The kernels without an index, each with the locked file of its run. With none of them there is no stand-in.
fn runs() -> io::Result<Vec<(String, File)>> {
    let mut runs = Vec::new();
    for kernel in kernels()? {
        fs::create_dir_all(RUNS)?;
        let file = File::create_new(Path::new(RUNS).join(&kernel))?;
        flock(&file, FlockOperation::LockExclusive)?;
        runs.push((kernel, file));
    }
    if !runs.is_empty() {
        super::install::script(&Path::new(STAND_INS).join("depmod"), STAND_IN)?;
    }
    Ok(runs)
}

fn kernels() -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(MODULES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut kernels = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_new = path.join("kernel").is_dir() && !path.join("modules.dep").exists();
        kernels.extend(path.file_name().and_then(|name| name.to_str()).filter(|_| is_new).map(str::to_owned));
    }
    Ok(kernels)
}

/// Runs `depmod` for one kernel.
fn index(kernel: &str, mut run: File, env: &[(String, String)]) {
    let argv = ["/usr/sbin/depmod", kernel].map(str::to_owned);
    let began = run.metadata().and_then(|metadata| metadata.modified());
    let ran = Program { argv: &argv, env, stdin: None }.run();
    let tell = |began| run.write_all(b"0").and_then(|()| run.set_modified(began));
    // A failure is nobody's yet: the stand-in does it again, and the script that asked for it fails.
    let _ = ran.is_ok().then(|| began.and_then(tell));
}
