//! Real packages, whole: their digests, signatures and `.MTREE`, and that they say what the database says.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use lbuild_repo::alpm::archive::{self, Package};
use lbuild_repo::alpm::database::Listed;
use lbuild_repo::alpm::mtree::Type;
use lbuild_repo::alpm::{keys, mtree};
use lbuild_repo::openpgp::{SignatureError, verify_detached};
use lbuild_repo::tar::Kind;
use lbuild_testkit::realdata;
use sha2::{Digest as _, Sha256};

use super::databases::read;
use super::keys::{DAY_2017, trusted_2017};

/// Bytes of the largest package here, decompressed.
const LIMIT: u64 = 256 << 20;

/// The packages of 2017, by file name.
fn packages_2017() -> BTreeMap<String, Vec<u8>> {
    let directory = realdata::path("arch/2017-12/pkg");
    let entries = std::fs::read_dir(directory).expect("the packages");
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        (name, std::fs::read(entry.path()).expect("a package"))
    };
    entries.map(file).collect()
}

/// Reads every file of the package and compares it with its `.MTREE`; gives the number of entries.
fn check_files(bytes: &[u8]) -> usize {
    let mut package = Package::open(bytes, LIMIT).expect("a package");
    let listed = package.mtree().expect("a good mtree").expect("an mtree");
    let mut listed: BTreeMap<Vec<u8>, mtree::Entry> =
        listed.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
    let mut count = 0;
    let mut contents: BTreeMap<Vec<u8>, (u64, [u8; 32])> = BTreeMap::new();
    while let Some(entry) = package.next_entry().expect("a good archive") {
        count += 1;
        let mut content = Vec::new();
        package.content().read_to_end(&mut content).expect("content");
        let expected = listed.remove(&entry.path).unwrap_or_else(|| panic!("{:?}", entry.path));
        assert_eq!((entry.mode, entry.uid, entry.gid), (expected.mode, expected.uid, expected.gid));
        assert_eq!(entry.mtime, expected.time);
        let fact = match &entry.kind {
            Kind::Hardlink(target) => contents[target],
            _ => (content.len() as u64, Sha256::digest(&content).into()),
        };
        match (&entry.kind, expected.kind) {
            (Kind::File | Kind::Hardlink(_), Type::File { size, sha256, .. }) => {
                assert_eq!((size, sha256), (fact.0, Some(fact.1)), "{:?}", entry.path);
            }
            (Kind::Directory, Type::Directory) => {}
            (Kind::Symlink(target), Type::Link(expected)) => assert_eq!(*target, expected),
            (kind, expected) => panic!("{kind:?} is listed as {expected:?}"),
        }
        contents.insert(entry.path, fact);
    }
    for (path, entry) in listed {
        // What describes the package is listed too.
        let name = String::from_utf8(path).expect("a name");
        let content = package.member(&name).unwrap_or_else(|| panic!("`{name}` is listed but not there"));
        let Type::File { size, sha256, .. } = entry.kind else { panic!("`{name}` is no file") };
        assert_eq!((size, sha256), (content.len() as u64, Some(Sha256::digest(content).into())), "{name}");
    }
    count
}

fn same_description(bytes: &[u8], listed: &Listed) {
    let info = archive::info(bytes, LIMIT).expect("a package");
    let mut description = listed.description.clone();
    // Neither is in every database, and the order of lists is their own.
    description.base.clone_from(&info.description.base);
    assert_eq!(info.description, description);
}

#[test]
fn packages_of_2017_are_what_database_and_signatures_say() {
    let core = read("2017-12/sync/core.db");
    let keyring = trusted_2017();
    let policy = keys::policy(DAY_2017);
    let packages = packages_2017();
    assert_eq!(packages.len(), 46);
    let mut listed_count = 0;
    let mut entries = 0;
    for (filename, bytes) in &packages {
        entries += check_files(bytes);
        let Some(listed) = core.iter().find(|listed| listed.filename == *filename) else { continue };
        listed_count += 1;
        assert_eq!(listed.size, bytes.len() as u64, "{filename}");
        assert_eq!(listed.sha256, Some(Sha256::digest(bytes).into()), "{filename}");
        assert_eq!(listed.md5, Some(md5::Md5::digest(bytes).into()), "{filename}");
        same_description(bytes, listed);
        let signature = listed.signature.as_deref().expect("a signature");
        let signers = verify_detached(signature, Cursor::new(bytes), &keyring, &policy)
            .unwrap_or_else(|error| panic!("{filename}: {error:?}"));
        assert_eq!(signers.len(), 1);
        let mut bent = bytes.clone();
        *bent.last_mut().expect("bytes") ^= 1;
        let result = verify_detached(signature, Cursor::new(&bent), &keyring, &policy);
        assert!(matches!(result, Err(SignatureError::BadSignature { .. })), "{filename}: {result:?}");
    }
    assert_eq!((listed_count, entries), (45, 8585));
}

#[test]
fn every_form_of_build_info_is_read() {
    let packages = packages_2017();
    let bash = &packages["bash-4.4.012-2-x86_64.pkg.tar.xz"];
    let package = Package::open(bash.as_slice(), LIMIT).expect("a package");
    let build = package.build_info().expect("good").expect("there");
    assert_eq!((build.format, build.directory.as_str(), build.build_date), (1, "/build", 0));
    assert!(build.installed.iter().any(|line| line.starts_with("glibc-")));
    assert_eq!(build.recipe_sha256.len(), 64);
    assert_eq!(package.info().backup.len(), 5);
    let mkinitcpio = &packages["mkinitcpio-24-2-any.pkg.tar.xz"];
    let package = Package::open(mkinitcpio.as_slice(), LIMIT).expect("a package");
    let script = package.member(".INSTALL").expect("a script");
    assert!(String::from_utf8_lossy(script).contains("post_upgrade()"));
    let bytes = realdata::read("arch/archpro-signed/mkinitcpio-openswap-0.1.1-1-any.pkg.tar.zst");
    let build = Package::open(bytes.as_slice(), LIMIT).expect("a package").build_info().expect("good");
    let build = build.expect("there");
    assert_eq!((build.format, build.tool.split(' ').next()), (2, Some("makepkg")));
    assert!(build.build_date > 1_700_000_000);
}

#[test]
fn a_signed_repository_is_verified_with_its_own_key() {
    let file = |name: &str| realdata::read(&format!("arch/archpro-signed/{name}"));
    let keyring = lbuild_repo::openpgp::Keyring::parse(&file("archpro.gpg")).expect("a keyring");
    // 2026-03-01: after the database was signed.
    let policy = keys::policy(1_772_323_200);
    let database = read("archpro-signed/archpro_repo.db");
    let mut entries = 0;
    for name in [
        "archpro_repo.db",
        "archpro_repo.files",
        "archpro-keyring-2025.10-1-any.pkg.tar.zst",
        "mkinitcpio-openswap-0.1.1-1-any.pkg.tar.zst",
        "samsung-unified-driver-1.00.39-10-x86_64.pkg.tar.zst",
    ] {
        let (bytes, signature) = (file(name), file(&format!("{name}.sig")));
        let signers =
            verify_detached(&signature, Cursor::new(&bytes), &keyring, &policy).expect("a good signature");
        assert_eq!(signers[0].certificate, "CBAAC4BD400CC361FD403B9FDFB61E9697C6C104");
        let other = verify_detached(&signature, Cursor::new(&bytes[1..]), &keyring, &policy);
        assert!(matches!(other, Err(SignatureError::BadSignature { .. })), "{other:?}");
        if name.contains(".pkg.") {
            entries += check_files(&bytes);
            let listed = database.iter().find(|listed| listed.filename == name);
            if let Some(listed) = listed {
                assert_eq!(listed.sha256, Some(Sha256::digest(&bytes).into()), "{name}");
                same_description(&bytes, listed);
            }
        }
    }
    assert_eq!(entries, 17);
}

/// Inputs of the ALPM project's own reader that it refuses, and we do not.
const LENIENT: [(&str, &str); 3] = [
    ("incomplete_utf-8.mtree", "paths are bytes here, as they are for the kernel"),
    ("invalid_utf-8.mtree", "paths are bytes here, as they are for the kernel"),
    ("invalid_utf-8_leading_zeroes.mtree", "paths are bytes here, as they are for the kernel"),
];

#[test]
fn mtrees_of_the_alpm_project() {
    let directory = |name: &str| {
        let path = realdata::path(&format!("arch/alpm-testfiles/alpm-mtree/tests/{name}"));
        let mut files: Vec<_> =
            std::fs::read_dir(path).expect("inputs").map(|e| e.expect("one").path()).collect();
        files.sort();
        files
    };
    let good = directory("correct_syntax_inputs");
    assert_eq!(good.len(), 4);
    for path in good {
        let entries = mtree::parse(&std::fs::read(&path).expect("input"));
        assert!(entries.as_ref().is_ok_and(|entries| !entries.is_empty()), "{path:?}: {entries:?}");
    }
    let bad = [directory("parse_error_inputs"), directory("interpreter_error_inputs")].concat();
    assert_eq!(bad.len(), 13);
    for path in bad {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let lenient = LENIENT.iter().any(|(known, _)| *known == name);
        let entries = mtree::parse(&std::fs::read(&path).expect("input"));
        assert_eq!(entries.is_ok(), lenient, "{name}: {entries:?}");
    }
}
