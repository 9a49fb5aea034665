//! The installed databases of Alpine's own root filesystems, and hostile ones.

use std::io::Read as _;

use lbuild_repo::apk::installed::{Access, read};
use lbuild_repo::compress::Capped;
use lbuild_repo::tar::{Archive, Kind, Policy};
use lbuild_testkit::realdata;

/// The installed database in a root filesystem, and the paths of everything that is no directory.
pub(super) fn system(name: &str) -> (String, Vec<String>) {
    let bytes = realdata::read(name);
    let mut archive = Archive::new(Capped::new(&bytes[..], 1 << 28).unwrap(), Policy::package());
    let (mut text, mut paths) = (String::new(), Vec::new());
    while let Some(entry) = archive.next_entry().unwrap() {
        let path = String::from_utf8(entry.path).unwrap();
        if path == "lib/apk/db/installed" {
            archive.content().read_to_string(&mut text).unwrap();
        }
        if entry.kind != Kind::Directory {
            paths.push(path);
        }
    }
    (text, paths)
}

#[test]
fn the_databases_of_alpine_name_the_files_that_are_there() {
    for (name, packages, busybox) in [
        ("alpine/alpine-minirootfs-3.20.3-x86_64.tar.gz", 14, "1.36.1-r29"),
        ("alpine/docker-alpine-v3.19/alpine-minirootfs-3.19.4-x86_64.tar.gz", 15, "1.36.1-r19"),
    ] {
        let (text, paths) = system(name);
        let installed = read(&text).unwrap();
        assert_eq!(installed.len(), packages, "{name}");
        let found = installed.iter().find(|installed| installed.package.name == "busybox").unwrap();
        assert_eq!(found.package.version, busybox);
        assert!(
            installed
                .iter()
                .all(|installed| installed.package.broken.is_none() && installed.failed.is_empty())
        );
        let mut missing = Vec::new();
        for directory in installed.iter().flat_map(|installed| &installed.directories) {
            for file in &directory.files {
                let path = [directory.path, file.name].join("/");
                if !paths.iter().any(|there| there == path.trim_start_matches('/')) {
                    missing.push(path);
                }
            }
        }
        assert_eq!(missing, [""; 0]);
    }
}

#[test]
fn the_database_of_the_test_suite_is_read() {
    let text = String::from_utf8(realdata::read("alpine/apk-tools-test/user/query-installed.data")).unwrap();
    assert_eq!(read(&text).unwrap().len(), 39);
}

#[test]
fn owners_and_damage_are_read() {
    let text = "P:a\nV:1\nF:etc\nM:0:42:750\nR:shadow\na:0:42:640\nZ:Q1SLkS9hBidUbPwwrw+XR0Whv3ww8=\nF:\nR:x\nf:s\ns:@edge\n";
    let installed = read(text).unwrap();
    let [only] = &installed[..] else { panic!("one package") };
    assert_eq!((only.tag, only.failed, only.directories.len()), ("@edge", "s", 2));
    let etc = &only.directories[0];
    assert_eq!(etc.access, Some(Access { uid: 0, gid: 42, mode: 0o750, xattrs: None }));
    assert_eq!(etc.files[0].access.map(|access| access.mode), Some(0o640));
    assert!(etc.files[0].checksum.is_some());
}

#[test]
fn hostile_databases_are_refused_by_name() {
    for (text, wanted) in [
        ("P:a\nV:1\nR:x\n", "line 3 has a bad field `R`: `x`"),
        (
            "P:a\nV:1\nF:etc\nZ:Q1SLkS9hBidUbPwwrw+XR0Whv3ww8=\n",
            "line 4 has a bad field `Z`: `Q1SLkS9hBidUbPwwrw+XR0Whv3ww8=`",
        ),
        ("P:a\nV:1\nF:../etc\n", "line 3 has a bad field `F`: `../etc`"),
        ("P:a\nV:1\nF:/etc\n", "line 3 has a bad field `F`: `/etc`"),
        ("P:a\nV:1\nF:etc\nR:a/b\n", "line 4 has a bad field `R`: `a/b`"),
        ("P:a\nV:1\nF:etc\nR:..\n", "line 4 has a bad field `R`: `..`"),
        ("P:a\nV:1\nF:etc\nM:0:0:999\n", "line 4 has a bad field `M`: `0:0:999`"),
        ("P:a\nV:1\nF:etc\nM:0:+1:755\n", "line 4 has a bad field `M`: `0:+1:755`"),
        ("F:etc\n\n", "the package that ends at line 2 has no field `P`"),
        ("P:a\nV:1\n\nP:a\nV:2\n\n", "`a` is there twice"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), wanted, "{text:?}");
    }
}
