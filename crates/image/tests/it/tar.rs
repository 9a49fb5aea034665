//! Our stream against GNU tar: what it lists, what it extracts, and that nothing of the machine shows.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use lbuild_image::exclude::Excludes;
use lbuild_image::tar::{TarError, TarOptions, TarTotals, write_tree};

use crate::machine::output;
use crate::{debian, sample};

/// The stream of a tree.
pub fn stream(tree: &Path, excludes: Excludes) -> (Vec<u8>, TarTotals) {
    let mut bytes = Vec::new();
    let options = TarOptions { epoch: sample::EPOCH, excludes };
    let totals = write_tree(File::open(tree).unwrap().as_fd(), &options, &mut bytes).unwrap();
    (bytes, totals)
}

/// What GNU tar says about an archive, sorted by path.
fn listing(archive: &Path) -> Vec<String> {
    let mut tar = Command::new("tar");
    tar.args(["--xattrs", "--acls", "--numeric-owner", "--full-time", "--utc", "-tvvf"]).arg(archive);
    let mut lines: Vec<_> =
        output(tar.env("LC_ALL", "C").env("TZ", "UTC")).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// An archive of the same tree by GNU tar, told to write the same facts.
fn by_gnu_tar(tree: &Path, archive: &Path) {
    let mut tar = Command::new("tar");
    tar.args(["--format=pax", "--sort=name", "--numeric-owner", "--xattrs", "--xattrs-include=user.*"]);
    tar.args(["--xattrs-include=security.capability", "--clamp-mtime", "--mtime=@1700000000"]);
    tar.args([r"--transform=s,^\./\(.\),\1,S", "-C"]).arg(tree).arg("-cf").arg(archive).arg(".");
    output(&mut tar);
}

#[test]
fn the_stream_does_not_depend_on_the_machine() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    sample::plain(one.path(), false);
    sample::plain(two.path(), true);
    let (first, totals) = stream(one.path(), Excludes::default());
    assert_eq!(first, stream(two.path(), Excludes::default()).0);
    assert_eq!(totals.bytes, first.len() as u64);
    assert_eq!(first.len() % 10_240, 0);
}

#[test]
fn gnu_tar_lists_and_extracts_the_same() {
    let work = tempfile::tempdir().unwrap();
    let (tree, out) = (work.path().join("tree"), work.path().join("out"));
    sample::plain(&tree, false);
    std::fs::create_dir(&out).unwrap();
    let (ours, theirs) = (work.path().join("ours.tar"), work.path().join("theirs.tar"));
    std::fs::write(&ours, stream(&tree, Excludes::default()).0).unwrap();
    by_gnu_tar(&tree, &theirs);
    assert_eq!(listing(&ours), listing(&theirs));
    output(Command::new("tar").arg("-xf").arg(&ours).arg("-C").arg(&out));
    output(Command::new("diff").args(["-r", "--no-dereference"]).arg(&tree).arg(&out));
}

#[test]
fn privileged_owners_devices_and_attributes_survive() {
    let work = tempfile::tempdir().unwrap();
    let (tree, out) = (work.path().join("tree"), work.path().join("out"));
    sample::plain(&tree, false);
    sample::special(&tree);
    std::fs::create_dir(&out).unwrap();
    let (ours, theirs) = (work.path().join("ours.tar"), work.path().join("theirs.tar"));
    std::fs::write(&ours, stream(&tree, Excludes::default()).0).unwrap();
    by_gnu_tar(&tree, &theirs);
    let without_mark = |archive: &Path| -> Vec<String> {
        // GNU tar marks entries with access lists by `+` only when it wrote them in its own way.
        listing(archive).into_iter().map(|line| line.replacen('+', " ", 1)).collect()
    };
    let squeeze = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(squeeze(without_mark(&ours)), squeeze(without_mark(&theirs)));
    let mut tar = Command::new("tar");
    tar.args(["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf"]).arg(&ours).arg("-C").arg(&out);
    output(&mut tar);
    let getfattr = |path: &str, name: &str| {
        output(Command::new("getfattr").args(["--only-values", "-n", name]).arg(out.join(path)))
    };
    assert_eq!(getfattr("etc/Zulu", "user.note"), "a=b");
    assert_eq!(getfattr("etc/alpha.d", "user.dir"), "x");
    let all = output(Command::new("getfattr").args(["-d", "-m", "-"]).arg(out.join("etc/Zulu")));
    assert!(!all.contains("trusted."), "{all}");
    let cap = output(Command::new("getcap").arg(out.join("etc/alpha-b")));
    assert!(cap.contains("cap_net_raw=ep"), "{cap}");
    assert!(
        output(Command::new("getfacl").args(["-n", "-p"]).arg(out.join("etc/Zulu"))).contains("user:33:r--")
    );
    let stat = |tree: &Path| {
        let script = "find . -printf '%p %M %U %G %y %l %n\\n' | sort; stat -c '%n %t %T' dev-null loop";
        output(Command::new("sh").args(["-ec", script]).current_dir(tree))
    };
    assert_eq!(stat(&tree), stat(&out));
}

#[test]
fn excludes_empty_directories_and_drop_entries() {
    let work = tempfile::tempdir().unwrap();
    let tree = work.path().join("tree");
    sample::plain(&tree, false);
    let excludes = Excludes { contents: vec!["proc".into()], entries: vec!["usr/share".into()] };
    let archive = work.path().join("a.tar");
    std::fs::write(&archive, stream(&tree, excludes).0).unwrap();
    let names = output(Command::new("tar").arg("-tf").arg(&archive));
    assert!(names.lines().any(|name| name == "proc/") && !names.contains("proc/1"), "{names}");
    assert!(!names.contains("usr/share") && names.contains("usr/large"), "{names}");
}

#[test]
fn a_socket_is_refused_by_name() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("run")).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(tree.path().join("run/s")).unwrap();
    let error = write_tree(File::open(tree.path()).unwrap().as_fd(), &TarOptions::default(), std::io::sink());
    assert!(matches!(error, Err(TarError::Socket { path }) if path == "run/s"));
}

#[test]
fn privileged_a_debian_system_is_listed_as_by_gnu_tar() {
    let work = tempfile::tempdir().unwrap();
    let tree = debian::tree();
    let (ours, theirs) = (work.path().join("ours.tar"), work.path().join("theirs.tar"));
    let (bytes, totals) = stream(tree, Excludes::default());
    std::fs::write(&ours, bytes).unwrap();
    by_gnu_tar(tree, &theirs);
    let (ours, theirs) = (listing(&ours), listing(&theirs));
    assert!(totals.entries > 5000, "{totals:?}");
    assert_eq!(ours.len() as u64, totals.entries);
    assert_eq!(ours, theirs);
}
