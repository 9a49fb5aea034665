//! dpkg's rules, one by one, on packages made for the purpose.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use super::*;

#[test]
fn a_package_comes_with_its_files_and_its_records() {
    let data = Tarball::new()
        .directory("./")
        .directory("./usr/")
        .directory("./usr/bin/")
        .symlink("./usr/bin/link", "tool")
        .file_with_mode("./usr/bin/tool", b"#!/bin/sh\n", 0o4755)
        .hardlink("./usr/bin/hard", "./usr/bin/tool")
        .directory("./var/empty/")
        .node("./run/fifo", b'6', (0, 0))
        .node("./dev/null", b'3', (1, 3));
    let deb = DebFile::new("tool")
        .field("Depends", "libc6(>=2),  a|b")
        .field("Homepage", "https://example.org")
        .field("Section", "utils")
        .member("postinst", "#!/bin/sh\n")
        .data(data);
    let root = Root::new();
    let unpacked = root.unpack(vec![deb]).unwrap();
    assert_eq!(unpacked.packages, ["tool"]);
    assert_eq!(unpacked.files, 9);
    assert_eq!(unpacked.placeholders.len(), 1);
    assert_eq!((unpacked.placeholders[0].path.as_str(), unpacked.placeholders[0].major), ("dev/null", 1));

    let tool = fs::metadata(root.path("usr/bin/tool")).unwrap();
    assert_eq!((tool.permissions().mode() & 0o7777, tool.nlink(), tool.mtime()), (0o4755, 2, 1_600_000_000));
    assert_eq!(fs::read_link(root.path("usr/bin/link")).unwrap(), Path::new("tool"));
    assert_eq!(fs::symlink_metadata(root.path("usr/bin/link")).unwrap().mtime(), 1_600_000_000);
    assert!(fs::metadata(root.path("run/fifo")).unwrap().file_type().is_fifo());
    assert!(fs::metadata(root.path("dev/null")).unwrap().is_file());
    assert_eq!(fs::metadata(root.path("var/empty")).unwrap().mtime(), 1_600_000_000);

    let list = root.read("var/lib/dpkg/info/tool.list");
    let expected = [
        "/.",
        "/usr",
        "/usr/bin",
        "/usr/bin/tool",
        "/usr/bin/hard",
        "/var/empty",
        "/run/fifo",
        "/dev/null",
        "/usr/bin/link",
    ];
    assert_eq!(list.lines().collect::<Vec<_>>(), expected);
    let digest = "3e2b31c72181b87149ff995e7202c0e3";
    assert_eq!(
        root.read("var/lib/dpkg/info/tool.md5sums"),
        format!("{digest}  usr/bin/tool\n{digest}  usr/bin/hard\n")
    );
    assert_eq!(root.read("var/lib/dpkg/info/format"), "1\n");
    let script = fs::metadata(root.path("var/lib/dpkg/info/tool.postinst")).unwrap();
    assert_eq!(script.permissions().mode() & 0o777, 0o755);
    assert_eq!(
        root.status("tool"),
        "Package: tool\nStatus: install ok unpacked\nSection: utils\nMaintainer: Nobody <nobody@example.org>\n\
         Architecture: all\nVersion: 1.0\nDepends: libc6 (>= 2), a | b\nDescription: a test\n\
         Homepage: https://example.org"
    );
}

#[test]
fn conffiles_are_in_place_with_their_digest() {
    let deb = with_file("one", "etc/one.conf", "abc")
        .member("conffiles", "/etc/one.conf\nremove-on-upgrade /etc/old.conf\n");
    let root = Root::new();
    root.unpack(vec![deb]).unwrap();
    assert_eq!(root.read("etc/one.conf"), "abc");
    let status = root.status("one");
    let expected = "Conffiles:\n /etc/one.conf 900150983cd24fb0d6963f7d28e17f72\n /etc/old.conf newconffile remove-on-upgrade\n";
    assert!(status.contains(expected), "{status}");
}

#[test]
fn a_conffile_that_is_there_already_is_left_to_dpkg() {
    let root = Root::new();
    root.write("etc/one.conf", "mine");
    root.unpack(vec![with_file("one", "etc/one.conf", "theirs").member("conffiles", "/etc/one.conf\n")])
        .unwrap();
    assert_eq!(root.read("etc/one.conf"), "mine");
    assert_eq!(root.read("etc/one.conf.dpkg-new"), "theirs");
    assert!(root.status("one").contains(" /etc/one.conf newconffile\n"));
}

#[test]
fn a_file_without_owner_is_overwritten() {
    let root = Root::new();
    root.write("usr/share/x", "old");
    root.unpack(vec![with_file("one", "usr/share/x", "new")]).unwrap();
    assert_eq!(root.read("usr/share/x"), "new");
    assert_eq!(paths(root.directory.path()), ["usr/share/x"]);
}

#[test]
fn replaces_decides_between_packages_in_either_order() {
    for swap in [false, true] {
        let old = with_file("old", "usr/share/x", "old").member("conffiles", "");
        let new = with_file("new", "usr/share/x", "new").field("Replaces", "old (<< 2)");
        let root = Root::new();
        root.unpack(if swap { vec![new, old] } else { vec![old, new] }).unwrap();
        assert_eq!(root.read("usr/share/x"), "new");
        assert_eq!(root.read("var/lib/dpkg/info/new.list"), "/usr/share/x\n");
        assert_eq!(root.read("var/lib/dpkg/info/old.list"), "");
        assert_eq!(paths(root.directory.path()), ["usr/share/x"]);
    }
}

#[test]
fn a_conflict_names_path_and_packages() {
    let root = Root::new();
    let new = with_file("new", "usr/share/x", "new").field("Replaces", "old (<< 1.0)");
    let error = root.unpack(vec![with_file("old", "usr/share/x", "old"), new]).unwrap_err();
    assert_eq!(error.to_string(), "package `new` overwrites `usr/share/x` of package `old`");
}

#[test]
fn packages_are_added_to_a_system_with_its_rules() {
    let root = Root::new();
    root.unpack(vec![with_file("old", "usr/share/x", "old"), with_file("other", "usr/share/y", "y")])
        .unwrap();
    let error = root.unpack(vec![with_file("new", "usr/share/x", "new")]).unwrap_err();
    assert_eq!(error.to_string(), "package `new` overwrites `usr/share/x` of package `old`");
    let error = root.unpack(vec![with_file("old", "usr/share/z", "z")]).unwrap_err();
    assert_eq!(error.to_string(), "package `old` is already installed in the tree");

    root.unpack(vec![with_file("newer", "usr/share/x", "newer").field("Replaces", "old")]).unwrap();
    assert_eq!(root.read("usr/share/x"), "newer");
    assert_eq!(root.read("var/lib/dpkg/info/old.list"), "");
    let status = root.read("var/lib/dpkg/status");
    let names: Vec<_> = status.lines().filter_map(|line| line.strip_prefix("Package: ")).collect();
    assert_eq!(names, ["newer", "old", "other"]);
}

#[test]
fn privileged_the_first_package_by_rank_gives_a_shared_directory_its_mode() {
    use lbuild_testkit::tarball::Header;
    for threads in [1, 4] {
        let private = |mode| Tarball::new().raw(&Header { mode, ..Header::new("srv/shared/", b'5') }, &[]);
        // The package of lower rank is the larger one or the smaller one, so that either may be unpacked first.
        for large in [0, 1] {
            let mut debs =
                [DebFile::new("one").data(private(0o711)), DebFile::new("two").data(private(0o755))];
            debs[large] = debs[large].clone().member("templates", &"x".repeat(100_000));
            let root = Root::new();
            let file = File::open(root.directory.path()).unwrap();
            let packages = debs.into_iter().zip(0..).map(|(deb, order)| package(&deb.build(), order));
            let options = Options { threads, ..Options::default() };
            unpack(file.as_fd(), packages, &options, None, &|_| {}).unwrap();
            let mode = fs::metadata(root.path("srv/shared")).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o711, "large {large}, threads {threads}");
        }
    }
}

#[test]
fn aliased_directories_lead_to_usr() {
    let old_style = DebFile::new("old-style").data(
        Tarball::new()
            .directory("./")
            .directory("./bin/")
            .file("./bin/tool", b"x")
            .directory("./lib/")
            .file("./lib/y", b"y"),
    );
    let base_files =
        DebFile::new("base-files").data(Tarball::new().directory("./usr/bin/").symlink("./bin", "usr/bin"));
    for debs in [vec![old_style.clone(), base_files.clone()], vec![base_files, old_style]] {
        let root = Root::new();
        let file = File::open(root.directory.path()).unwrap();
        let packages = debs.into_iter().zip(0..).map(|(deb, order)| package(&deb.build(), order));
        let options = Options { aliases: vec!["bin".to_owned(), "lib".to_owned()], ..Options::default() };
        unpack(file.as_fd(), packages, &options, None, &|_| {}).unwrap();
        assert_eq!(paths(root.directory.path()), ["bin", "lib", "usr/bin/tool", "usr/lib/y"]);
        assert_eq!(fs::read_link(root.path("bin")).unwrap(), Path::new("usr/bin"));
        let list = root.read("var/lib/dpkg/info/old-style.list");
        assert_eq!(list, "/.\n/bin\n/bin/tool\n/lib\n/lib/y\n", "the list keeps the package's own names");
    }
}

#[test]
fn diversions_and_overrides_are_honoured() {
    let root = Root::new();
    root.write("var/lib/dpkg/diversions", "/usr/bin/x\n/usr/bin/x.distrib\nowner\n");
    root.write("var/lib/dpkg/statoverride", "root #0 4710 /usr/bin/y\n");
    let data =
        Tarball::new().file("usr/bin/x", b"x").hardlink("usr/bin/x2", "usr/bin/x").file("usr/bin/y", b"y");
    root.unpack(vec![DebFile::new("other").data(data), with_file("owner", "usr/bin/x", "owner")]).unwrap();
    assert_eq!((root.read("usr/bin/x.distrib"), root.read("usr/bin/x2")), ("x".to_owned(), "x".to_owned()));
    assert_eq!(root.read("usr/bin/x"), "owner");
    assert_eq!(root.read("var/lib/dpkg/info/other.list"), "/usr/bin/x\n/usr/bin/x2\n/usr/bin/y\n");
    assert_eq!(fs::metadata(root.path("usr/bin/y")).unwrap().permissions().mode() & 0o7777, 0o4710);
}

#[test]
fn instances_of_a_multi_arch_package_share_files() {
    let instance = |architecture: &str| {
        let data = Tarball::new()
            .file("usr/share/doc/lib/copyright", b"same")
            .file(&format!("usr/lib/{architecture}/lib"), b"x");
        DebFile::new("lib").field("Architecture", architecture).field("Multi-Arch", "same").data(data)
    };
    let root = Root::new();
    root.unpack(vec![instance("amd64"), instance("i386")]).unwrap();
    for architecture in ["amd64", "i386"] {
        let list = root.read(&format!("var/lib/dpkg/info/lib:{architecture}.list"));
        assert_eq!(list, format!("/usr/share/doc/lib/copyright\n/usr/lib/{architecture}/lib\n"));
    }
}

#[test]
fn a_preinst_runs_before_the_files_of_its_package_and_after_those_it_needs() {
    let log = |name: &str| {
        format!(
            "#!/bin/sh\nset -e\nls usr/share/{name} 2>/dev/null && exit 1\nls usr/share/base >/dev/null\necho $1 $DPKG_MAINTSCRIPT_PACKAGE >> log\n"
        )
    };
    let deb = |name: &str| with_file(name, &format!("usr/share/{name}"), name).member("preinst", &log(name));
    let debs = vec![
        deb("first").field("Depends", "third"),
        deb("second"),
        deb("third").field("Pre-Depends", "virtual"),
        deb("fourth").field("Provides", "virtual"),
        with_file("base", "usr/share/base", "base"),
    ];
    let root = Root::new();
    let mut run = |preinst: &Preinst| run_beside(root.directory.path(), preinst);
    root.unpack_with(debs, Some(&mut run)).unwrap();
    assert_eq!(root.read("log"), "install fourth\ninstall third\ninstall first\ninstall second\n");
    assert_eq!(root.read("usr/share/first"), "first");
    assert_eq!(root.read("var/lib/dpkg/info/first.list"), "/usr/share/first\n");
    assert!(!root.path("var/lib/dpkg/tmp.ci").exists() && !root.path("var/lib/dpkg/tmp.lbuild").exists());
    assert_eq!(
        fs::metadata(root.path("log")).unwrap().permissions().mode() & 0o777,
        0o644,
        "dpkg's mask is 022"
    );
}

#[test]
fn essential_packages_come_before_their_own_preinst() {
    let script = "#!/bin/sh\nset -e\ncat usr/bin/sh usr/lib/libc >> log\n";
    let debs = vec![
        with_file("shell", "usr/bin/sh", "sh")
            .member("preinst", script)
            .field("Essential", "yes")
            .field("Depends", "libc"),
        with_file("libc", "usr/lib/libc", "libc").member("preinst", script),
    ];
    let root = Root::new();
    let mut run = |preinst: &Preinst| run_beside(root.directory.path(), preinst);
    root.unpack_with(debs, Some(&mut run)).unwrap();
    assert_eq!(root.read("log"), "shlibcshlibc");
}

#[test]
fn a_diversion_made_by_a_preinst_moves_the_other_packages_file() {
    let divert = "#!/bin/sh\nset -e\nmv usr/bin/x usr/bin/x.orig\nprintf '/usr/bin/x\\n/usr/bin/x.orig\\nnew\\n' > var/lib/dpkg/diversions\n";
    let debs = vec![
        with_file("new", "usr/bin/x", "new").member("preinst", divert),
        with_file("old", "usr/bin/x", "old"),
    ];
    let root = Root::new();
    let mut run = |preinst: &Preinst| run_beside(root.directory.path(), preinst);
    root.unpack_with(debs, Some(&mut run)).unwrap();
    assert_eq!((root.read("usr/bin/x"), root.read("usr/bin/x.orig")), ("new".to_owned(), "old".to_owned()));
    for name in ["old", "new"] {
        assert_eq!(root.read(&format!("var/lib/dpkg/info/{name}.list")), "/usr/bin/x\n");
    }
}

#[test]
fn a_failing_preinst_is_named_with_its_output() {
    let deb = DebFile::new("bad").member("preinst", "#!/bin/sh\necho no such luck >&2\nexit 3\n");
    let root = Root::new();
    let mut run = |preinst: &Preinst| run_beside(root.directory.path(), preinst);
    let error = root.unpack_with(vec![deb], Some(&mut run)).unwrap_err();
    assert_eq!(error.to_string(), "preinst of package `bad` failed: no such luck\n");
}

#[test]
fn triggers_are_recorded_and_activated_as_dpkg_does() {
    let root = Root::new();
    let interested = DebFile::new("man")
        .member("triggers", "interest-noawait /usr/share/man\ninterest named\n")
        .data(Tarball::new().directory("usr/share/man/"));
    root.unpack(vec![interested]).unwrap();
    assert_eq!(root.read("var/lib/dpkg/triggers/File"), "/usr/share/man man/noawait\n");
    assert_eq!(root.read("var/lib/dpkg/triggers/named"), "man\n");

    // As long as it is only unpacked, nothing waits for it.
    let page = |name: &str| {
        DebFile::new(name)
            .data(Tarball::new().directory("usr/share/man/").file(&format!("usr/share/man/{name}"), b"x"))
    };
    let unpacked = root.unpack(vec![page("early")]).unwrap();
    assert!(unpacked.triggered.is_empty());

    let status = root.read("var/lib/dpkg/status").replace("install ok unpacked", "install ok installed");
    root.write("var/lib/dpkg/status", &status);
    let debs = vec![page("late"), DebFile::new("later").member("triggers", "activate named\n")];
    assert_eq!(root.unpack(debs).unwrap().triggered, ["man"]);
    let man = root.status("man");
    assert!(man.contains("Status: install ok triggers-pending\n"), "{man}");
    assert!(man.ends_with("Triggers-Pending: named /usr/share/man"), "{man}");
    assert!(!root.status("late").contains("Triggers-Awaited"));
    assert!(root.status("later").ends_with("Triggers-Awaited: man"));
}

#[test]
fn a_wrong_digest_stops_the_unpack() {
    let root = Root::new();
    let file = File::open(root.directory.path()).unwrap();
    let mut wrong = package(&with_file("one", "usr/x", "x").build(), 0);
    wrong.sha256 = Some([7; 32]);
    let error = unpack(file.as_fd(), [wrong].into_iter(), &Options::default(), None, &|_| {}).unwrap_err();
    assert!(matches!(&error, UnpackError::Digest { package, .. } if package == "one"), "{error}");
}

#[test]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn the_result_does_not_depend_on_threads_or_arrival() {
    let debs: Vec<Vec<u8>> = (0..24)
        .map(|number| {
            let mut data = Tarball::new().directory("./").directory("./usr/").directory("./usr/share/");
            for file in 0..20 {
                data = data
                    .file(&format!("./usr/share/{number}-{file}"), &vec![number as u8; 97 * number * file]);
            }
            DebFile::new(&format!("pkg{number}")).data(data).build()
        })
        .collect();
    let mut results = Vec::new();
    for (threads, backwards) in [(1, false), (8, false), (3, true)] {
        let root = Root::new();
        let file = File::open(root.directory.path()).unwrap();
        let mut packages: Vec<Package> =
            debs.iter().zip(0..).map(|(bytes, order)| package(bytes, order)).collect();
        if backwards {
            packages.reverse();
        }
        let options = Options { threads, ..Options::default() };
        unpack(file.as_fd(), packages.into_iter(), &options, None, &|_| {}).unwrap();
        results.push(root);
    }
    for other in &results[1..] {
        let report =
            lbuild_testkit::treediff::compare(results[0].directory.path(), other.directory.path(), true, &[])
                .unwrap();
        assert!(report.entries > 480 + 24);
        let times = |path: &Path| path.starts_with("var/lib/dpkg");
        let left: Vec<_> = report.differences.iter().filter(|found| !times(&found.path)).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
