//! The gate on small trees; on real ones it is an integration test.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::*;

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn rules(root: &Path, policy: &Policy) -> Vec<(String, Rule)> {
    let root = File::open(root).unwrap();
    check(root.as_fd(), policy)
        .unwrap()
        .into_iter()
        .map(|violation| (violation.path, violation.rule))
        .collect()
}

const DIRTY: &[(&str, &str, Rule)] = &[
    ("etc/ssh/ssh_host_ed25519_key", "secret", Rule::GeneratedKey),
    ("etc/ssh/ssh_host_ed25519_key.pub", "public", Rule::GeneratedKey),
    ("etc/machine-id", "0123456789abcdef0123456789abcdef\n", Rule::MachineId),
    ("var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n", Rule::MachineId),
    ("var/lib/systemd/random-seed", "seed", Rule::RandomSeed),
    ("var/cache/apt/pkgcache.bin", "cache", Rule::PackageCache),
    ("var/cache/apt/archives/a_1_all.deb", "deb", Rule::PackageCache),
    ("var/lib/apt/lists/mirror_dists_trixie_InRelease", "list", Rule::PackageCache),
    ("var/log/dpkg.log", "log", Rule::ToolLog),
    ("var/log/app.log", "log", Rule::Log),
    ("var/log/app/app.log", "log", Rule::Log),
    ("var/log/wtmp", "log", Rule::ToolLog),
    ("root/.bash_history", "ls", Rule::ShellHistory),
    ("etc/resolv.conf", "nameserver 192.0.2.1\n", Rule::ResolvConf),
    ("tmp/.hidden", "", Rule::Temporary),
];

#[test]
fn t26_every_leftover_is_found_and_cleaned() {
    let files: Vec<_> = DIRTY.iter().map(|(path, text, _)| (*path, *text)).collect();
    let root = tree(&files);
    let policy = Policy::default();
    let mut expected: Vec<_> = DIRTY.iter().map(|(path, _, rule)| (format!("/{path}"), *rule)).collect();
    expected.sort();
    assert_eq!(rules(root.path(), &policy), expected);

    let opened = File::open(root.path()).unwrap();
    assert_eq!(clean(opened.as_fd(), &policy, Scope::Everything).unwrap().len(), DIRTY.len());
    assert_eq!(rules(root.path(), &policy), []);
    assert_eq!(fs::read(root.path().join("etc/machine-id")).unwrap(), b"");
    assert_eq!(fs::read(root.path().join("var/log/wtmp")).unwrap(), b"");
    // Its owner and mode let the program write to it.
    assert_eq!(fs::read(root.path().join("var/log/app.log")).unwrap(), b"");
    assert!(!root.path().join("etc/ssh/ssh_host_ed25519_key").exists());
    assert_eq!(clean(opened.as_fd(), &policy, Scope::Everything).unwrap(), [""; 0]);
}

#[test]
fn t26_a_clean_tree_passes() {
    let root = tree(&[("etc/machine-id", "uninitialized\n"), ("etc/passwd", "root:x:0:0::/root:/bin/sh\n")]);
    fs::create_dir_all(root.path().join("var/lib/dbus")).unwrap();
    symlink("/etc/machine-id", root.path().join("var/lib/dbus/machine-id")).unwrap();
    symlink("../run/systemd/resolve/stub-resolv.conf", root.path().join("etc/resolv.conf")).unwrap();
    assert_eq!(rules(root.path(), &Policy::default()), []);
}

#[test]
fn t26_contents_give_the_build_away() {
    let root = tree(&[
        ("etc/apt/sources.list", "# trusted=yes\ndeb [ arch=amd64 Trusted=yes ] http://x trixie main\n"),
        ("etc/apt/sources.list.d/a.sources", "Types: deb\nTrusted: yes\n"),
        ("etc/apt/apt.conf.d/99x", "APT::Get::AllowUnauthenticated \"true\";\n"),
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n"),
        ("etc/hosts", "127.0.1.1 builder-17\n"),
        ("usr/share/doc/x", "builder-17 in a package is not ours"),
    ]);
    symlink("/var/tmp/store/trees", root.path().join("etc/link")).unwrap();
    let policy = Policy {
        build_strings: vec!["builder-17".into(), "/var/tmp/store".into(), String::new()],
        ..Policy::default()
    };
    let expected = [
        ("/etc/apt/apt.conf.d/99x", Rule::TrustedRepository),
        ("/etc/apt/sources.list", Rule::TrustedRepository),
        ("/etc/apt/sources.list.d/a.sources", Rule::TrustedRepository),
        ("/etc/hosts", Rule::BuildString),
        ("/etc/link", Rule::BuildString),
        ("/etc/passwd", Rule::ExtraRoot),
    ];
    assert_eq!(rules(root.path(), &policy), expected.map(|(path, rule)| (path.to_owned(), rule)));
}

#[test]
fn t26_what_the_spec_wants_stays() {
    let root = tree(&[("etc/resolv.conf", "nameserver 9.9.9.9\n"), ("proc/x.dpkg-new", "")]);
    let policy =
        Policy { excludes: Excludes::runtime(), wanted: vec!["etc/resolv.conf".into()], ..Policy::default() };
    assert_eq!(rules(root.path(), &policy), []);
    assert_eq!(clean(File::open(root.path()).unwrap().as_fd(), &policy, Scope::Everything).unwrap(), [""; 0]);
}

#[test]
fn t26_whole_directories_are_removed() {
    let root =
        tree(&[("tmp/a/b/c", "x"), ("var/log/journal/0123/system.journal", "x"), ("etc/a.dpkg-new", "")]);
    symlink("/etc", root.path().join("tmp/a/etc")).unwrap();
    let opened = File::open(root.path()).unwrap();
    assert_eq!(
        clean(opened.as_fd(), &Policy::default(), Scope::Everything).unwrap(),
        ["tmp/a", "var/log/journal/0123"]
    );
    assert_eq!(rules(root.path(), &Policy::default()), [("/etc/a.dpkg-new".to_owned(), Rule::Unfinished)]);
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn t26_links_to_what_is_removed_go_with_it() {
    let certificates = "etc/ssl/certs";
    let root = tree(&[("etc/ssl/certs/ssl-cert-snakeoil.pem", "x"), ("etc/ssl/certs/ca.pem", "x")]);
    let links = [
        ("2e5ac55d.0", "ssl-cert-snakeoil.pem"),
        ("zz", "/etc/ssl/certs/ssl-cert-snakeoil.pem"),
        ("5ed36f99.0", "ca.pem"),
        ("gone", "never-there"),
    ];
    for (name, target) in links {
        symlink(target, root.path().join(certificates).join(name)).unwrap();
    }
    let opened = File::open(root.path()).unwrap();
    let cleaned = clean(opened.as_fd(), &Policy::default(), Scope::Everything).unwrap();
    let expected = ["ssl-cert-snakeoil.pem", "2e5ac55d.0", "zz"].map(|name| format!("{certificates}/{name}"));
    assert_eq!(cleaned, expected);
    let mut left: Vec<_> = fs::read_dir(root.path().join(certificates))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["5ed36f99.0", "ca.pem", "gone"]);
}

#[test]
fn t26_what_a_script_leaves_is_not_cleaned_away_but_reported() {
    let files: Vec<_> = DIRTY.iter().map(|(path, text, _)| (*path, *text)).collect();
    let root = tree(&files);
    let opened = File::open(root.path()).unwrap();
    clean(opened.as_fd(), &Policy::default(), Scope::Byproducts).unwrap();
    let mut left: Vec<_> = rules(root.path(), &Policy::default()).into_iter().map(|(_, rule)| rule).collect();
    left.dedup();
    let expected =
        [Rule::MachineId, Rule::ResolvConf, Rule::GeneratedKey, Rule::ShellHistory, Rule::MachineId];
    assert_eq!(left, [&expected[..], &[Rule::RandomSeed, Rule::Log]].concat());
}

#[test]
fn t26_nobody_can_want_a_secret_that_machines_share() {
    let secrets = ["etc/ssh/ssh_host_ed25519_key", "etc/machine-id", "var/lib/systemd/random-seed"];
    let harmless = ["etc/resolv.conf", "var/log/app.log"];
    let files: Vec<_> = secrets.iter().chain(&harmless).map(|path| (*path, "text")).collect();
    let root = tree(&files);
    let wanted = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    let policy = Policy { wanted, ..Policy::default() };
    let expected = [Rule::MachineId, Rule::GeneratedKey, Rule::RandomSeed];
    assert_eq!(rules(root.path(), &policy).into_iter().map(|(_, rule)| rule).collect::<Vec<_>>(), expected);
    assert_eq!(clean(File::open(root.path()).unwrap().as_fd(), &policy, Scope::Everything).unwrap(), [""; 0]);
}

#[test]
fn t25_a_privileged_program_is_one_that_a_package_brought_or_the_spec_declares() {
    let root = tree(&[("usr/bin/su", ""), ("usr/bin/own", ""), ("usr/lib/.hidden", ""), ("tmp/x", "")]);
    let opened = File::open(root.path()).unwrap();
    let chmod = |path: &str, mode| {
        fs::set_permissions(root.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (path, mode) in
        [("usr/bin/su", 0o4755), ("usr/bin/own", 0o2755), ("usr/lib/.hidden", 0o4755), ("tmp/x", 0o4755)]
    {
        chmod(path, mode);
    }
    let excludes = Excludes::runtime();
    let programs = privileged(opened.as_fd(), &excludes).unwrap();
    let paths: Vec<&str> = programs.iter().map(|program| program.path.as_str()).collect();
    assert_eq!(
        paths,
        ["usr/bin/own", "usr/bin/su", "usr/lib/.hidden"],
        "what the image leaves out is not looked at"
    );

    let su = programs[1].clone();
    let declared = vec![Declared { path: "usr/bin/own".to_owned(), mode: 0o2755 }];
    let policy = Policy { excludes, privileged: vec![su], declared, ..Policy::default() };
    let found = |policy| check(opened.as_fd(), policy).unwrap();
    let [hidden] = &found(&policy)[..] else { panic!("{:?}", found(&policy)) };
    assert_eq!((hidden.path.as_str(), hidden.rule), ("/usr/lib/.hidden", Rule::PrivilegedProgram));
    assert!(hidden.reason.starts_with("is a setuid program (mode 4755, owner "), "{}", hidden.reason);

    // The program of a package is known as it was left, and the declared one with its mode.
    chmod("usr/bin/su", 0o6755);
    chmod("usr/bin/own", 0o4755);
    assert_eq!(found(&policy).len(), 3);
}
