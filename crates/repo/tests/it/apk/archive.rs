//! Every real package that there is, and hostile ones.

use std::io::Read as _;

use lbuild_repo::apk::archive::{Apk, ArchiveError};
use lbuild_repo::apk::index::Index;
use lbuild_repo::apk::signature::SignatureError;
use lbuild_repo::apk::{PkgInfoError, Trust};
use lbuild_repo::tar::{Kind, TarError};
use lbuild_testkit::apkfile::{ApkFile, gzip, signature};
use lbuild_testkit::realdata;
use lbuild_testkit::tarball::Tarball;

use super::{alpine_keys, test_keys};

/// Reads a package to its end; returns how many files it has and their bytes.
fn read(bytes: &[u8], trust: Trust<'_>) -> Result<(usize, u64), ArchiveError> {
    let mut apk = Apk::open(bytes, trust)?;
    let mut archive = apk.data(1 << 30)?;
    let (mut files, mut total) = (0, 0);
    while let Some(entry) = archive.next_entry().map_err(ArchiveError::Control)? {
        assert!(!entry.path.starts_with(b".") || entry.path == b".dummy", "{entry:?}");
        if entry.kind == Kind::File {
            let mut content = Vec::new();
            archive.content().read_to_end(&mut content).map_err(ArchiveError::Read)?;
            assert_eq!(content.len() as u64, entry.size);
            files += 1;
            total += entry.size;
        }
    }
    drop(archive);
    apk.finish()?;
    Ok((files, total))
}

#[test]
fn the_whole_repository_of_the_iso_is_what_its_index_says() {
    let keys = alpine_keys();
    let trust = Trust::Keys(&keys);
    let directory = "alpine/v3.19-iso/apks/x86_64";
    let index = Index::open(&realdata::read(&format!("{directory}/APKINDEX.tar.gz")), trust).unwrap();
    let packages = index.packages().unwrap();
    assert_eq!(packages.len(), 100);
    let (mut files, mut scripts) = (0, 0);
    for package in &packages {
        let bytes = realdata::read(&format!("{directory}/{}", package.file_name()));
        assert_eq!(bytes.len() as u64, package.size);
        let apk = Apk::open(&bytes[..], trust).unwrap();
        apk.expect(package).unwrap();
        let info = apk.info();
        assert_eq!(info.installed_size, package.installed_size);
        assert_eq!(info.build_time, package.build_time);
        assert_eq!(info.provider_priority, package.provider_priority);
        let fields = [
            (&info.description, package.description),
            (&info.url, package.url),
            (&info.license, package.license),
            (&info.origin, package.origin),
            (&info.maintainer, package.maintainer),
            (&info.commit, package.commit),
        ];
        assert!(fields.iter().all(|(ours, theirs)| ours == theirs), "{}: {fields:?}", package.name);
        let sorted = |mut words: Vec<String>| {
            words.sort();
            words
        };
        let words = |text: &str| sorted(text.split_ascii_whitespace().map(str::to_owned).collect());
        assert_eq!(sorted(info.depends.clone()), words(package.depends), "{}", package.name);
        assert_eq!(sorted(info.provides.clone()), words(package.provides), "{}", package.name);
        assert_eq!(sorted(info.install_if.clone()), words(package.install_if), "{}", package.name);
        scripts += apk.scripts().len();
        files += read(&bytes, trust).unwrap().0;
    }
    assert!(files > 1500 && scripts > 10, "{files} files, {scripts} scripts");
    // A package that is not the one that was asked for.
    let musl = realdata::read(&format!("{directory}/musl-1.2.4_git20230717-r4.apk"));
    let apk = Apk::open(&musl[..], trust).unwrap();
    let error = apk.expect(&packages[0]).unwrap_err();
    assert!(matches!(error, ArchiveError::NotAsListed { field: "name", .. }), "{error}");
}

#[test]
fn the_cached_packages_are_those_of_the_official_indexes() {
    let keys = alpine_keys();
    let indexes = ["b2c94760", "be78cdff"]
        .map(|name| {
            Index::open(
                &realdata::read(&format!("alpine/v3.19-cache/APKINDEX.{name}.tar.gz")),
                Trust::Keys(&keys),
            )
        })
        .map(Result::unwrap);
    let listed: Vec<_> = indexes.iter().flat_map(|index| index.packages().unwrap()).collect();
    let mut found = 0;
    for entry in std::fs::read_dir(realdata::path("alpine/v3.19-cache")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "apk") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let apk = Apk::open(&bytes[..], Trust::Keys(&keys)).unwrap();
        let info = apk.info();
        let package =
            listed.iter().find(|package| package.name == info.name && package.version == info.version);
        apk.expect(package.expect("a listed package")).unwrap();
        read(&bytes, Trust::Keys(&keys)).unwrap();
        found += 1;
    }
    assert_eq!(found, 16);
}

#[test]
fn a_package_of_another_release_is_read_too() {
    let keys = alpine_keys();
    let bytes = realdata::read("alpine/go-apkutils/curl-7.83.1-r1.apk");
    let apk = Apk::open(&bytes[..], Trust::Keys(&keys)).unwrap();
    assert_eq!((apk.info().name.as_str(), apk.info().version.as_str()), ("curl", "7.83.1-r1"));
    assert_eq!(apk.checksum().to_string(), "Q1dHNOerPc1tLPEYaP5dYIgzfGdto=");
    assert_eq!(read(&bytes, Trust::Keys(&keys)).unwrap(), (1, 247_728));
    let empty = Apk::open(&realdata::read("alpine/go-apkutils/empty.apk")[..], Trust::Anybody).unwrap_err();
    assert!(matches!(empty, ArchiveError::NotGzip), "{empty}");
}

#[test]
fn signature_control_and_data_hang_together() {
    let keys = test_keys();
    let trust = Trust::Keys(&keys);
    let package =
        || ApkFile::new("a").control(".post-install", "#!/bin/sh\n").data(Tarball::new().file("etc/a", b"a"));
    let good = package().build();
    assert_eq!(read(&good, trust).unwrap(), (1, 1));
    assert_eq!(Apk::open(&good[..], trust).unwrap().scripts()[0].name, "post-install");
    let [signed, control, data] = package().members();
    let other = ApkFile::new("b").data(Tarball::new().file("etc/b", b"b")).members();
    let join = |parts: &[&[u8]]| parts.concat();
    // Another data member behind the same control files.
    assert!(matches!(read(&join(&[&signed, &control, &other[2]]), trust), Err(ArchiveError::DataHash)));
    assert!(matches!(
        read(&join(&[&signed, &control, &data, &data]), trust),
        Err(ArchiveError::Control(TarError::TrailingData))
    ));
    // Other control files behind the same signature, and none at all.
    let error = read(&join(&[&signed, &other[1], &data]), trust).unwrap_err();
    assert!(matches!(error, ArchiveError::Signature(SignatureError::Bad { .. })), "{error}");
    let error = read(&join(&[&control, &data]), trust).unwrap_err();
    assert!(matches!(error, ArchiveError::Signature(SignatureError::Missing)), "{error}");
    assert!(read(&join(&[&control, &data]), Trust::Anybody).is_ok());
    let error = read(&good, Trust::Keys(&alpine_keys())).unwrap_err();
    assert!(matches!(error, ArchiveError::Signature(SignatureError::UnknownKeys { .. })), "{error}");
    let many = signature(&control).repeat(9);
    let error = read(&join(&[&many, &control, &data]), trust).unwrap_err();
    assert!(matches!(error, ArchiveError::Signature(SignatureError::TooMany)), "{error}");
    assert!(matches!(read(&join(&[&signed, &control]), trust), Err(ArchiveError::NoData)));
    for end in 0..good.len() {
        assert!(read(&good[..end], trust).is_err(), "cut after {end} bytes");
    }
    for at in (0..good.len()).step_by(3) {
        let mut changed = good.clone();
        changed[at] ^= 0x20;
        // The member with the signatures is not signed itself, and some of its bytes are only a time or a system.
        assert!(read(&changed, trust).is_err() || at < signed.len(), "byte {at}");
    }
}

#[test]
fn hostile_packages_are_refused_by_name() {
    let refusal = |bytes: &[u8]| read(bytes, Trust::Anybody).unwrap_err();
    for head in ["ADB.", "ADBd", "ADBc"] {
        let error = refusal(format!("{head}pckg....").as_bytes());
        assert!(error.to_string().contains("apk v3 package"), "{error}");
    }
    let control = |tar: Tarball| gzip(&tar.unfinished());
    for (tar, wanted) in [
        (Tarball::new(), "there is no file `.PKGINFO`"),
        (Tarball::new().file(".PKGINFO", b"pkgname = a\n"), "the file `.PKGINFO` is malformed"),
        (Tarball::new().file(".evil", b""), "there is an unknown control file `.evil`"),
        (Tarball::new().symlink(".PKGINFO", "/etc/passwd"), "the signatures or control files are refused"),
        (Tarball::new().file("usr/bin/a", b""), "the signatures or control files are refused"),
    ] {
        assert_eq!(refusal(&control(tar)).to_string(), wanted);
    }
    let hash = format!("datahash = {}\n", "0".repeat(64));
    for (text, error) in [
        ("pkgname = ../a\n".to_owned(), PkgInfoError::Value { line: 1, key: "pkgname".into() }),
        ("pkgname = a\npkgver = 1/2\n".to_owned(), PkgInfoError::Value { line: 2, key: "pkgver".into() }),
        ("pkgname = a\npkgname = b\n".to_owned(), PkgInfoError::Repeated { line: 2, key: "pkgname".into() }),
        ("size = -1\n".to_owned(), PkgInfoError::Value { line: 1, key: "size".into() }),
        ("datahash = 00\n".to_owned(), PkgInfoError::Value { line: 1, key: "datahash".into() }),
        ("nothing\n".to_owned(), PkgInfoError::Line { line: 1 }),
        ("pkgname = a\npkgver = 1\n".to_owned(), PkgInfoError::Missing("datahash")),
        (hash.clone(), PkgInfoError::Missing("pkgname")),
        (format!("pkgname = a\n{hash}"), PkgInfoError::Missing("pkgver")),
    ] {
        let bytes = control(Tarball::new().file(".PKGINFO", text.as_bytes()));
        let ArchiveError::Info(found) = refusal(&bytes) else { panic!("{text}") };
        assert_eq!(found, error);
    }
    // 1 GiB of zeros in place of the control files, and more than the caller wants in the data.
    let zeros = gzip(&vec![0; 64 << 20]);
    assert!(matches!(refusal(&zeros), ArchiveError::Control(_)));
    let big = ApkFile::new("a").data(Tarball::new().file("a", &vec![0; 1 << 20])).build();
    let mut apk = Apk::open(&big[..], Trust::Anybody).unwrap();
    let mut archive = apk.data(1 << 19).unwrap();
    archive.next_entry().unwrap();
    assert!(archive.content().read_to_end(&mut Vec::new()).is_err());
    let escape = ApkFile::new("a").data(Tarball::new().file("../etc/passwd", b"")).build();
    let ArchiveError::Control(TarError::ParentComponent { .. }) = refusal(&escape) else {
        panic!("it escapes")
    };
}
