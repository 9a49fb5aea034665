//! Real indexes of Alpine, whole, and hostile ones.

use std::collections::BTreeMap;

use lbuild_repo::apk::index::{Index, IndexError, parse};
use lbuild_repo::apk::signature::SignatureError;
use lbuild_repo::apk::stanza::{Broken, Checksum, StanzaError};
use lbuild_repo::apk::{Keyring, Trust};
use lbuild_repo::tar::TarError;
use lbuild_testkit::apkfile::{KEY_NAME, gzip, index, named_signature, signature, unsigned_index};
use lbuild_testkit::realdata;
use lbuild_testkit::signing::SigningKey;
use lbuild_testkit::tarball::{Header, Tarball};

use super::{alpine_keys, test_keys};

const MAIN: &str = "alpine/v3.19-cache/APKINDEX.b2c94760.tar.gz";
const COMMUNITY: &str = "alpine/v3.19-cache/APKINDEX.be78cdff.tar.gz";
const ALPINE_KEY: &str = "alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub";

#[test]
fn the_official_indexes_are_read_whole() {
    let keys = alpine_keys();
    for (name, count, newest) in [(MAIN, 5443, 1_724_000_000), (COMMUNITY, 17_587, 1_718_000_000)] {
        let index = Index::open(&realdata::read(name), Trust::Keys(&keys)).unwrap();
        assert_eq!(index.signed_by(), [ALPINE_KEY]);
        assert!(index.description().starts_with("v3.19"), "{}", index.description());
        let packages = index.packages().unwrap();
        assert_eq!(packages.len(), count);
        for package in &packages {
            assert_eq!(package.broken, None, "{}", package.name);
            assert!(matches!(package.checksum, Some(Checksum::Sha1(_))), "{}", package.name);
            assert_eq!(package.arch, "x86_64");
            assert!(
                package.size > 0
                    && package.build_time > 1_500_000_000
                    && package.build_time < newest + 100_000_000
            );
            let words = |text: &str| text.split_ascii_whitespace().count();
            assert_eq!(package.depends().count(), words(package.depends));
            assert_eq!(package.provides().count(), words(package.provides));
            assert_eq!(package.install_if().len(), words(package.install_if));
        }
    }
}

/// The text of the index written again from what was read is the text that was read.
#[test]
fn nothing_of_an_official_index_is_lost() {
    let index = Index::open(&realdata::read(COMMUNITY), Trust::Keys(&alpine_keys())).unwrap();
    let mut written = String::with_capacity(index.text().len());
    for package in index.packages().unwrap() {
        let mut line = |field: char, value: &str| {
            if !value.is_empty() {
                written.extend([&field.to_string(), ":", value, "\n"]);
            }
        };
        line('C', &package.checksum.map(|checksum| checksum.to_string()).unwrap_or_default());
        line('P', package.name);
        line('V', package.version);
        line('A', package.arch);
        line('S', &package.size.to_string());
        line('I', &package.installed_size.to_string());
        line('T', package.description);
        line('U', package.url);
        line('L', package.license);
        line('o', package.origin);
        line('m', package.maintainer);
        line('t', &package.build_time.to_string());
        line('c', package.commit);
        line(
            'k',
            &Some(package.provider_priority).filter(|k| *k > 0).map(|k| k.to_string()).unwrap_or_default(),
        );
        line('D', &package.depends().map(|word| word.to_string()).collect::<Vec<_>>().join(" "));
        let provides = package.provides().map(|word| match word.version {
            Some(version) => format!("{}={version}", word.name),
            None => word.name.to_owned(),
        });
        line('p', &provides.collect::<Vec<_>>().join(" "));
        let install_if = package.install_if();
        line('i', &install_if.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        written.push('\n');
    }
    // An empty field is left out when written, and `>=~` is written `>~`.
    let original = index.text().lines().filter(|line| line.len() != 2 || !line.ends_with(':'));
    for (theirs, ours) in original.zip(written.lines()) {
        let words = |line: &str| line.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(theirs), words(ours));
    }
}

#[test]
fn what_go_apkutils_made_is_refused_as_tar_refuses_it() {
    // Its archives end in the middle of a block.
    let open = |name: &str| {
        let bytes = realdata::read(&format!("alpine/go-apkutils/{name}"));
        [Trust::Keys(&alpine_keys()), Trust::Anybody].map(|trust| Index::open(&bytes, trust).unwrap_err())
    };
    let [trusted, anybody] = open("APKINDEX.tar.gz");
    assert!(matches!(trusted, IndexError::SignatureMember(TarError::Truncated)), "{trusted}");
    assert!(matches!(anybody, IndexError::SignatureMember(TarError::Truncated)), "{anybody}");
    let [trusted, anybody] = open("APKINDEX.unsigned.tar.gz");
    assert!(matches!(trusted, IndexError::Signature(SignatureError::Missing)), "{trusted}");
    assert!(matches!(anybody, IndexError::Archive(TarError::Truncated)), "{anybody}");
    let text = String::from_utf8(realdata::read("alpine/go-apkutils/APKINDEX")).unwrap();
    assert_eq!(parse(&text).unwrap().len(), 3);
}

const STANZA: &str =
    "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\nP:a\nV:1-r0\nA:x86_64\nS:1\nI:2\nT:text\nD:b>1 !c\n\n";

#[test]
fn only_the_right_key_and_untouched_bytes_are_accepted() {
    let keys = test_keys();
    let good = index(STANZA);
    assert_eq!(Index::open(&good, Trust::Keys(&keys)).unwrap().signed_by(), [KEY_NAME]);
    let refusal = |bytes: &[u8], keys: &Keyring| match Index::open(bytes, Trust::Keys(keys)).unwrap_err() {
        IndexError::Signature(error) => error,
        error => panic!("{error:?}"),
    };
    // Signed, but by somebody else: the key of another repository, or the right name with another key.
    assert!(matches!(refusal(&good, &alpine_keys()), SignatureError::UnknownKeys { .. }));
    let mut wrong = Keyring::new();
    wrong.add(KEY_NAME, SigningKey::second().public_pem().as_bytes()).unwrap();
    assert!(matches!(refusal(&good, &wrong), SignatureError::Bad { key, .. } if key == KEY_NAME));
    // The signature of one index in front of another.
    let other = unsigned_index(&STANZA.replace("P:a", "P:b"));
    let moved = [signature(&unsigned_index(STANZA)), other.clone()].concat();
    assert!(matches!(refusal(&moved, &keys), SignatureError::Bad { .. }));
    // Unknown algorithms are passed over, and a good signature beside them is enough.
    let first = SigningKey::first();
    let strange = named_signature(&format!("DSA.{KEY_NAME}"), b"x");
    assert!(matches!(refusal(&[&strange[..], &other].concat(), &keys), SignatureError::UnknownKeys { .. }));
    let sha256 = named_signature(&format!("RSA256.{KEY_NAME}"), &first.sign_sha256(&other));
    assert!(Index::open(&[&strange[..], &sha256, &other].concat(), Trust::Keys(&keys)).is_ok());
    // Every byte of the signed part counts: one more, one less, one changed.
    let more = [&good[..], b"\0"].concat();
    assert!(matches!(refusal(&more, &keys), SignatureError::Bad { .. }));
    for at in (good.len() - other.len()..good.len()).step_by(7) {
        let mut changed = good.clone();
        changed[at] ^= 0x10;
        assert!(Index::open(&changed, Trust::Keys(&keys)).is_err(), "byte {at}");
    }
    let many = named_signature("RSA.x", b"").repeat(9);
    assert!(matches!(refusal(&[&many[..], &other].concat(), &keys), SignatureError::TooMany));
}

#[test]
fn t06_hostile_containers_are_refused_by_name() {
    let refusal = |bytes: &[u8]| Index::open(bytes, Trust::Anybody).unwrap_err();
    for head in ["ADB.", "ADBd", "ADBc"] {
        let error = refusal(format!("{head}indx....").as_bytes());
        assert!(error.to_string().contains("apk v3 index"), "{error}");
    }
    for bytes in [&b""[..], b"P:a\n", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"] {
        assert!(matches!(refusal(bytes), IndexError::NotGzip));
    }
    let zeros = gzip(&vec![0; 64 << 20]);
    let header = Header { size: 1 << 40, ..Header::new("APKINDEX", b'0') };
    let bomb = [gzip(&Tarball::new().raw(&header, &[]).unfinished()), zeros.repeat(5)].concat();
    assert!(matches!(refusal(&bomb), IndexError::TooLarge));
    let tar = Tarball::new().file("other", b"").finish();
    assert!(matches!(refusal(&gzip(&tar)), IndexError::NoIndex));
    let tar = Tarball::new().symlink("APKINDEX", "/etc/passwd").finish();
    assert!(matches!(refusal(&gzip(&tar)), IndexError::NoIndex));
    let tar = Tarball::new().file("APKINDEX", b"").file("APKINDEX", b"").finish();
    assert!(matches!(refusal(&gzip(&tar)), IndexError::Archive(TarError::Duplicate { .. })));
    let tar = Tarball::new().file("APKINDEX", b"P:\xff\n").finish();
    assert!(matches!(refusal(&gzip(&tar)), IndexError::NotText { valid: 2 }));
    // A member with signatures that are not files, or with something else beside them.
    let tar = Tarball::new().symlink(".SIGN.RSA.x", "/etc/shadow").unfinished();
    assert!(matches!(refusal(&gzip(&tar)), IndexError::SignatureMember(_)));
    let tar = Tarball::new().file(".SIGN.RSA.x", b"").file("APKINDEX", b"").unfinished();
    assert!(matches!(refusal(&gzip(&tar)), IndexError::SignatureMember(_)));
    let whole = index(STANZA);
    for end in 0..whole.len() {
        assert!(Index::open(&whole[..end], Trust::Anybody).is_err(), "cut after {end} bytes");
    }
}

#[test]
fn bad_stanzas_are_named() {
    let refusal = |text: &str| parse(text).unwrap_err();
    let value = |line, field, text: &str| StanzaError::Value { line, field, text: text.to_owned() };
    for (text, error) in [
        ("P:a\n\n", StanzaError::Missing { line: 2, field: 'V' }),
        ("V:1\n", StanzaError::Missing { line: 2, field: 'P' }),
        ("\u{1b}[2J\n", StanzaError::Line { line: 1, text: "\\u{1b}[2J".to_owned() }),
        ("P a\n", StanzaError::Line { line: 1, text: "P a".to_owned() }),
        ("P:a\nP:a\n", StanzaError::Repeated { line: 2, field: 'P' }),
        ("P:../../etc\n", value(1, 'P', "../../etc")),
        ("P:a\nV:1/../../2\n", value(2, 'V', "1/../../2")),
        ("P:a\nV:\n", value(2, 'V', "")),
        ("S:-1\n", value(1, 'S', "-1")),
        ("S:99999999999999999999\n", value(1, 'S', "99999999999999999999")),
        ("k:\n", value(1, 'k', "")),
        ("C:Q3AAAA\n", value(1, 'C', "Q3AAAA")),
        ("C:Q1AAAA\n", value(1, 'C', "Q1AAAA")),
        ("C:Q\u{e4}\n", value(1, 'C', "Qä")),
        ("T:a\u{7}\n", value(1, 'T', "a\\u{7}")),
    ] {
        assert_eq!(refusal(text), error, "{text:?}");
    }
    let twice = STANZA.repeat(2);
    assert_eq!(refusal(&twice), StanzaError::Duplicate { package: "a-1-r0".to_owned() });
}

#[test]
fn packages_that_cannot_be_installed_say_why_and_stay_in_the_index() {
    let text =
        "P:a\nV:1.x_y\n\nP:b\nV:1\nD:c d=x\n\nP:c\nV:1\nX:new\n\nP:d\nV:1\nx:new\np:e=1 !f g>1\ni:a=x b\n";
    let packages = parse(text).unwrap();
    let broken: Vec<_> = packages.iter().map(|package| &package.broken).collect();
    assert_eq!((broken[0], packages[0].version), (&None, "1.x_y"));
    assert!(matches!(broken[1], Some(Broken::Depends(_))));
    assert!(matches!(broken[2], Some(Broken::Field('X'))));
    assert_eq!(broken[3], &None);
    assert_eq!(packages[3].provides().map(|provision| provision.name).collect::<Vec<_>>(), ["e"]);
    assert_eq!(packages[3].install_if(), []);
}

/// Fields of the biggest index that are counted without our reader.
#[test]
fn fields_agree_with_a_plain_count() {
    let index = Index::open(&realdata::read(MAIN), Trust::Keys(&alpine_keys())).unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in index.text().lines().filter(|line| line.len() > 2) {
        *counts.entry(&line[..2]).or_default() += 1;
    }
    let packages = index.packages().unwrap();
    let count = |fits: fn(&lbuild_repo::apk::stanza::Package<'_>) -> bool| {
        packages.iter().filter(|p| fits(p)).count()
    };
    assert_eq!(count(|package| !package.depends.is_empty()), counts["D:"]);
    assert_eq!(count(|package| !package.provides.is_empty()), counts["p:"]);
    assert_eq!(count(|package| !package.install_if.is_empty()), counts["i:"]);
    assert_eq!(count(|package| package.provider_priority > 0), counts["k:"]);
}

#[test]
fn the_date_of_an_index_is_that_of_its_file() {
    let index = Index::open(&realdata::read(COMMUNITY), Trust::Keys(&alpine_keys())).unwrap();
    // 2024-06-18T15:25:09Z
    let date = 1_718_724_309;
    assert_eq!(index.date(), Some(date));
    assert!(index.check_date(date, None).is_ok() && index.check_date(date, Some(date)).is_ok());
    assert!(matches!(index.check_date(date, Some(date + 1)), Err(IndexError::Rollback { seconds: 1 })));
    assert!(matches!(index.check_date(date - 100_000, None), Err(IndexError::Future { seconds: 100_000 })));
}
