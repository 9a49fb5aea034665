//! The web of trust of Arch Linux: who may sign packages, as `pacman-key` and `gpg` see it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use lbuild_repo::alpm::archive::Package;
use lbuild_repo::alpm::keys::{Files, KeysError, trusted};
use lbuild_repo::openpgp::Keyring;
use lbuild_testkit::realdata;

use crate::distros;

/// 2017-12-25, after the last package of the real data of that month was signed, in seconds since the Unix epoch.
pub const DAY_2017: u64 = 1_514_160_000;

/// The master keys of December 2017.
const MASTERS_2017: [&str; 5] = [
    "AB19265E5D7D20687D303246BA1DFB64FFF979E7",
    "DDB867B92AA789C165EEFA799B729B06A680C281",
    "91FFE0700E80619CEB73235CA88E23E377514E00",
    "0E8B644079F599DFC1DDC3973348882F6AC6A4C2",
    "684148BB25B49E986A4944C55184252D824B18E8",
];

/// The files of the keyring package of December 2017.
fn files_2017() -> BTreeMap<String, Vec<u8>> {
    let bytes = realdata::read("arch/2017-12/pkg/archlinux-keyring-20171213-1-any.pkg.tar.xz");
    let mut package = Package::open(bytes.as_slice(), 64 << 20).expect("a package");
    let mut files = BTreeMap::new();
    while let Some(entry) = package.next_entry().expect("a good archive") {
        let path = String::from_utf8(entry.path).expect("a name");
        if let Some(name) = path.strip_prefix("usr/share/pacman/keyrings/") {
            let mut content = Vec::new();
            package.content().read_to_end(&mut content).expect("content");
            files.insert(name.to_owned(), content);
        }
    }
    files
}

fn with_files(files: &BTreeMap<String, Vec<u8>>, masters: &[&str]) -> Result<Keyring, KeysError> {
    let text = |name: &str| std::str::from_utf8(&files[name]).expect("text");
    let files = Files {
        certificates: &files["archlinux.gpg"],
        trusted: text("archlinux-trusted"),
        revoked: text("archlinux-revoked"),
    };
    trusted(files, masters, DAY_2017)
}

pub fn trusted_2017() -> Keyring {
    with_files(&files_2017(), &MASTERS_2017).expect("a keyring")
}

#[test]
fn only_masters_that_we_know_count() {
    let files = files_2017();
    let all = Keyring::parse(&files["archlinux.gpg"]).expect("certificates");
    let found = with_files(&files, &MASTERS_2017).expect("a keyring").fingerprints();
    assert_eq!(
        (all.fingerprints().len(), found.len()),
        (98, 76),
        "five masters and 71 packagers, as gpg counted in 2017"
    );
    let other = ["1111111111111111111111111111111111111111"];
    assert!(matches!(with_files(&files, &other), Err(KeysError::NoMaster)));
    assert!(matches!(with_files(&files, &MASTERS_2017[..2]), Err(KeysError::FewMasters { found: 2 })));
    // With fewer masters, fewer packagers have three voices.
    let three = with_files(&files, &MASTERS_2017[..3]).expect("a keyring").fingerprints();
    assert!(three.len() < found.len() && three.iter().all(|key| found.contains(key)));
    let mut bent = files.clone();
    bent.insert("archlinux-trusted".to_owned(), b"not a fingerprint:4:\n".to_vec());
    assert!(matches!(with_files(&bent, &MASTERS_2017), Err(KeysError::Line { line: 1 })));
    // A packager who was revoked is gone, also a master.
    let revoked = format!("{}\n{}\n", found[found.len() - 1], MASTERS_2017[4]);
    bent = files.clone();
    bent.insert("archlinux-revoked".to_owned(), revoked.into_bytes());
    let fewer = with_files(&bent, &MASTERS_2017).expect("a keyring").fingerprints();
    assert!(!fewer.contains(&found[found.len() - 1]) && !fewer.contains(&MASTERS_2017[4].to_owned()));
}

/// The validity that `gpg` gives to every key of pacman's keyring, by fingerprint, after `pacman-key` has populated one.
fn judged_by_gpg(home: &Path) -> BTreeMap<String, String> {
    let key = |arguments: &[&str]| {
        let output = Command::new("fakeroot")
            .args(["pacman-key", "--gpgdir"])
            .arg(home)
            .args(arguments)
            .output()
            .expect("`fakeroot` and `pacman-key` are needed as judges");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    key(&["--init"]);
    key(&["--populate", "archlinux"]);
    let output = Command::new("gpg")
        .args(["--with-colons", "--list-keys", "--homedir"])
        .arg(home)
        .output()
        .expect("`gpg` is needed as a judge");
    let _ = Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "all"]).status();
    let mut validity = String::new();
    let mut keys = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[0] {
            "pub" => fields[1].clone_into(&mut validity),
            // The first fingerprint after `pub` is the primary key's.
            "fpr" if !validity.is_empty() => {
                keys.insert(fields[9].to_owned(), std::mem::take(&mut validity));
            }
            _ => {}
        }
    }
    keys
}

#[test]
fn pacman_key_trusts_the_same_packagers() {
    let file = |name: &str| {
        let path = Path::new("/usr/share/keyrings").join(name);
        std::fs::read(path).expect("the files of the package archlinux-keyring")
    };
    let home = tempfile::tempdir().expect("a directory");
    let theirs = judged_by_gpg(home.path());
    let list = |name: &str| String::from_utf8(file(name)).expect("text");
    let (certificates, named, revoked) =
        (file("archlinux.gpg"), list("archlinux-trusted"), list("archlinux-revoked"));
    let masters = distros::texts(&distros::read("arch")["keyring"]["masters"]);
    let masters: Vec<&str> = masters.iter().map(String::as_str).collect();
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let files = Files { certificates: &certificates, trusted: &named, revoked: &revoked };
    let ours: BTreeSet<String> =
        trusted(files, &masters, now).expect("a keyring").fingerprints().into_iter().collect();
    let of = |wanted: &[&str]| -> BTreeSet<&String> {
        theirs
            .iter()
            .filter(|(_, validity)| wanted.contains(&validity.as_str()))
            .map(|(key, _)| key)
            .collect()
    };
    let (full, none) = (of(&["f"]), of(&["-", "q", "m", "n"]));
    assert!(full.len() > 30 && none.len() > 30, "{} {}", full.len(), none.len());
    let missing: Vec<_> = full.iter().filter(|key| !ours.contains(**key)).collect();
    let too_many: Vec<_> = none.iter().filter(|key| ours.contains(**key)).collect();
    assert!(missing.is_empty() && too_many.is_empty(), "missing {missing:?}, too many {too_many:?}");
}
