//! Real repositories, whole: their indexes, keys, and every package with its signature and its list of files.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use lbuild_repo::tar::Kind;
use lbuild_repo::xbps::archive::{Archive, Type};
use lbuild_repo::xbps::keys::{KeyError, RepositoryKey, SignatureError, Trusted};
use lbuild_repo::xbps::pattern::Pattern;
use lbuild_repo::xbps::repodata::{self, Package, Repodata};
use lbuild_testkit::realdata;
use sha2::{Digest as _, Sha256};

/// Bytes of the largest package here, decompressed.
const LIMIT: u64 = 64 << 20;

fn read(name: &str) -> Repodata {
    repodata::read(realdata::read(&format!("void/{name}")).as_slice())
        .unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

/// Index, packages, bits of the key, its fingerprint, relations, shared objects needed.
const INDEXES: [(&str, usize, usize, &str, usize, usize); 7] = [
    (
        "hyprland-x86_64/x86_64-repodata",
        22,
        3072,
        "30:93:47:9e:1f:55:c5:c5:07:b1:9a:e6:8b:10:5b:4b",
        225,
        195,
    ),
    (
        "hyprland-x86_64-musl/x86_64-musl-repodata",
        22,
        3072,
        "30:93:47:9e:1f:55:c5:c5:07:b1:9a:e6:8b:10:5b:4b",
        228,
        178,
    ),
    (
        "void-extra-x86_64/x86_64-repodata",
        24,
        2048,
        "1d:c2:cf:d4:08:97:4c:47:5d:88:4c:fd:e9:a5:d0:9a",
        277,
        255,
    ),
    ("j0ng4b/x86_64-repodata", 7, 4096, "fd:32:91:31:a6:d0:f9:f8:eb:f4:e6:da:30:10:2b:96", 93, 53),
    ("toaster-old-sig/x86_64-repodata", 13, 4096, "28:d6:96:4c:b4:33:3e:ea:c1:10:cf:4d:0d:1e:68:7e", 50, 37),
    ("ross/x86_64-repodata", 2, 4096, "04:96:b1:e3:48:fd:34:93:48:76:19:c1:8e:ab:8f:21", 10, 10),
    ("zoomers/x86_64-repodata", 1, 4096, "33:68:15:81:00:d5:c3:18:b6:8a:b7:4f:e4:ce:39:bf", 0, 0),
];

#[test]
fn real_indexes_are_read_whole() {
    for (name, count, bits, fingerprint, relations, shared) in INDEXES {
        let index = read(name);
        let key = index.key.expect("a key");
        let sum = |list: fn(&Package) -> usize| index.packages.iter().map(list).sum::<usize>();
        let found = (
            name,
            index.packages.len(),
            key.bits(),
            key.fingerprint(),
            sum(|package| {
                package.run_depends.len()
                    + package.provides.len()
                    + package.replaces.len()
                    + package.conflicts.len()
            }),
            sum(|package| package.shlib_requires.len()),
        );
        assert_eq!(found, (name, count, bits, fingerprint, relations, shared));
        assert_eq!(index.staged, 0);
        for package in &index.packages {
            assert!(package.size > 0 && package.sha256 != [0; 32] && !package.short_desc.is_empty());
            for text in &package.run_depends {
                assert_eq!(Pattern::parse(text).expect("read before").to_string(), *text);
            }
        }
    }
}

#[test]
fn a_package_keeps_its_properties() {
    let index = read("hyprland-x86_64/x86_64-repodata");
    let package = index.packages.iter().find(|package| package.name == "hyprlock").expect("hyprlock");
    assert_eq!((package.version.as_str(), package.architecture.as_str()), ("0.8.2_1", "x86_64"));
    assert_eq!(package.filename(), "hyprlock-0.8.2_1.x86_64.xbps");
    assert_eq!((package.size, package.installed_size), (402_271, 1_159_827));
    assert_eq!(package.provides, ["cmd:hyprlock-0.8.2_1"]);
    assert_eq!((package.run_depends.len(), package.run_depends[0].as_str()), (17, "pam-libs>=1.1.6_3"));
    assert_eq!(package.shlib_requires[0], "libEGL.so.1");
    assert_eq!(package.maintainer, "Makrennel <makrommel@protonmail.ch>");
}

#[test]
fn the_key_of_void_has_its_published_name() {
    let directory = realdata::path("void/keys");
    let files: Vec<PathBuf> =
        std::fs::read_dir(directory).expect("keys").map(|entry| entry.expect("a key").path()).collect();
    assert_eq!(files.len(), 1);
    let key = RepositoryKey::parse(&std::fs::read(&files[0]).expect("a key")).expect("a key");
    let name = files[0].file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(format!("{}.plist", key.fingerprint()), name);
    assert_eq!((key.bits(), key.owner()), (4096, "Void Linux"));
}

/// Packages of a directory with their signature files.
fn packages(directory: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(realdata::path(directory)).expect("a repository") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "xbps") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            found.push((name, std::fs::read(path).expect("a package")));
        }
    }
    found.sort();
    found
}

/// Reads every file of the package and compares it with the list; gives the number of files.
fn check_files(bytes: &[u8]) -> usize {
    let mut archive = Archive::open(bytes, LIMIT).expect("a package");
    let listed = archive.files().expect("a list");
    let mut listed: BTreeMap<String, Type> = listed.into_iter().map(|file| (file.path, file.kind)).collect();
    let mut count = 0;
    while let Some(entry) = archive.next_entry().expect("a good archive") {
        let mut content = Vec::new();
        archive.content().read_to_end(&mut content).expect("content");
        let path = format!("/{}", String::from_utf8(entry.path).expect("a name"));
        let expected = listed.remove(&path);
        match (entry.kind, expected) {
            (Kind::File, Some(Type::File(digest) | Type::Configuration(digest))) => {
                assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(&content)), "{path}");
            }
            (Kind::Symlink(_), Some(Type::Link(_))) | (Kind::Directory, Some(Type::Directory)) => {}
            (kind, expected) => panic!("{path}: {kind:?} is listed as {expected:?}"),
        }
        count += 1;
    }
    // Directories are made as they are needed and do not stand in the archive.
    assert!(listed.values().all(|kind| *kind == Type::Directory), "{listed:?}");
    count
}

#[test]
fn packages_are_what_index_and_signatures_say() {
    let mut signed = 0;
    let mut files = 0;
    let directories = ["hyprland-x86_64", "hyprland-x86_64-musl", "void-extra-x86_64", "j0ng4b"];
    for directory in directories {
        let arch = if directory.ends_with("musl") { "x86_64-musl" } else { "x86_64" };
        let index = read(&format!("{directory}/{arch}-repodata"));
        let key = index.key.expect("a key");
        for (name, bytes) in packages(&format!("void/{directory}")) {
            files += check_files(&bytes);
            let package = index.packages.iter().find(|package| package.filename() == name);
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            if let Some(package) = package {
                assert_eq!((package.sha256, package.size), (digest, bytes.len() as u64), "{name}");
                let archive = Archive::open(bytes.as_slice(), LIMIT).expect("a package");
                let said = archive.properties();
                assert_eq!((&said.name, &said.version), (&package.name, &package.version));
                assert_eq!(said.run_depends, package.run_depends);
                assert_eq!(said.provides, package.provides);
            }
            let signature = realdata::read(&format!("void/{directory}/{name}.sig2"));
            key.verify(&format!("{name}.sig2"), &signature, &digest)
                .unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let mut bent = digest;
            bent[0] ^= 1;
            let result = key.verify(&format!("{name}.sig2"), &signature, &bent);
            assert!(matches!(result, Err(SignatureError::Bad { .. })), "{result:?}");
            signed += 1;
        }
    }
    assert_eq!((signed, files), (33, 830));
}

#[test]
fn old_and_missing_signatures_are_named() {
    let mut files = 0;
    for directory in ["toaster-old-sig", "ross"] {
        let key = read(&format!("{directory}/x86_64-repodata")).key.expect("a key");
        for (name, bytes) in packages(&format!("void/{directory}")) {
            files += check_files(&bytes);
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            let signature = realdata::read(&format!("void/{directory}/{name}.sig"));
            let result = key.verify(&format!("{name}.sig"), &signature, &digest);
            assert!(matches!(result, Err(SignatureError::Old(_))), "{result:?}");
            // Calling it otherwise does not make it good.
            let result = key.verify(&format!("{name}.sig2"), &signature, &digest);
            assert!(matches!(result, Err(SignatureError::Bad { .. })), "{result:?}");
            let result = key.verify(&name, &signature, &digest);
            assert!(matches!(result, Err(SignatureError::Name(_))), "{result:?}");
        }
    }
    files += packages("void/zoomers").iter().map(|(_, bytes)| check_files(bytes)).sum::<usize>();
    assert_eq!(files, 35);
}

#[test]
fn only_trusted_keys_are_found() {
    let void = realdata::read("void/keys/60:ae:0c:d6:f0:95:17:80:bc:93:46:7a:89:af:a3:2d.plist");
    let trusted = Trusted::parse(&[&void]).expect("a key");
    let named = read("zoomers/x86_64-repodata").key.expect("a key");
    let result = trusted.find(&named);
    assert!(
        matches!(&result, Err(KeyError::Unknown { owner, .. }) if owner == "foo <foo@foo.org>"),
        "{result:?}"
    );
    let own = RepositoryKey::parse(&void).expect("a key");
    assert_eq!(trusted.find(&own).expect("trusted").fingerprint(), own.fingerprint());
}
