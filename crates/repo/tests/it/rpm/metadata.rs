//! Metadata of real repositories, and of the test-suites of the tools that make and read them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use lbuild_repo::rpm::checksum::Mismatch;
use lbuild_repo::rpm::comps::Comps;
use lbuild_repo::rpm::filelists::Filelists;
use lbuild_repo::rpm::modules::Modules;
use lbuild_repo::rpm::primary::{Primary, PrimaryError};
use lbuild_repo::rpm::repomd::{NotOffered, Record, Repomd, RepomdError};
use lbuild_repo::rpm::updateinfo::Updateinfo;
use lbuild_repo::xml::XmlError;

use super::{data, files_below, key};

const LIMIT: u64 = 1 << 30;

fn repomd(directory: &Path) -> Result<Repomd, RepomdError> {
    Repomd::parse(&std::fs::read(directory.join("repodata/repomd.xml")).expect("repomd.xml"))
}

fn open(directory: &Path, record: &Record) -> std::io::Result<Box<dyn BufRead + Send>> {
    let file = std::fs::File::open(directory.join(&record.location)).expect("a file of the repository");
    record.open(BufReader::new(file), LIMIT)
}

/// Every directory of the test data that has a `repodata/repomd.xml`.
fn repositories() -> Vec<PathBuf> {
    let found = files_below(&data(), &|name| name == "repomd.xml");
    let of_repository = |path: &PathBuf| {
        path.parent()?.ends_with("repodata").then(|| path.parent()?.parent().map(Path::to_owned))?
    };
    found.iter().filter_map(of_repository).collect()
}

/// Packages, dependencies, boolean dependencies and listed files of an index.
type Counts = (usize, usize, usize, usize);

fn count(reader: impl BufRead) -> Result<Counts, PrimaryError> {
    let mut counts = Counts::default();
    let mut primary = Primary::new(reader)?;
    while let Some(package) = primary.next_package()? {
        counts.0 += 1;
        counts.3 += package.files().count();
        for entry in package.entries() {
            counts.1 += 1;
            counts.2 += usize::from(entry.name.starts_with('('));
            entry.dependency().unwrap_or_else(|error| panic!("{}: {error:?}", package.name()));
        }
    }
    Ok(counts)
}

#[test]
fn every_package_index_of_the_test_data_is_read_whole() {
    let mut read = BTreeMap::new();
    let mut refused = BTreeMap::new();
    for directory in repositories() {
        let name = directory.strip_prefix(data()).expect("below the data").to_str().expect("text").to_owned();
        let Ok(found) = repomd(&directory) else {
            refused.insert(name, "repomd");
            continue;
        };
        let Ok(record) = found.record("primary") else {
            refused.insert(name, "no primary");
            continue;
        };
        match open(&directory, record).map_err(|_| "size").and_then(|reader| {
            count(reader).map_err(|error| match error {
                PrimaryError::Xml(XmlError::Read(error)) if Mismatch::of(&error).is_some() => "checksum",
                _ => "malformed",
            })
        }) {
            Ok(counts) => drop(read.insert(name, counts)),
            Err(reason) => drop(refused.insert(name, reason)),
        }
    }
    let expected = [
        ("cs9-appstream-2025", (17_649, 415_637, 1395, 36_204)),
        ("cs9-baseos-2024", (1125, 83_793, 224, 3680)),
        ("el9-baseos-signed", (7, 31, 0, 13)),
        ("opensuse-xlibre", (13, 250, 0, 7)),
        ("opensuse-xlibre/SRPMS", (13, 228, 0, 0)),
        ("osbuild-custom-2024", (1, 2, 0, 0)),
        ("libzypp-testdata/zypp/tests/data/11.0-update", (2430, 84_108, 0, 8736)),
        // It says that it has 1264: somebody took packages out.
        ("libzypp-testdata/zypp/tests/repo/yum/data/10.2-updates-subset", (22, 496, 0, 16)),
        ("libdnf-testdata/data/tests/modules/modules/_all/x86_64", (43, 111, 0, 0)),
        ("librepo-testdata/test_data/repo_yum_03", (21, 1022, 0, 64)),
        ("repomd-parser-fixtures/files/dummy_repo", (4, 8, 0, 0)),
    ];
    for (name, counts) in expected {
        assert_eq!(read[name], counts, "{name}");
    }
    let total = read.values().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
    assert_eq!((read.len(), total), (54, (21_887, 595_998)));
    let suite = "libzypp-testdata/zypp/tests/repo";
    let listed = [
        // Wrong on purpose, or shortened by hand after the table of contents was made.
        ("createrepo_c-testdata/repo_01".to_owned(), "checksum"),
        ("libdnf-testdata/data/tests/gpg-asc".to_owned(), "no primary"),
        ("libdnf-testdata/data/tests/gpg-no-asc".to_owned(), "repomd"),
        ("libdnf-testdata/data/tests/gpg-wrong-asc".to_owned(), "repomd"),
        (format!("{suite}/RepoLicense/repo"), "no primary"),
        (format!("{suite}/RepoSigcheck/signed_repo"), "no primary"),
        (format!("{suite}/RepoSigcheck/unknownkey_repo"), "no primary"),
        (format!("{suite}/RepoSigcheck/unsigned_repo"), "no primary"),
        (format!("{suite}/RepoSigcheck/wrongsig_repo"), "no primary"),
        (format!("{suite}/yum/data/ZCHUNK"), "size"),
        (format!("{suite}/yum/data/extensions"), "checksum"),
        ("repomd-parser-fixtures/files/old_style_repo".to_owned(), "checksum"),
    ];
    assert_eq!(refused, BTreeMap::from(listed));
}

#[test]
fn other_metadata_of_the_repositories_is_read_and_checked() {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for directory in repositories() {
        let Ok(found) = repomd(&directory) else { continue };
        for kind in ["filelists", "filelists-ext", "group", "updateinfo", "modules", "other"] {
            let Ok(record) = found.record(kind) else { continue };
            if !directory.join(&record.location).exists() {
                continue;
            }
            let items = open(&directory, record)
                .map_err(|error| error.to_string())
                .and_then(|reader| items(kind, reader));
            match items {
                Ok(items) => {
                    let sum = counts.entry(kind).or_default();
                    *sum = (sum.0 + 1, sum.1 + items);
                }
                Err(error) => wrong.push(format!(
                    "{} {kind}: {error}",
                    directory.strip_prefix(data()).expect("below").display()
                )),
            }
        }
    }
    let expected = [
        ("filelists", (50, 158_189)),
        ("filelists-ext", (1, 3)),
        ("group", (4, 71)),
        ("modules", (24, 71)),
        ("other", (48, 116_298)),
        ("updateinfo", (7, 182)),
    ];
    assert_eq!(counts, BTreeMap::from(expected), "{wrong:#?}");
    wrong.sort();
    assert_eq!(wrong, WRONG);
}

/// What does not fit its table of contents, most of it on purpose.
const WRONG: [&str; 9] = [
    "createrepo_c-testdata/repo_with_additional_metadata modules: the modules are malformed: YAML is not \
     well-formed: invalid indentation in quoted scalar at byte 5703 line 220 column 20",
    "cs9-appstream-2025 filelists: the list of files is malformed: cannot read the XML: checksum is \
     sha256:0fbbe12017601a7b56df49d9ccf44ffa76d5aad15b7a6865b0549d33b7ec4750, expected \
     sha256:98e9a2fa4d9193dad4cea8cc14915bb5ce80a197f43b1a6e51e8bc794d7c4708",
    "libzypp-testdata/zypp/tests/repo/yum/data/10.2-updates-subset other: checksum is \
     sha1:3bcd2190eaf2a11d831cea5eef693264fa00654c, expected sha1:7f83e2e248d8966d119471c58ef41e7a065c9e1a",
    "libzypp-testdata/zypp/tests/repo/yum/data/ZCHUNK filelists: size is 0 bytes, expected 1",
    "libzypp-testdata/zypp/tests/repo/yum/data/ZCHUNK other: size is 0 bytes, expected 1",
    "libzypp-testdata/zypp/tests/repo/yum/data/extensions filelists: the list of files is malformed: cannot read the \
     XML: checksum is sha1:f161362a816da5d6cf874ca6b577064649c46713, expected \
     sha1:fdabcfd9c056109ab25acf0644823bdec94b6cfd",
    "libzypp-testdata/zypp/tests/repo/yum/data/extensions other: checksum is \
     sha1:4ff862a887e1db5d97acead9af79eb1153966300, expected sha1:34cde52910a161664291bd93e8a9cd24f751af6b",
    "repomd-parser-fixtures/files/old_style_repo filelists: the list of files is malformed: cannot read the XML: \
     checksum is sha1:4fc94180cecac817686e1da6857b7c9789a1f4cc, expected \
     sha1:504bd30dbb050055dc81f3f359b23a0e21f58f35",
    "repomd-parser-fixtures/files/old_style_repo other: checksum is sha1:420f5a16f2ef8e253c7011387e718b4d3d21cb94, \
     expected sha1:28cde758a4bbeff4b9d0e32fe4914644147afb1b",
];

/// How many files, groups, advisories or streams there are.
fn items(kind: &str, mut reader: impl BufRead) -> Result<usize, String> {
    let shown = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text.extend([": ", &cause.to_string()]);
            next = cause.source();
        }
        text
    };
    match kind {
        "filelists" | "filelists-ext" => {
            let mut lists = Filelists::new(reader).map_err(|error| shown(&error))?;
            let mut count = 0;
            while let Some(package) = lists.next_package().map_err(|error| shown(&error))? {
                count += package.files().count();
            }
            Ok(count)
        }
        "group" => Comps::read(reader)
            .map(|comps| comps.groups.len() + comps.environments.len())
            .map_err(|error| shown(&error)),
        "updateinfo" => {
            let mut advisories = Updateinfo::new(reader).map_err(|error| shown(&error))?;
            let mut count = 0;
            while advisories.next_advisory().map_err(|error| shown(&error))?.is_some() {
                count += 1;
            }
            Ok(count)
        }
        "modules" => {
            let mut text = String::new();
            reader.read_to_string(&mut text).map_err(|error| shown(&error))?;
            Modules::parse(&text).map(|modules| modules.streams.len()).map_err(|error| shown(&error))
        }
        _ => {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(|error| shown(&error))
        }
    }
}

#[test]
fn signatures_of_repositories_are_judged() {
    use lbuild_repo::openpgp::{Expiry, Keyring, Policy};
    use lbuild_repo::rpm::signature::verify_repomd;
    let judge = |directory: &str, name: &str, watermark: Option<u64>| {
        let directory = data().join(directory);
        let read = |path: PathBuf| std::fs::read(path).expect("a file of the test data");
        let keyring = Keyring::parse(&key(name)).map_err(|error| error.to_string())?;
        // 2026-06-01; the keys of old repositories have expired since.
        let policy = Policy { expiry: Expiry::WhenSigned, ..Policy::at(1_780_272_000) };
        let text = read(directory.join("repodata/repomd.xml"));
        let signature = read(directory.join("repodata/repomd.xml.asc"));
        verify_repomd(&text, &signature, &keyring, &policy, watermark)
            .map(|verified| verified.date)
            .map_err(|error| std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string))
    };
    let suse = "opensuse-xlibre/outtathebox5319-rpm-signing-key.asc";
    assert_eq!(judge("opensuse-xlibre", suse, None), Ok(1_769_654_701));
    assert_eq!(
        judge("opensuse-xlibre/x86_64", suse, Some(1_769_000_000)).map(|date| date > 1_769_000_000),
        Ok(true)
    );
    let old = judge("opensuse-xlibre", suse, Some(1_769_654_701 + 7200)).expect_err("a rollback");
    assert!(old.contains("2 hours older"), "{old}");
    let librepo = judge("librepo-testdata/test_data/repo_yum_01", "librepo-testdata/test_data/key.pub", None);
    assert_eq!(librepo, Ok(1_347_459_931));
    let zypp = "libzypp-testdata/zypp/tests";
    let rows = [
        ("el9-baseos-signed".to_owned(), suse.to_owned(), "signed by no known key"),
        (
            format!("{zypp}/repo/RepoSigcheck/signed_repo"),
            format!("{zypp}/repo/RepoSigcheck/signed_repo/repodata/repomd.xml.key"),
            "is too weak",
        ),
        (format!("{zypp}/repo/RepoSigcheck/unknownkey_repo"), suse.to_owned(), "signed by no known key"),
        (
            format!("{zypp}/data/11.0-update"),
            format!("{zypp}/data/11.0-update/repodata/repomd.xml.key"),
            "weak",
        ),
    ];
    for (directory, key, expected) in rows {
        let error = judge(&directory, &key, None).expect_err(&directory);
        assert!(error.contains(expected), "{directory}: {error}");
    }
}

#[test]
fn zchunk_is_passed_over_and_said_when_there_is_nothing_else() {
    let directory = data().join("createrepo_c-testdata/repo_with_additional_metadata");
    let mut found = repomd(&directory).expect("repomd.xml");
    for kind in ["primary", "filelists", "updateinfo", "group"] {
        assert!(!found.record(kind).expect(kind).is_zchunk(), "{kind}");
    }
    found.records.retain(Record::is_zchunk);
    assert_eq!(found.record("primary"), Err(NotOffered::OnlyZchunk("primary".to_owned())));
    assert_eq!(found.record("license"), Err(NotOffered::Missing("license".to_owned())));
}

/// A piece of a good document, what is put in its place, and whether an error is the right one.
type Case<E> = (&'static str, &'static str, fn(&E) -> bool);

#[test]
fn bad_tables_of_contents_are_named() {
    const GOOD: &str = "<repomd><data type='primary'><checksum type='sha'>0000000000000000000000000000000000000000\
        </checksum><location href='repodata/p.xml.gz'/><size>1</size><timestamp>12.5</timestamp></data></repomd>";
    let good = Repomd::parse(GOOD.as_bytes()).expect("a good one");
    assert_eq!((good.records[0].timestamp, good.records[0].size), (12, Some(1)));
    let cases: [Case<RepomdError>; 11] = [
        ("type='primary'", "", |e| matches!(e, RepomdError::Missing { part: "type", .. })),
        ("<location href='repodata/p.xml.gz'/>", "", |e| {
            matches!(e, RepomdError::Missing { part: "location", .. })
        }),
        (
            "<data",
            "<data type='primary'><checksum type='md5'>00000000000000000000000000000000</checksum><location \
          href='a'/></data><data",
            |e| matches!(e, RepomdError::Duplicate(_)),
        ),
        ("'sha'", "'sha3'", |e| matches!(e, RepomdError::Checksum { .. })),
        (">00", ">0", |e| matches!(e, RepomdError::Checksum { .. })),
        ("repodata/", "../", |e| matches!(e, RepomdError::Location { .. })),
        ("repodata/", "/", |e| matches!(e, RepomdError::Location { .. })),
        ("repodata/", "http://elsewhere/", |e| matches!(e, RepomdError::Location { .. })),
        ("<size>1", "<size>-1", |e| matches!(e, RepomdError::Number { .. })),
        ("<size>1", "<size>99999999999999999999", |e| matches!(e, RepomdError::Number { .. })),
        ("</repomd>", "", |e| matches!(e, RepomdError::Xml(XmlError::Truncated))),
    ];
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let error = Repomd::parse(GOOD.replacen(from, to, 1).as_bytes()).expect_err(to);
        assert!(expected(&error), "{from} -> {to}: {error:?}");
    }
    assert!(matches!(Repomd::parse(&vec![b' '; 5 << 20]), Err(RepomdError::TooLarge)));
}

#[test]
fn a_truncated_package_index_is_an_error_wherever_it_ends() {
    let directory = data().join("createrepo_c-testdata/repo_02");
    let found = repomd(&directory).expect("repomd.xml");
    let mut text = Vec::new();
    let mut reader = open(&directory, found.record("primary").expect("primary")).expect("a file");
    std::io::copy(&mut reader, &mut text).expect("its content");
    let end = text.trim_ascii_end().len();
    assert_eq!(count(&text[..end]).expect("whole"), (2, 17, 0, 2));
    for end in 0..end {
        assert!(count(&text[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn bad_packages_of_an_index_are_named() {
    const GOOD: &str = "<metadata packages='1'><package type='rpm'><name>a</name><arch>noarch</arch>\
        <version epoch='0' ver='1' rel='1'/><checksum type='md5' pkgid='YES'>00000000000000000000000000000000\
        </checksum><size package='1'/><location href='a.rpm'/><format><rpm:requires>\
        <rpm:entry name='b' flags='GE' ver='1'/></rpm:requires></format></package></metadata>";
    assert_eq!(count(GOOD.as_bytes()).expect("a good one"), (1, 1, 0, 0));
    let cases: [Case<PrimaryError>; 12] = [
        ("<name>a</name>", "", |e| matches!(e, PrimaryError::Missing { part: "name", .. })),
        ("<arch>noarch</arch>", "", |e| matches!(e, PrimaryError::Missing { part: "architecture", .. })),
        ("ver='1' rel", "rel", |e| matches!(e, PrimaryError::Missing { part: "version", .. })),
        ("<location href='a.rpm'/>", "", |e| matches!(e, PrimaryError::Missing { part: "location", .. })),
        ("<name>a", "<name>a/b", |e| matches!(e, PrimaryError::Value { part: "name", .. })),
        ("'a.rpm'", "'../a.rpm'", |e| matches!(e, PrimaryError::Value { part: "location", .. })),
        ("epoch='0'", "epoch='-1'", |e| matches!(e, PrimaryError::Version { .. })),
        ("rel='1'", "rel='1-2'", |e| matches!(e, PrimaryError::Version { .. })),
        ("'GE'", "'XX'", |e| matches!(e, PrimaryError::Value { part: "operator", .. })),
        ("name='b'", "name=''", |e| matches!(e, PrimaryError::Value { part: "dependency", .. })),
        ("package='1'", "package='1e9'", |e| matches!(e, PrimaryError::Value { .. })),
        ("'md5' pkgid", "'crc' pkgid", |e| matches!(e, PrimaryError::Checksum { .. })),
    ];
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let error = count(GOOD.replacen(from, to, 1).as_bytes()).expect_err(to);
        assert!(expected(&error), "{from} -> {to}: {error:?}");
    }
    let bomb = "<!DOCTYPE metadata [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>".to_owned() + GOOD;
    assert!(matches!(count(bomb.as_bytes()), Err(PrimaryError::Xml(XmlError::DocumentType))));
}
