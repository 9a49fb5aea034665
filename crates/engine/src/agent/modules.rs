//! The index of kernel modules, made beside the configuration of packages.
//!
//! `depmod` takes seconds on one processor, because it decompresses every module, and reads nothing but the modules.
//! So it begins when they are in the tree, while other packages are set up, and reads their outlines as soon as those are
//! there. When the kernel's own script asks for it, a stand-in waits for that run instead of beginning another.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;

use rustix::fs::{FlockOperation, flock};

use super::outlines;
use super::program::Program;
use super::stand_ins;

/// Where the stand-in finds the runs, one file for each kernel: locked while it goes on, then with its exit status.
const RUNS: &str = "/run/lbuild/depmod";

/// Where the outlines stand as in a system of their own: a memory file system, below one of the sandbox's, so that no
/// tree gets a place for it.
pub(crate) const BASE: &str = "/dev/outlines";

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

/// Does `work` while the modules of every kernel that has no index yet are indexed. `outlines` waits until it is known
/// whether the modules have outlines, and gives them; they are unpacked at [`BASE`].
pub(super) fn beside<T>(
    env: &[(String, String)],
    outlines: impl FnOnce() -> Option<File> + Send,
    work: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    let failed = |error: io::Error| format!("cannot index the kernel modules: {error}");
    let runs = runs().map_err(failed)?;
    thread::scope(|scope| {
        scope.spawn(move || {
            let unpacked = outlines().is_some_and(|pack| unpack(&pack).is_ok());
            for (kernel, run) in runs {
                index(&kernel, run, unpacked, env);
            }
        });
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
        stand_ins::script(&Path::new(stand_ins::DIRECTORY).join("depmod"), STAND_IN)?;
    }
    Ok(runs)
}

fn kernels() -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(Path::new("/").join(outlines::MODULES)) {
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
fn index(kernel: &str, mut run: File, outlined: bool, env: &[(String, String)]) {
    let began = run.metadata().and_then(|metadata| metadata.modified());
    let depmod = |arguments: &[&str]| {
        let argv: Vec<String> =
            ["/usr/sbin/depmod"].iter().chain(arguments).map(|&argument| argument.to_owned()).collect();
        Program { argv: &argv, env, stdin: None }.run().is_ok()
    };
    let by_outlines = outlined && depmod(&["-b", BASE, "-o", "/", kernel]);
    let tell = |began| run.write_all(b"0").and_then(|()| run.set_modified(began));
    // A failure is nobody's yet: the stand-in does it again, and the script that asked for it fails.
    let _ = (by_outlines || depmod(&[kernel])).then(|| began.and_then(tell));
}

/// Makes what `depmod` takes for the root of a system, with outlines for modules.
fn unpack(pack: &File) -> io::Result<()> {
    let base = Path::new(BASE);
    let modules = base.join(outlines::MODULES);
    fs::create_dir_all(&modules)?;
    symlink("usr/lib", base.join("lib"))?;
    outlines::unpack(pack, Path::new("/"), &modules)
}
