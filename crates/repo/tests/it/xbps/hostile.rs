//! Indexes, lists and packages as they should not be: each gives its own error, soon.

use std::io::Write as _;
use std::time::{Duration, Instant};

use lbuild_repo::described::DescribedError;
use lbuild_repo::tar::TarError;
use lbuild_repo::xbps::archive::{Archive, ArchiveError};
use lbuild_repo::xbps::keys::{KeyError, RepositoryKey};
use lbuild_repo::xbps::plist::{self, PlistError, Value};
use lbuild_repo::xbps::repodata::{self, PackageError, Repodata, RepodataError};
use lbuild_repo::xml::XmlError;
use lbuild_testkit::realdata;
use lbuild_testkit::tarball::Tarball;

const TOOL: &str = "<key>tool</key><dict><key>architecture</key><string>x86_64</string>\
    <key>filename-sha256</key><string>e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</string>\
    <key>filename-size</key><integer>1234</integer><key>installed_size</key><integer>3000</integer>\
    <key>pkgver</key><string>tool-1.0_1</string><key>short_desc</key><string>A &lt;tool&gt;</string>\
    <key>run_depends</key><array><string>glibc&gt;=2.30_1</string></array>\
    <key>provides</key><array><string>gadget-1.0_1</string></array>\
    <key>alternatives</key><dict><key>vi</key><array><string>vi:/usr/bin/tool</string></array></dict></dict>";

fn list(content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>{content}</dict></plist>\n"
    )
}

fn index(content: &str) -> Result<Repodata, RepodataError> {
    repodata::read(Tarball::new().file("index.plist", list(content).as_bytes()).finish().as_slice())
}

fn bent(from: &str, to: &str) -> Result<Repodata, RepodataError> {
    assert!(TOOL.contains(from), "{from}");
    index(&TOOL.replacen(from, to, 1))
}

#[test]
fn the_good_one_is_good() {
    let found = index(TOOL).expect("a good index");
    let tool = &found.packages[0];
    assert_eq!((tool.short_desc.as_str(), tool.size), ("A <tool>", 1234));
    assert_eq!((tool.alternatives[0].group.as_str(), tool.alternatives[0].link.as_str()), ("vi", "vi"));
    assert_eq!(tool.alternatives[0].target, "/usr/bin/tool");
    assert!(found.key.is_none());
    let empty = Tarball::new().file("index.plist", b"").file("index-meta.plist", b"DEADBEEF").finish();
    assert!(repodata::read(empty.as_slice()).expect("an empty repository").packages.is_empty());
    let waiting = Tarball::new()
        .file("index.plist", list(TOOL).as_bytes())
        .file("index-meta.plist", b"")
        .file("stage.plist", list(TOOL).as_bytes())
        .finish();
    assert_eq!(repodata::read(waiting.as_slice()).expect("a good index").staged, 1);
}

#[test]
fn bad_properties_are_named() {
    let package = |result: Result<Repodata, RepodataError>| match result {
        Err(RepodataError::Package { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    for (from, to, property) in [
        ("<string>x86_64</string>", "<string>../x</string>", "architecture"),
        ("<string>x86_64</string>", "<integer>1</integer>", "architecture"),
        ("<string>e3b0", "<string>xxxx", "filename-sha256"),
        ("<string>e3b0", "<string>e3b", "filename-sha256"),
        ("<integer>1234", "<integer>-1234", "filename-size"),
        ("<integer>1234</integer>", "<string>1234</string>", "filename-size"),
        ("A &lt;tool&gt;", "A&#10;tool", "short_desc"),
        ("<array><string>glibc&gt;=2.30_1</string></array>", "<string>glibc</string>", "run_depends"),
        ("<string>glibc&gt;=2.30_1</string>", "<dict></dict>", "run_depends"),
        ("vi:/usr/bin/tool", "vi", "alternatives"),
    ] {
        let source = package(bent(from, to));
        assert!(matches!(source, PackageError::Value(named) if named == property), "{to}: {source:?}");
    }
    for key in ["pkgver", "filename-size"] {
        let source = package(bent(&format!("<key>{key}</key>"), "<key>other</key>"));
        assert!(matches!(source, PackageError::Missing(named) if named == key), "{key}: {source:?}");
    }
    for bad in ["../tool-1.0_1", "tool-1.0", "tool"] {
        let source = package(bent("tool-1.0_1", bad));
        assert!(matches!(source, PackageError::PkgVer { .. }), "{bad}: {source:?}");
    }
    assert!(matches!(package(bent("tool-1.0_1", "other-1.0_1")), PackageError::OtherName(_)));
    assert!(matches!(package(bent("glibc&gt;=2.30_1", "glibc&gt;=")), PackageError::Relation { .. }));
    assert!(matches!(package(index("<key>tool</key><string>x</string>")), PackageError::Value("package")));
}

#[test]
fn lists_as_they_should_not_be() {
    let read = |text: &str| plist::read(text.as_bytes());
    let good = read(&list(
        "<key>a</key><data>aGV sbG8=</data><key>b</key><integer>0x10</integer><key>c</key><true/>",
    ));
    let good = good.expect("a good list");
    assert_eq!(good.get("a"), Some(&Value::Data(b"hello".to_vec())));
    assert_eq!((good.get("b"), good.get("c")), (Some(&Value::Integer(16)), Some(&Value::Boolean(true))));
    assert!(matches!(
        index(&[TOOL, TOOL].concat()),
        Err(RepodataError::Plist { source: PlistError::Duplicate(_), .. })
    ));
    let twice = read(&list("<key>x</key><dict><key>a</key><true/><key>a</key><true/></dict>"));
    assert!(matches!(twice, Err(PlistError::Duplicate(_))), "{twice:?}");
    for text in ["<key>a</key>", "<key>a</key><key>b</key>"] {
        let result = read(&list(text));
        assert!(matches!(result, Err(PlistError::NoValue(_) | PlistError::Element(_))), "{text}: {result:?}");
    }
    for text in
        ["<string>a</string>", "<key>a</key><date>2020</date>", "<key>a</key><array><key>b</key></array>"]
    {
        let result = read(&list(text));
        assert!(matches!(result, Err(PlistError::Element(_))), "{text}: {result:?}");
    }
    for text in [
        "<integer></integer>",
        "<integer>+1</integer>",
        "<integer>1e3</integer>",
        "<integer>0x-1</integer>",
        "<integer>99999999999999999999</integer>",
        "<data>!</data>",
        "<true>x</true>",
    ] {
        let result = read(&list(&format!("<key>a</key>{text}")));
        assert!(matches!(result, Err(PlistError::Value(_))), "{text}: {result:?}");
    }
    let deep = format!("<key>a</key>{}{}", "<array>".repeat(100_000), "</array>".repeat(100_000));
    assert!(matches!(read(&list(&deep)), Err(PlistError::Xml(XmlError::TooDeep))));
    for text in [
        "",
        "<plist></plist>",
        "<plist><array></array></plist>",
        "<dict></dict>",
        "plist",
        "<plist><dict></dict><dict></dict></plist>",
        "<plist><dict></dict></plist><plist></plist>",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    let laughs =
        "<!DOCTYPE plist [<!ENTITY a \"aaaa\">]><plist><dict><key>a</key><string>&a;</string></dict></plist>";
    assert!(matches!(read(laughs), Err(PlistError::Xml(XmlError::DocumentType))));
    let text = list(TOOL);
    for end in 0..text.len() - 1 {
        assert!(read(&text[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn members_in_strange_places_are_refused() {
    let text = list(TOOL);
    let read = |tarball: Tarball| repodata::read(tarball.finish().as_slice());
    let file = |name: &str| Tarball::new().file(name, text.as_bytes());
    assert!(matches!(read(Tarball::new()), Err(RepodataError::NoIndex)));
    for name in ["index-meta.plist", "other", "a/index.plist"] {
        assert!(matches!(read(file(name)), Err(RepodataError::Unexpected(_))), "{name}");
    }
    assert!(matches!(read(file("index.plist").file("stage.plist", b"")), Err(RepodataError::Unexpected(_))));
    assert!(matches!(read(file("index.plist").file("index.plist", b"x")), Err(RepodataError::Archive(_))));
    assert!(matches!(read(Tarball::new().symlink("index.plist", "/etc")), Err(RepodataError::Unexpected(_))));
    for name in ["../index.plist", "/index.plist"] {
        assert!(matches!(read(file(name)), Err(RepodataError::Archive(_))), "{name}");
    }
    let weak = "<key>public-key</key><data>eA==</data>";
    let result = read(file("index.plist").file("index-meta.plist", list(weak).as_bytes()));
    assert!(matches!(result, Err(RepodataError::Key(KeyError::Key(_)))), "{result:?}");
    assert!(matches!(RepositoryKey::parse(list("").as_bytes()), Err(KeyError::Missing)));
}

#[test]
fn a_real_index_cut_anywhere_is_refused() {
    let real = realdata::read("void/zoomers/x86_64-repodata");
    for end in 0..real.len() {
        assert!(repodata::read(&real[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn bombs_end_soon() {
    let start = Instant::now();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let header = lbuild_testkit::tarball::Header {
        size: 3 << 30,
        ..lbuild_testkit::tarball::Header::new("index.plist", b'0')
    };
    bomb.write_all(&header.block()).expect("memory");
    bomb.write_all(b"<plist><dict><key>").expect("memory");
    let block = vec![b'a'; 1 << 20];
    (0..64).for_each(|_| bomb.write_all(&block).expect("memory"));
    let bomb = bomb.finish().expect("memory");
    let result = repodata::read(bomb.as_slice());
    assert!(result.is_err(), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

const PROPS: &str =
    "<key>pkgver</key><string>tool-1.0_1</string><key>architecture</key><string>noarch</string>";

fn package(files: &str, more: impl Fn(Tarball) -> Tarball) -> Result<usize, ArchiveError> {
    let tarball = Tarball::new()
        .file("./INSTALL", b"#!/bin/sh\n")
        .file("./props.plist", list(PROPS).as_bytes())
        .file("./files.plist", list(files).as_bytes());
    let bytes = more(tarball).finish();
    let mut archive = Archive::open(bytes.as_slice(), 1 << 20)?;
    assert!(archive.install_script().is_some() && archive.remove_script().is_none());
    let count = archive.files()?.len();
    while archive.next_entry()?.is_some() {}
    Ok(count)
}

#[test]
fn packages_as_they_should_not_be() {
    let entry = |path: &str| {
        format!(
            "<key>links</key><array><dict><key>file</key><string>{path}</string><key>target</key><string>x</string></dict></array>"
        )
    };
    assert_eq!(package(&entry("/usr/a"), |tarball| tarball.symlink("./usr/a", "x")).expect("good"), 1);
    for path in ["usr/a", "/../a", "/usr/./a", "/usr//a", "/", ""] {
        let result = package(&entry(path), |tarball| tarball);
        assert!(matches!(result, Err(ArchiveError::File(_))), "{path}: {result:?}");
    }
    for files in [
        "<key>files</key><dict></dict>",
        "<key>files</key><array><string>/a</string></array>",
        "<key>doors</key><array><dict><key>file</key><string>/a</string></dict></array>",
        "<key>files</key><array><dict><key>file</key><string>/a</string><key>sha256</key><string>00</string></dict></array>",
    ] {
        let result = package(files, |tarball| tarball);
        assert!(matches!(result, Err(ArchiveError::File(_))), "{files}: {result:?}");
    }
    let late = package("", |tarball| tarball.file("usr/a", b"x").file("REMOVE", b"x"));
    assert!(matches!(late, Err(ArchiveError::Form(DescribedError::Member(_)))), "{late:?}");
    let twice = package("", |tarball| tarball.file("./props.plist", b"x"));
    assert!(matches!(twice, Err(ArchiveError::Form(DescribedError::Member(_)))), "{twice:?}");
    let link = package("", |tarball| tarball.symlink("REMOVE", "/etc/passwd"));
    assert!(matches!(link, Err(ArchiveError::Form(DescribedError::Member(_)))), "{link:?}");
    let outside = package("", |tarball| tarball.file("../a", b"x"));
    assert!(
        matches!(outside, Err(ArchiveError::Form(DescribedError::Tar(TarError::ParentComponent { .. })))),
        "{outside:?}"
    );
    let without = Tarball::new().file("props.plist", list(PROPS).as_bytes()).finish();
    let result = Archive::open(without.as_slice(), 1 << 20).map(drop);
    assert!(matches!(result, Err(ArchiveError::Form(DescribedError::Missing("files.plist")))), "{result:?}");
    let package = realdata::read("void/zoomers/hello-world-2_1.x86_64.xbps");
    for end in 0..package.len() - 1 {
        let read = || -> Result<(), ArchiveError> {
            let mut archive = Archive::open(&package[..end], 1 << 20)?;
            archive.files()?;
            while archive.next_entry()?.is_some() {}
            Ok(())
        };
        assert!(read().is_err(), "cut at {end}");
    }
}
