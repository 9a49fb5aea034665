//! Packages of Arch Linux: a front that describes them, then files.

use std::io;

use lbuild_repo::alpm::archive::Package;

/// Reads the bytes as a package, to its end.
pub fn run(data: &[u8]) {
    let Ok(mut package) = Package::open(data, 16 << 20) else { return };
    let _ = package.mtree();
    let _ = package.build_info();
    while let Ok(Some(entry)) = package.next_entry() {
        assert!(!entry.path.starts_with(b"/") && !entry.path.starts_with(b"../"));
        if io::copy(&mut package.content(), &mut io::sink()).is_err() {
            return;
        }
    }
}
