//! The packed modules take the places of their outlines again, before the generator writes its archive.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::agent::outlines::{self, MODULES};
use crate::agent::stand_ins::script;

/// Where the generator looks for programs before `/usr/sbin`, where the real one is.
const DEPMOD: &str = "/usr/bin/depmod";

/// Says that the modules are packed.
const DONE: &str = "/run/lbuild/packed";

/// Directories of scripts that the generator runs. What else reads modules, does so through kmod.
const HOOKS: [&str; 2] = ["/usr/share/initramfs-tools/hooks", "/etc/initramfs-tools/hooks"];

/// The generator calls `depmod` once, after it has copied all modules and before it lists what goes into the archive.
/// Owner, mode and time of a module are those that `cp -p` would give it; directories are left alone.
const STAND_IN: &str = r#"#!/bin/sh
/usr/sbin/depmod "$@" || exit
[ "$*" = "-a -b $DESTDIR $version" ] || exit 0
cd "$DESTDIR" || exit
modules=$(mktemp) || exit
find . -type f \( -name '*.ko' -o -name '*.ko.*' \) > "$modules" || exit
cd PACKED || exit
cpio --pass-through --unconditional --preserve-modification-time --quiet "$DESTDIR" < "$modules" || exit
rm "$modules"
echo packed > /run/lbuild/packed
"#;

/// The stand-in for `depmod` is there.
pub(super) struct Packer;

impl Packer {
    /// Puts the outlines and the stand-in into the copy of the system; `packed` is the system with the modules as they
    /// are. `None` when this generator may look at modules itself.
    pub(super) fn put(packed: &Path, outlines: &File) -> io::Result<Option<Self>> {
        if Path::new(DEPMOD).symlink_metadata().is_ok() || hooks_know_modules()? {
            return Ok(None);
        }
        outlines::unpack(outlines, packed, &Path::new("/").join(MODULES))?;
        fs::create_dir_all("/run/lbuild")?;
        script(Path::new(DEPMOD), &STAND_IN.replace("PACKED", &packed.display().to_string()))?;
        println!("the generator sees the outlines of the kernel modules");
        Ok(Some(Self))
    }

    /// Whether every module has its place again.
    #[expect(clippy::unused_self, reason = "only what was put there can have run")]
    pub(super) fn has_run(self) -> bool {
        Path::new(DONE).exists()
    }
}

fn hooks_know_modules() -> io::Result<bool> {
    for directory in HOOKS.map(Path::new).into_iter().filter(|directory| directory.is_dir()) {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_file() && String::from_utf8_lossy(&fs::read(path)?).contains(".ko") {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
