//! Packages that try to get out of the tree, fill the disk or stop the unpack.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn t07_a_symlink_of_one_package_takes_another_nowhere() {
    let canary = tempfile::tempdir().unwrap();
    let outside = canary.path().to_str().unwrap();
    let relative = format!("{}{outside}", "../".repeat(20));
    for target in [outside, &relative] {
        for threads in [1, 2] {
            let root = Root::new();
            // What the link means inside the tree exists there.
            fs::create_dir_all(root.path(outside.trim_start_matches('/'))).unwrap();
            let link =
                DebFile::new("link").data(Tarball::new().directory("./etc/").symlink("./etc/x", target));
            let file = DebFile::new("file").data(
                Tarball::new().directory("./etc/").directory("./etc/x/").file("./etc/x/file", b"pwned"),
            );
            let open = File::open(root.directory.path()).unwrap();
            let packages = [link, file].into_iter().zip(0..).map(|(deb, order)| package(&deb.build(), order));
            let options = Options { threads, ..Options::default() };
            let result = unpack(open.as_fd(), packages, &options, None, &|_| {});
            assert_eq!(fs::read_dir(canary.path()).unwrap().count(), 0, "the canary was touched");
            match result {
                Ok(_) => assert_eq!(root.read(format!("{outside}/file").trim_start_matches('/')), "pwned"),
                Err(error) => assert!(matches!(error, UnpackError::OrderDependent { .. }), "{error}"),
            }
        }
    }
}

#[test]
fn t07_links_that_were_in_the_tree_before_lead_nowhere_either() {
    let canary = tempfile::tempdir().unwrap();
    fs::write(canary.path().join("file"), "mine").unwrap();
    let root = Root::new();
    fs::create_dir_all(root.path("etc")).unwrap();
    symlink(canary.path(), root.path("etc/x")).unwrap();
    symlink(canary.path().join("file"), root.path("etc/y")).unwrap();
    let through = with_file("through", "etc/x/file", "pwned");
    let error = root.unpack(vec![through]).unwrap_err();
    assert!(matches!(error, UnpackError::Write { .. }), "{error}");
    // A file that replaces a symlink replaces the link, not what it points to.
    root.unpack(vec![with_file("over", "etc/y", "new")]).unwrap();
    assert!(fs::symlink_metadata(root.path("etc/y")).unwrap().is_file());
    assert_eq!(fs::read_to_string(canary.path().join("file")).unwrap(), "mine");
}

#[test]
fn t07_hardlinks_and_names_cannot_reach_out() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let path = secret.path().to_str().unwrap();
    let cases = [
        Tarball::new().hardlink("./etc/x", path),
        Tarball::new().hardlink("./etc/x", &format!("../..{path}")),
        Tarball::new().symlink("./etc/s", path).hardlink("./etc/x", "./etc/s"),
        Tarball::new().file(&format!("../..{path}"), b"pwned"),
        Tarball::new().file(path, b"pwned"),
    ];
    for (number, data) in cases.into_iter().enumerate() {
        let error = Root::new().unpack(vec![DebFile::new("bad").data(data)]).unwrap_err();
        assert!(matches!(error, UnpackError::Archive { .. }), "case {number}: {error}");
    }
    assert_eq!(fs::read(secret.path()).unwrap(), b"");
}

#[test]
fn t07_control_members_and_names_stay_in_the_database() {
    let with_name = |name: &str| DebFile::new("x").field("Package", name);
    for name in ["../../etc/cron.d/x", "a/b", ".", "", "x\u{0}y"] {
        let error = Root::new().unpack(vec![with_name(name)]).unwrap_err();
        assert!(matches!(error, UnpackError::Archive { .. }), "{name:?}: {error}");
    }
    let architecture = DebFile::new("x").field("Architecture", "../all").field("Multi-Arch", "same");
    assert!(matches!(Root::new().unpack(vec![architecture]).unwrap_err(), UnpackError::Archive { .. }));
    let trigger = DebFile::new("x").member("triggers", "interest ../status\n");
    assert!(matches!(Root::new().unpack(vec![trigger]).unwrap_err(), UnpackError::Archive { .. }));
    let nested = DebFile::new("x").member("sub/postinst", "#!/bin/sh\n");
    assert!(matches!(Root::new().unpack(vec![nested]).unwrap_err(), UnpackError::Archive { .. }));
}

#[test]
fn t08_odd_entries_neither_hang_nor_leave_the_tree() {
    let data = Tarball::new()
        .symlink("./out", "/etc")
        .node("./fifo", b'6', (0, 0))
        .file("./-rf", b"dash")
        .file("./--help", b"dashes");
    let root = Root::new();
    let start = Instant::now();
    let unpacked = root.unpack(vec![DebFile::new("odd").data(data)]).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(unpacked.files, 4);
    assert_eq!(paths(root.directory.path()), ["--help", "-rf", "fifo", "out"]);
    let newline = DebFile::new("odd").data(Tarball::new().file("./a\nb", b""));
    let error = Root::new().unpack(vec![newline]).unwrap_err();
    assert!(matches!(error, UnpackError::Archive { .. }), "{error}");
}

#[test]
fn t06_a_package_cannot_unpack_to_more_than_the_budget() {
    let root = Root::new();
    let open = File::open(root.directory.path()).unwrap();
    let bomb = DebFile::new("bomb").data(Tarball::new().file("./zeros", &vec![0; 8 << 20]));
    let options = Options { max_bytes: 1 << 20, ..Options::default() };
    let packages = [package(&bomb.build(), 0)].into_iter();
    let error = unpack(open.as_fd(), packages, &options, None, &|_| {}).unwrap_err();
    let mut cause: &dyn std::error::Error = &error;
    let mut chain = vec![cause.to_string()];
    while let Some(next) = cause.source() {
        cause = next;
        chain.push(cause.to_string());
    }
    assert_eq!(chain.last().unwrap(), "decompressed data is larger than 1048576 bytes", "{chain:?}");
    assert!(fs::metadata(root.path("zeros")).unwrap().len() <= 1 << 20);
}

#[test]
fn damaged_packages_are_errors_and_never_panics() {
    let whole = with_file("one", "usr/share/x", &"x".repeat(3000)).member("md5sums", "").build();
    for cut in (0..whole.len() - 1).step_by(97) {
        let root = Root::new();
        let open = File::open(root.directory.path()).unwrap();
        let result =
            unpack(open.as_fd(), [package(&whole[..cut], 0)].into_iter(), &Options::default(), None, &|_| {});
        assert!(matches!(result, Err(UnpackError::Archive { .. })), "cut at {cut}: {result:?}");
    }
}
