//! Databases and packages as they should not be: each gives its own error, soon.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use lbuild_repo::alpm::archive::{ArchiveError, Package};
use lbuild_repo::alpm::build::{self, InfoError};
use lbuild_repo::alpm::database::{self, DatabaseError, Listed};
use lbuild_repo::alpm::description::DescriptionError;
use lbuild_repo::alpm::mtree::{self, MtreeError};
use lbuild_repo::compress::CapExceeded;
use lbuild_repo::described::DescribedError;
use lbuild_repo::tar::TarError;
use lbuild_testkit::realdata;
use lbuild_testkit::tarball::Tarball;

const DESC: &str = "%FILENAME%\ntool-1:2.0-3-any.pkg.tar.zst\n\n%NAME%\ntool\n\n%VERSION%\n1:2.0-3\n\n%DESC%\nA tool\n\n\
    %CSIZE%\n1234\n\n%ISIZE%\n3000\n\n\
    %SHA256SUM%\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\n\
    %PGPSIG%\naGVsbG8=\n\n%ARCH%\nany\n\n%BUILDDATE%\n1780000000\n\n%DEPENDS%\nglibc>=2.30\nlibthing.so=1-64\n\n";

const INFO: &str = "pkgname = tool\npkgver = 1:2.0-3\narch = any\n";

fn with(desc: &str) -> Result<Vec<Listed>, DatabaseError> {
    let directory = "tool-1:2.0-3";
    database::read(
        Tarball::new()
            .directory(directory)
            .file(&format!("{directory}/desc"), desc.as_bytes())
            .finish()
            .as_slice(),
    )
}

fn bent(from: &str, to: &str) -> Result<Vec<Listed>, DatabaseError> {
    assert!(DESC.contains(from), "{from}");
    with(&DESC.replacen(from, to, 1))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn the_good_one_is_good() {
    let packages = with(DESC).expect("a good database");
    assert_eq!(packages[0].signature.as_deref(), Some(b"hello".as_slice()));
    assert!(
        database::read([].as_slice()).is_err() && database::read(Tarball::new().finish().as_slice()).is_ok()
    );
}

#[test]
fn bad_values_are_named() {
    for (from, to, field) in [
        ("tool\n\n%VER", "-tool\n\n%VER", "NAME"),
        ("tool\n\n%VER", "../tool\n\n%VER", "NAME"),
        ("tool\n\n%VER", "to ol\n\n%VER", "NAME"),
        ("tool-1:2.0-3-any.pkg.tar.zst", "../tool.pkg.tar.zst", "FILENAME"),
        ("tool-1:2.0-3-any.pkg.tar.zst", ".tool", "FILENAME"),
        ("tool-1:2.0-3-any.pkg.tar.zst", "a b", "FILENAME"),
        ("1234", "-1", "CSIZE"),
        ("1234", "99999999999999999999", "CSIZE"),
        ("1234", "0x10", "CSIZE"),
        ("3000", "+3", "ISIZE"),
        ("1780000000", "yesterday", "BUILDDATE"),
        ("e3b0", "xxxx", "SHA256SUM"),
        ("e3b0", "e3b", "SHA256SUM"),
        ("aGVsbG8=", "!!!", "PGPSIG"),
        ("%ARCH%\nany", "%ARCH%\n../any", "ARCH"),
    ] {
        let result = bent(from, to);
        let named = match &result {
            Err(DatabaseError::Package { source: DescriptionError::Value { field, .. }, .. }) => {
                field.as_str()
            }
            _ => "",
        };
        assert_eq!(named, field, "{to}: {result:?}");
    }
    for bad in ["glibc>=2.30>=1", "glib c", ">=1", "glibc=>1"] {
        let result = bent("glibc>=2.30", bad);
        assert!(
            matches!(result, Err(DatabaseError::Package { source: DescriptionError::Relation { .. }, .. })),
            "{bad}: {result:?}"
        );
    }
}

#[test]
fn what_is_missing_repeated_or_misplaced_is_named() {
    for key in ["FILENAME", "NAME", "VERSION", "CSIZE", "ARCH", "SHA256SUM"] {
        let result = bent(&format!("%{key}%"), "%OTHER%");
        let source = match result {
            Err(DatabaseError::Package { source, .. }) => source,
            other => panic!("{key}: {other:?}"),
        };
        assert!(matches!(source, DescriptionError::Missing(missing) if missing == key), "{key}: {source:?}");
    }
    let twice = with(&format!("{DESC}%NAME%\ntool\n\n"));
    assert!(
        matches!(twice, Err(DatabaseError::Package { source: DescriptionError::Repeated(_), .. })),
        "{twice:?}"
    );
    let two = bent("%NAME%\ntool\n", "%NAME%\ntool\nother\n");
    assert!(
        matches!(two, Err(DatabaseError::Package { source: DescriptionError::Repeated(_), .. })),
        "{two:?}"
    );
    let misplaced = with(&format!("{DESC}%FILES%\nusr/\n\n"));
    assert!(
        matches!(misplaced, Err(DatabaseError::Package { source: DescriptionError::Misplaced(_), .. })),
        "{misplaced:?}"
    );
    let version = bent("1:2.0-3\n", "1:2.0-x\n");
    assert!(matches!(version, Err(DatabaseError::Package { source: DescriptionError::Version { .. }, .. })));
    let release = bent("1:2.0-3\n", "1:2.0\n");
    assert!(matches!(release, Err(DatabaseError::Package { source: DescriptionError::NoRelease(_), .. })));
    let other = bent("1:2.0-3\n", "1:2.0-4\n");
    assert!(matches!(other, Err(DatabaseError::OtherName { .. })), "{other:?}");
    let text = bent("%ARCH%", "ARCH");
    assert!(matches!(text, Err(DatabaseError::Sections { .. })), "{text:?}");
}

#[test]
fn members_in_strange_places_are_refused() {
    let at = |path: &str| database::read(Tarball::new().file(path, DESC.as_bytes()).finish().as_slice());
    for path in ["desc", "tool-1:2.0-3/other", "tool-1:2.0-3/a/desc", "a/b/c"] {
        assert!(matches!(at(path), Err(DatabaseError::Unexpected { .. })), "{path}");
    }
    for path in ["../tool-1:2.0-3/desc", "/tool-1:2.0-3/desc"] {
        assert!(matches!(at(path), Err(DatabaseError::Archive(_))), "{path}");
    }
    let link = Tarball::new().symlink("tool-1:2.0-3", "/etc").finish();
    assert!(matches!(database::read(link.as_slice()), Err(DatabaseError::Unexpected { .. })));
    let link = Tarball::new().directory("a").symlink("a/desc", "/etc/passwd").finish();
    assert!(matches!(database::read(link.as_slice()), Err(DatabaseError::Unexpected { .. })));
    let empty = Tarball::new().directory("tool-1:2.0-3").finish();
    assert!(matches!(database::read(empty.as_slice()), Err(DatabaseError::Package { .. })));
}

#[test]
fn a_package_is_there_once() {
    let path = "tool-1:2.0-3/desc";
    let twice = Tarball::new().file(path, DESC.as_bytes()).file(path, DESC.as_bytes()).finish();
    let result = database::read(twice.as_slice());
    assert!(matches!(result, Err(DatabaseError::Archive(TarError::Duplicate { .. }))), "{result:?}");
    let newer = DESC.replace("1:2.0-3", "1:2.0-4");
    let versions =
        Tarball::new().file(path, DESC.as_bytes()).file("tool-1:2.0-4/desc", newer.as_bytes()).finish();
    let result = database::read(versions.as_slice());
    assert!(matches!(&result, Err(DatabaseError::Duplicate { name }) if name == "tool"), "{result:?}");
    // A directory that is left and entered again.
    let other = DESC.replace("tool", "other");
    let scattered = Tarball::new()
        .file(path, DESC.as_bytes())
        .file("other-1:2.0-3/desc", other.as_bytes())
        .file("tool-1:2.0-3/files", b"%FILES%\nusr/\n")
        .finish();
    assert!(matches!(database::read(scattered.as_slice()), Err(DatabaseError::Package { .. })));
}

#[test]
fn listed_files_stay_inside() {
    let files = |path: &str| {
        let text = format!("%FILES%\nusr/\n{path}\n");
        database::read(
            Tarball::new()
                .file("tool-1:2.0-3/desc", DESC.as_bytes())
                .file("tool-1:2.0-3/files", text.as_bytes())
                .finish()
                .as_slice(),
        )
    };
    assert_eq!(files("usr/bin/tool").expect("good")[0].files, ["usr/", "usr/bin/tool"]);
    for path in ["/etc/passwd", "../etc", "usr/../../etc", "usr/./x"] {
        let result = files(path);
        assert!(
            matches!(result, Err(DatabaseError::Package { source: DescriptionError::Value { .. }, .. })),
            "{path}: {result:?}"
        );
    }
}

#[test]
fn texts_of_the_alpm_project_that_are_no_descriptions() {
    let mut count = 0;
    for (reader, kind) in
        [("alpm-db", "desc"), ("alpm-repo-db", "desc"), ("alpm-db", "files"), ("alpm-repo-db", "files")]
    {
        let directory = realdata::path(&format!("arch/alpm-testfiles/{reader}/tests/parse_errors/{kind}"));
        for entry in std::fs::read_dir(directory).expect("inputs") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                continue;
            }
            let text = std::fs::read(&path).expect("an input");
            let tarball = match kind {
                "desc" => Tarball::new().file("foo-1.0.0-1/desc", &text),
                _ => Tarball::new()
                    .file("tool-1:2.0-3/desc", DESC.as_bytes())
                    .file("tool-1:2.0-3/files", &text),
            };
            let result = database::read(tarball.finish().as_slice());
            // pacman passes over empty lines where nothing is open, and so do we.
            let lenient = path.ends_with("empty_line_preceeds_header.files");
            assert_eq!(result.is_ok(), lenient, "{path:?}: {result:?}");
            count += 1;
        }
    }
    assert_eq!(count, 22);
}

#[test]
fn a_database_cut_anywhere_is_refused() {
    let whole =
        gzip(&Tarball::new().directory("tool-1:2.0-3").file("tool-1:2.0-3/desc", DESC.as_bytes()).finish());
    for end in 0..whole.len() {
        assert!(database::read(&whole[..end]).is_err(), "cut at {end}");
    }
    let real = realdata::read("arch/2025-09/core.db");
    for end in (0..real.len()).step_by(997) {
        assert!(database::read(&real[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn bombs_end_soon() {
    let start = Instant::now();
    // A desc of 1 GiB that is 1 MiB when compressed.
    let header = lbuild_testkit::tarball::Header {
        size: 1 << 30,
        ..lbuild_testkit::tarball::Header::new("tool-1:2.0-3/desc", b'0')
    };
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bomb.write_all(&header.block()).expect("memory");
    let block = vec![b'a'; 1 << 20];
    (0..64).for_each(|_| bomb.write_all(&block).expect("memory"));
    let bomb = bomb.finish().expect("memory");
    assert!(matches!(database::read(bomb.as_slice()), Err(DatabaseError::TooLarge { .. })));
    // A package beyond its limit.
    let content = vec![0; 4 << 20];
    let big = gzip(&Tarball::new().file(".PKGINFO", INFO.as_bytes()).file("usr/big", &content).finish());
    let mut package = Package::open(big.as_slice(), 1 << 20).expect("its front is good");
    package.next_entry().expect("the header");
    let error = std::io::copy(&mut package.content(), &mut std::io::sink()).expect_err("too large");
    assert_eq!(CapExceeded::of(&error).map(|cap| cap.limit), Some(1 << 20));
    assert!(start.elapsed() < Duration::from_secs(20));
    // An unknown compression is no tar.
    let lz4 = [b"\x04\x22\x4d\x18".as_slice(), &[7; 2000]].concat();
    assert!(matches!(database::read(lz4.as_slice()), Err(DatabaseError::Archive(_))));
}

fn open(tarball: Tarball) -> Result<usize, ArchiveError> {
    let bytes = tarball.finish();
    let mut package = Package::open(bytes.as_slice(), 1 << 20)?;
    let mut count = 0;
    while package.next_entry()?.is_some() {
        let mut content = Vec::new();
        package.content().read_to_end(&mut content).expect("memory");
        count += 1;
    }
    Ok(count)
}

#[test]
fn packages_as_they_should_not_be() {
    let info = || Tarball::new().file(".PKGINFO", INFO.as_bytes());
    assert_eq!(open(info().directory("usr").file("usr/a", b"x")).expect("good"), 2);
    assert!(matches!(
        open(Tarball::new().file("usr/a", b"x")),
        Err(ArchiveError::Form(DescribedError::Missing(".PKGINFO")))
    ));
    assert!(matches!(open(Tarball::new()), Err(ArchiveError::Form(DescribedError::Missing(".PKGINFO")))));
    assert!(matches!(
        open(info().file(".PKGINFO", b"x")),
        Err(ArchiveError::Form(DescribedError::Member(_)))
    ));
    assert!(matches!(
        open(info().file("usr/a", b"x").file(".INSTALL", b"x")),
        Err(ArchiveError::Form(DescribedError::Member(_)))
    ));
    assert!(matches!(
        open(info().symlink(".INSTALL", "/etc/passwd")),
        Err(ArchiveError::Form(DescribedError::Member(_)))
    ));
    assert!(matches!(
        open(info().file("../a", b"x")),
        Err(ArchiveError::Form(DescribedError::Tar(TarError::ParentComponent { .. })))
    ));
    assert!(matches!(
        open(info().file("/a", b"x")),
        Err(ArchiveError::Form(DescribedError::Tar(TarError::Absolute { .. })))
    ));
    let mut many = info();
    for number in 0..40 {
        many = many.file(&format!(".M{number}"), b"x");
    }
    assert!(matches!(open(many), Err(ArchiveError::Form(DescribedError::Member(_)))));
    for (text, line) in
        [("pkgname\n", 1), ("pkgname = a\n= b\n", 2), ("# x\nPKG NAME = a\n", 2), ("a = \x1b\n", 1)]
    {
        let result = build::package_info(text.as_bytes());
        assert!(
            matches!(result, Err(InfoError::Line { line: found }) if found == line),
            "{text:?}: {result:?}"
        );
    }
    assert!(matches!(build::package_info(b"pkgname = a\xff\n"), Err(InfoError::NotText)));
    for text in ["", "pkgname = a\n", "pkgname = a\npkgname = b\npkgver = 1-1\narch = any\n"] {
        assert!(matches!(build::package_info(text.as_bytes()), Err(InfoError::Description(_))), "{text:?}");
    }
    let backup = format!("{INFO}backup = ../etc/passwd\n");
    assert!(matches!(build::package_info(backup.as_bytes()), Err(InfoError::Description(_))));
}

#[test]
fn a_package_cut_anywhere_is_refused() {
    let whole = Tarball::new().file(".PKGINFO", INFO.as_bytes()).file("usr/a", b"x").finish();
    for end in 0..whole.len() - 1024 {
        let read = || -> Result<(), ArchiveError> {
            let mut package = Package::open(&whole[..end], 1 << 20)?;
            while package.next_entry()?.is_some() {}
            Ok(())
        };
        assert!(read().is_err(), "cut at {end}");
    }
}

#[test]
fn mtrees_as_they_should_not_be() {
    let parse = |text: &str| mtree::parse(text.as_bytes());
    let line = |entry: &str| parse(&format!("#mtree\n/set type=file uid=0 gid=0 mode=644\n{entry}\n"));
    assert_eq!(line("./a\\040b time=1.5 size=0").expect("good")[0].path, b"a b");
    assert!(matches!(parse(""), Err(MtreeError::Magic)) && matches!(parse("./a"), Err(MtreeError::Magic)));
    for bad in [
        "./../a time=1 size=0",
        "./a/../../b time=1 size=0",
        "./ time=1 size=0",
        "./a\\000 time=1 size=0",
        "./a//b time=1 size=0",
    ] {
        assert!(matches!(line(bad), Err(MtreeError::Outside { line: 3 })), "{bad}: {:?}", line(bad));
    }
    for bad in [
        "/etc/passwd time=1 size=0",
        "a time=1 size=0",
        "./a\\9 time=1 size=0",
        "./a\\777 time=1 size=0",
        "./a\\+12 time=1 size=0",
    ] {
        assert!(matches!(line(bad), Err(MtreeError::Entry { line: 3 })), "{bad}: {:?}", line(bad));
    }
    for bad in [
        "./a time",
        "./a time=x",
        "./a time=1. size=0",
        "./a size=-1 time=1",
        "./a mode=777777 time=1",
        "./a type=door time=1",
        "./a x=1",
        "./a \u{7f}=1",
    ] {
        assert!(matches!(line(bad), Err(MtreeError::Property { line: 3, .. })), "{bad}: {:?}", line(bad));
    }
    for bad in ["./a size=0", "./a time=1", "./a type=link time=1"] {
        assert!(matches!(line(bad), Err(MtreeError::Missing { line: 3, .. })), "{bad}: {:?}", line(bad));
    }
}
