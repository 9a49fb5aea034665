//! Packages of the test data: what rpm says about them, their digests and their signatures.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use lbuild_repo::openpgp::{Expiry, Keyring, Policy, SignatureError};
use lbuild_repo::rpm::archive::{ArchiveError, Rpm, VerifyError, verify_whole};
use lbuild_repo::rpm::primary::{Entry, Field};

use super::{data, files_below, key};

const LIMIT: u64 = 1 << 30;

fn packages() -> Vec<PathBuf> {
    files_below(&data(), &|name| name.strip_suffix(".rpm").is_some())
}

fn open(path: &Path) -> Result<Rpm<BufReader<File>>, ArchiveError> {
    Rpm::open(BufReader::new(File::open(path).expect("a package of the test data")))
}

fn name(path: &Path) -> String {
    path.strip_prefix(data()).expect("below the data").display().to_string()
}

/// Reads every content, which checks all digests; gives the number of entries and the bytes of content.
fn read_payload(package: Rpm<impl Read + Send>) -> Result<(usize, u64), ArchiveError> {
    let mut payload = package.payload(LIMIT)?;
    let mut counts = (0, 0);
    while let Some((_, mut content)) = payload.next_entry()? {
        counts.0 += 1;
        counts.1 += std::io::copy(&mut content, &mut std::io::sink()).map_err(ArchiveError::Read)?;
    }
    Ok(counts)
}

fn shown(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn every_package_of_the_test_data_is_read_whole() {
    let mut refused: Vec<String> = Vec::new();
    let (mut read, mut entries, mut bytes) = (0, 0, 0);
    for path in packages() {
        let package = match open(&path) {
            Ok(package) => package,
            Err(error) => {
                refused.push(format!("{}: {}", name(&path), shown(&error)));
                continue;
            }
        };
        let told = package.info().map(|info| {
            assert!(info.entries.iter().all(|entry| entry.dependency().is_ok()), "{}", name(&path));
        });
        let told = told.and_then(|()| package.scripts().map(drop));
        match told.and_then(|()| read_payload(package)) {
            Ok(counts) => {
                read += 1;
                entries += counts.0;
                bytes += counts.1;
            }
            Err(error) => refused.push(format!("{}: {}", name(&path), shown(&error))),
        }
    }
    assert_eq!((read, entries, bytes), (393, 1670, 4_855_529));
    let broken = "libzypp-testdata/zypp/tests/zypp/data/RpmPkgSigCheck";
    let expected = [
        // rpm wants UTF-8 today, and createrepo_c guesses what older packages mean.
        "createrepo_c-testdata/packages/balicek-iso88591-1.1.1-1.x86_64.rpm: the package header is refused: header tag \
         `REQUIRENAME` is not UTF-8"
            .to_owned(),
        "createrepo_c-testdata/packages/balicek-iso88592-1.1.1-1.x86_64.rpm: the package header is refused: header tag \
         `PROVIDENAME` is not UTF-8"
            .to_owned(),
        format!("{broken}/no.rpm: not an RPM package"),
        format!("{broken}/signed_broken.rpm: the contents do not fit their digest"),
        format!("{broken}/signed_broken_header.rpm: the package header does not fit its digest"),
        format!("{broken}/unsigned_broken.rpm: the contents do not fit their digest"),
        format!("{broken}/unsigned_broken_header.rpm: the package header does not fit its digest"),
    ];
    assert_eq!(refused.len(), expected.len(), "{refused:#?}");
    for (found, expected) in refused.iter().zip(expected) {
        assert!(found.starts_with(&expected), "{found}");
    }
}

/// What `rpm --query` prints about a package, without judging its signature.
fn query(path: &Path, format: &str) -> Option<String> {
    let output = Command::new("rpm")
        .args(["--nosignature", "--nodigest", "--query", "--queryformat", format, "--package"])
        .arg(path)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("rpm is needed as the judge of this test");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn write_entry(entry: &Entry<'_>, text: &mut String) {
    let kind = format!("{:?}", entry.field).to_lowercase();
    write!(text, "{kind} ").expect("writing to a string");
    entry.write(text);
    text.push('\n');
}

/// The same about a package as `FORMAT` lets rpm say.
fn described<R: Read>(package: &Rpm<R>) -> String {
    let info = package.info().expect("info");
    let mut text = format!(
        "{} {}:{}-{} {} {} {}\n",
        info.name,
        info.evr.epoch,
        info.evr.version,
        info.evr.release,
        info.arch,
        info.build_time,
        info.installed_size
    );
    for field in [
        Field::Provides,
        Field::Requires,
        Field::Conflicts,
        Field::Obsoletes,
        Field::Recommends,
        Field::Suggests,
        Field::Supplements,
        Field::Enhances,
    ] {
        for entry in info.entries.iter().filter(|entry| entry.field == field) {
            write_entry(entry, &mut text);
        }
    }
    for file in package.files().expect("files") {
        let slash = if package.is_source() { "" } else { "/" };
        let digest = file.digest.map(|digest| hex::encode(digest.bytes())).unwrap_or_default();
        writeln!(
            text,
            "{slash}{} {:o} {} {} {} {} <{digest}> <{}> {} <{}>",
            String::from_utf8_lossy(&file.path),
            file.mode,
            file.size,
            file.mtime,
            file.user,
            file.group,
            String::from_utf8_lossy(&file.target),
            file.flags.0,
            file.capabilities,
        )
        .expect("writing to a string");
    }
    text
}

const FORMAT: &str = "%{NAME} %|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE} %{ARCH} %{BUILDTIME} %{LONGSIZE}\\n\
    [provides %{PROVIDENEVRS}\\n][requires %{REQUIRENEVRS}\\n][conflicts %{CONFLICTNEVRS}\\n]\
    [obsoletes %{OBSOLETENEVRS}\\n][recommends %{RECOMMENDNEVRS}\\n][suggests %{SUGGESTNEVRS}\\n]\
    [supplements %{SUPPLEMENTNEVRS}\\n][enhances %{ENHANCENEVRS}\\n]\
    [%{FILENAMES} %{FILEMODES:octal} %{LONGFILESIZES} %{FILEMTIMES} %{FILEUSERNAME} %{FILEGROUPNAME} <%{FILEDIGESTS}> \
    <%{FILELINKTOS}> %{FILEFLAGS} <%{FILECAPS}>\\n]";

#[test]
fn rpm_says_the_same_about_every_package() {
    let mut compared = 0;
    for path in packages() {
        let (Ok(package), Some(theirs)) = (open(&path), query(&path, FORMAT)) else { continue };
        // Two packages have names in an old encoding.
        if package.info().is_err() {
            continue;
        }
        // rpm writes an epoch of 0 where the package does.
        let theirs: Vec<String> =
            theirs.lines().map(|line| line.replace(" 0:", " ").replace("<(none)>", "<>")).collect();
        let ours = described(&package).replace(" 0:", " ");
        for (ours, theirs) in ours.lines().zip(&theirs) {
            assert_eq!(ours, theirs, "{}", name(&path));
        }
        assert_eq!(ours.lines().count(), theirs.len(), "{}", name(&path));
        compared += 1;
    }
    assert_eq!(compared, 395);
}

fn keys(names: &[&str]) -> Keyring {
    let parts: Vec<Vec<u8>> = names.iter().map(|name| key(name)).collect();
    Keyring::join(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()).expect("keys")
}

/// What becomes of the signature of a package.
fn verdict(package: &str, keyring: &Keyring) -> String {
    // 2026-06-01; keys of old packages may have expired since.
    let policy = Policy { expiry: Expiry::WhenSigned, ..Policy::at(1_780_272_000) };
    match open(&data().join(package)).expect("a package").verify(keyring, &policy) {
        Ok(signers) => format!("good, {}", signers.len()),
        Err(VerifyError::Signature(error)) => shown(&error),
        Err(error) => shown(&error),
    }
}

#[test]
fn signatures_of_packages_are_judged() {
    let v4 = "rpm-rs-assets/tests/assets/signing_keys/v4/rpm-testkey-v4";
    let v6 = "rpm-rs-assets/tests/assets/signing_keys/v6/rpm-testkey-v6";
    let rsa4 = keys(&[&format!("{v4}-rsa4096.asc")]);
    let ed4 = keys(&[&format!("{v4}-ed25519.asc")]);
    let ecdsa4 = keys(&[&format!("{v4}-ecdsa-nistp256.asc")]);
    let rsa6 = keys(&[&format!("{v6}-rsa4k.asc")]);
    let ed6 = keys(&[&format!("{v6}-ed25519.asc")]);
    let xlibre = keys(&["opensuse-xlibre/outtathebox5319-rpm-signing-key.asc"]);
    let zypp = keys(&["libzypp-testdata/zypp/tests/zypp/data/RpmPkgSigCheck/signed.key"]);
    let asset = |name: &str| format!("rpm-rs-assets/tests/assets/RPMS/{name}-2.3.4-5.el9.noarch.rpm");
    let rows = [
        (asset("v4/signed/rpm-basic-with-rsa4096"), &rsa4, "good, 1"),
        (asset("v4/signed/rpm-basic-with-ima"), &rsa4, "good, 1"),
        (asset("v4/signed/rpm-basic-with-ed25519"), &ed4, "good, 1"),
        (asset("v4/signed/rpm-basic-with-ecdsa"), &ecdsa4, "good, 1"),
        (asset("v4/signed/rpm-basic-with-ecdsa"), &rsa4, "signed by no known key"),
        (asset("v4/rpm-basic"), &rsa4, "package has no signature"),
        (asset("v6/signed/rpm-basic-with-rsa4k"), &rsa6, "good, 1"),
        (asset("v6/signed/rpm-basic-with-ed25519"), &ed6, "good, 1"),
        (asset("v6/signed/rpm-basic-multiple-signatures"), &ed6, "good, 1"),
        (asset("v6/signed/rpm-basic-multiple-signatures"), &rsa6, "good, 1"),
        (asset("v6/rpm-basic"), &rsa6, "package has no signature"),
        ("opensuse-xlibre/x86_64/xf86-video-qxl-xlibre-25.0.0-1.1.x86_64.rpm".to_owned(), &xlibre, "good, 1"),
        ("el9-baseos-signed/bzip2-1.0.8-18.el9.x86_64.rpm".to_owned(), &xlibre, "signed by no known key"),
        ("libzypp-testdata/zypp/tests/zypp/data/RpmPkgSigCheck/signed.rpm".to_owned(), &zypp, "good, 1"),
        (
            "libzypp-testdata/zypp/tests/zypp/data/RpmPkgSigCheck/unsigned.rpm".to_owned(),
            &zypp,
            "package has no",
        ),
    ];
    let wrong: Vec<String> = rows
        .iter()
        .map(|(package, keyring, expected)| (package, verdict(package, keyring), expected))
        .filter(|(_, found, expected)| !found.starts_with(**expected))
        .map(|(package, found, _)| format!("{package}: {found}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn signatures_over_header_and_contents_are_judged() {
    let zypp = "libzypp-testdata/zypp/tests/zypp/data/RpmPkgSigCheck";
    let keyring = keys(&[&format!("{zypp}/signed.key")]);
    let policy = Policy { expiry: Expiry::WhenSigned, ..Policy::at(1_780_272_000) };
    let judge = |name: &str| {
        let file = File::open(data().join(name)).expect("a package");
        verify_whole(BufReader::new(file), &keyring, &policy)
    };
    judge(&format!("{zypp}/signed.rpm")).expect("a good signature");
    let broken = judge(&format!("{zypp}/signed_broken.rpm"));
    assert!(matches!(broken, Err(VerifyError::Signature(SignatureError::BadSignature { .. }))), "{broken:?}");
    let unsigned = judge(&format!("{zypp}/unsigned.rpm"));
    assert!(matches!(unsigned, Err(VerifyError::Unsigned)), "{unsigned:?}");
}

#[test]
fn scripts_and_triggers_are_data() {
    let path = data().join("rpm-rs-assets/tests/assets/RPMS/v6/rpm-scriptlets-1.0-1.noarch.rpm");
    let package = open(&path).expect("a package");
    let scripts = package.scripts().expect("scripts");
    let kinds: Vec<String> = scripts.scripts.iter().map(|script| format!("{:?}", script.kind)).collect();
    let triggers: Vec<String> =
        scripts.triggers.iter().map(|trigger| format!("{:?}", trigger.kind)).collect();
    assert_eq!(
        kinds.join(" "),
        "BeforeTransaction BeforeInstall AfterInstall BeforeRemove AfterRemove AfterTransaction Verify"
    );
    assert_eq!(
        triggers.join(" "),
        "Package Package Package Package File File File TransactionFile TransactionFile TransactionFile"
    );
    let theirs = query(&path, "%{PREIN}\n").expect("rpm reads it");
    let ours = scripts.scripts[1].text.clone().expect("a text");
    assert_eq!(String::from_utf8_lossy(&ours), theirs.trim_end());
}

#[test]
fn truncated_and_changed_packages_are_refused() {
    let whole =
        std::fs::read(data().join("rpm-rs-assets/tests/assets/RPMS/v6/rpm-basic-2.3.4-5.el9.noarch.rpm"))
            .expect("a package");
    let read = |bytes: Vec<u8>| Rpm::open(std::io::Cursor::new(bytes)).and_then(read_payload);
    let good = read(whole.clone()).expect("a good package");
    for end in (0..whole.len()).step_by(7) {
        assert!(read(whole[..end].to_vec()).is_err(), "cut at {end}");
    }
    // Behind the lead and the header of signatures every bit counts; in them, some are padding or told elsewhere again.
    let start = usize::try_from(Rpm::open(&whole[..]).expect("a package").header_start()).expect("small");
    for at in (start..whole.len()).step_by(5) {
        let mut bent = whole.clone();
        bent[at] ^= 0x40;
        assert!(read(bent).is_err(), "changed at {at}");
    }
    for at in 0..start {
        let mut bent = whole.clone();
        bent[at] ^= 0x40;
        if let Ok(counts) = read(bent) {
            assert_eq!(counts, good, "changed at {at}");
        }
    }
}
