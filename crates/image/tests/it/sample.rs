//! A small tree with one of everything that an archive has to carry.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::machine::{output, program};

/// Every modification time after this is clamped.
pub const EPOCH: u64 = 1_700_000_000;

/// Files, links and directories that an ordinary user can make; the order of creation is `reversed` or not.
pub fn plain(root: &Path, reversed: bool) {
    let mut names: Vec<_> = (0..40).map(|n| format!("usr/share/doc/package-{n}/copyright")).collect();
    names.push(format!("usr/share/{}/{}", "d".repeat(120), "f".repeat(90)));
    names.push(format!("usr/share/{}/end", "n".repeat(200)));
    names.push("usr/share/ümläut ' \" \\ \n name".to_owned());
    names.extend(["etc/empty", "etc/Zulu", "etc/alpha", "etc/alpha.d/x", "etc/alpha-b"].map(str::to_owned));
    if reversed {
        names.reverse();
    }
    for name in &names {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = if name.ends_with("empty") { String::new() } else { name.repeat(40) };
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    }
    let large: Vec<u8> = (0..3_000_001_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    fs::write(root.join("usr/large"), large).unwrap();
    fs::set_permissions(root.join("usr/large"), Permissions::from_mode(0o4755)).unwrap();
    fs::hard_link(root.join("usr/large"), root.join("usr/larger")).unwrap();
    symlink("alpha", root.join("etc/link")).unwrap();
    symlink("/".to_owned() + &"target/".repeat(30), root.join("etc/long-link")).unwrap();
    fs::create_dir_all(root.join("proc/1")).unwrap();
    fs::create_dir_all(root.join("var/tmp")).unwrap();
    fs::set_permissions(root.join("var/tmp"), Permissions::from_mode(0o1777)).unwrap();
    directories(root);
    output(Command::new("touch").args(["-d", "@1600000000"]).arg(root.join("etc/alpha")));
}

/// The umask of the test must not show.
fn directories(path: &Path) {
    for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "tmp" {
                fs::set_permissions(entry.path(), Permissions::from_mode(0o755)).unwrap();
            }
            directories(&entry.path());
        }
    }
    if !path.ends_with("tmp") {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
}

/// Adds what only root can make: owners, devices, capabilities, and attributes of every kept kind.
pub fn special(root: &Path) {
    let sh = |script: &str| output(Command::new("sh").args(["-ec", script]).current_dir(root));
    drop((program("setcap", "libcap2-bin"), program("setfattr", "attr"), program("setfacl", "acl")));
    sh("chown 33:42 etc/alpha; chown -h 7:8 etc/link; chown 65534:65534 etc/Zulu
        mknod dev-null c 1 3; mknod loop b 7 300; mkfifo pipe; chmod 666 dev-null; chmod 600 loop pipe
        setcap cap_net_raw+ep etc/alpha-b
        setfattr -n user.note -v 'a=b' etc/Zulu; setfattr -n user.dir -v x etc/alpha.d
        setfattr -n trusted.secret -v x etc/Zulu
        setfacl -m u:33:r etc/Zulu");
}
