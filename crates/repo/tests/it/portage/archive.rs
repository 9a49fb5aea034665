//! Binary packages: those that portage's own code wrote, a real one, and hostile ones.

use std::io::{Cursor, Read as _};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use lbuild_repo::openpgp::{Keyring, Policy, SignatureError};
use lbuild_repo::portage::archive::{ArchiveError, Format, Package, Trust};
use lbuild_repo::tar::{Kind, TarError};
use lbuild_testkit::tarball::Tarball;
use sha2::Digest as _;

use super::{oracle, shared};

/// 2026-06-01T01:00:00Z, an hour after everything was signed.
const NOW: u64 = 1_780_275_600;

/// The directory of fixtures that portage made, once for all tests. `stage3` holds the texts to be signed.
pub fn fixtures() -> &'static Path {
    static DIRECTORY: OnceLock<tempfile::TempDir> = OnceLock::new();
    DIRECTORY
        .get_or_init(|| {
            let directory = tempfile::tempdir().expect("a directory");
            for (name, text) in super::stage3::TEXTS {
                std::fs::write(directory.path().join(name), text).expect("a file");
            }
            let made = Command::new("python3")
                .args(["-c", include_str!("make.py")])
                .arg(directory.path())
                .args(super::stage3::TEXTS.map(|(name, _)| name))
                .env("PYTHONPATH", oracle::portage())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .output()
                .expect("python3 is needed to run portage, which makes the packages of these tests");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            directory
        })
        .path()
}

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn keyring(name: &str) -> Keyring {
    Keyring::parse(&fixture(&format!("{name}.gpg"))).expect("a keyring")
}

fn open(bytes: &[u8], trust: &Trust<'_>) -> Result<Package<Cursor<Vec<u8>>>, ArchiveError> {
    Package::open(Cursor::new(bytes.to_vec()), trust)
}

fn open_signed(bytes: &[u8], keyring: &Keyring) -> Result<Package<Cursor<Vec<u8>>>, ArchiveError> {
    open(bytes, &Trust::Signed { keyring, policy: Policy::at(NOW) })
}

/// Path, kind, mode and content of every entry.
fn image(package: &mut Package<Cursor<Vec<u8>>>) -> Vec<(String, Kind, u32, Vec<u8>)> {
    let mut image = package.image(64 << 20).expect("an image");
    let mut found = Vec::new();
    while let Some(entry) = image.next_entry().expect("a good entry") {
        let mut content = Vec::new();
        image.content().read_to_end(&mut content).expect("content");
        found.push((String::from_utf8(entry.path).expect("text"), entry.kind, entry.mode, content));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// What every fixture says and holds.
fn assert_tool(package: &mut Package<Cursor<Vec<u8>>>) {
    let metadata = package.metadata();
    assert_eq!(metadata.cpv(), "app-misc/tool-1.2-r3");
    assert_eq!((metadata.text("SLOT"), metadata.text("BUILD_ID")), ("0/1", "4"));
    assert_eq!(metadata.text("DESCRIPTION"), "A tool \u{2014} for tests");
    assert_eq!(metadata.get("environment.bz2").map(<[u8]>::len), Some(260));
    assert_eq!(metadata.names().count(), 10);
    let files = image(package);
    let find = |path: &str| files.iter().find(|file| file.0 == path).unwrap_or_else(|| panic!("no {path}"));
    assert_eq!(files.len(), 12, "{:?}", files.iter().map(|file| &file.0).collect::<Vec<_>>());
    assert_eq!(find("").1, Kind::Directory);
    assert_eq!(find("var/empty").1, Kind::Directory);
    assert_eq!(find("usr/bin/link").1, Kind::Symlink(b"tool".to_vec()));
    assert_eq!(find("usr/share/data").3.len(), 1_000_000);
    assert_eq!(find(&format!("usr/share/{}/{}", "d".repeat(120), "f".repeat(120))).3, b"deep\n");
    // The second of the two names is a hardlink to the first that comes.
    let (tool, tool2) = (find("usr/bin/tool"), find("usr/bin/tool2"));
    let (file, link) = if tool.1 == Kind::File { (tool, tool2) } else { (tool2, tool) };
    assert_eq!((file.2, file.3.as_slice()), (0o4755, b"#!/bin/sh\n".as_slice()));
    assert_eq!(link.1, Kind::Hardlink(file.0.clone().into_bytes()));
}

#[test]
fn packages_that_portage_wrote() {
    for (name, format) in [
        ("signed.gpkg.tar", Format::Gpkg),
        ("xz.gpkg.tar", Format::Gpkg),
        ("gzip.gpkg.tar", Format::Gpkg),
        ("plain.gpkg.tar", Format::Gpkg),
        ("zstd.xpak", Format::Xpak),
        ("xz.xpak", Format::Xpak),
        ("gzip.xpak", Format::Xpak),
        ("bzip2.xpak", Format::Xpak),
    ] {
        let mut package =
            open(&fixture(name), &Trust::ByCaller).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(package.format(), format, "{name}");
        assert!(package.signers().is_empty());
        assert_tool(&mut package);
    }
    match open(&fixture("lz4.gpkg.tar"), &Trust::ByCaller) {
        Err(ArchiveError::Compression(name)) => assert_eq!(name, "metadata.tar.lz4"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn signatures_of_packages() {
    let tester = keyring("tester");
    let signed = fixture("signed.gpkg.tar");
    let mut package = open_signed(&signed, &tester).expect("a signed package");
    assert_eq!(
        package.signers().iter().map(|s| s.certificate.clone()).collect::<Vec<_>>(),
        tester.fingerprints()
    );
    assert_tool(&mut package);

    let unknown = |result: Result<Package<_>, ArchiveError>| match result {
        Err(ArchiveError::Signature { member, source: SignatureError::UnknownKeys { .. } }) => member,
        other => panic!("{other:?}"),
    };
    assert_eq!(unknown(open_signed(&fixture("stranger.gpkg.tar"), &tester)), "Manifest");
    let unsigned = |name: &str| match open_signed(&fixture(name), &tester) {
        Err(ArchiveError::Unsigned(member)) => member,
        other => panic!("{other:?}"),
    };
    assert_eq!(unsigned("xz.gpkg.tar"), "Manifest");
    assert_eq!(unsigned("zstd.xpak"), "xpak");
    let before = Trust::Signed { keyring: &tester, policy: Policy::at(NOW - 10 * 24 * 3600) };
    assert!(matches!(open(&signed, &before), Err(ArchiveError::Signature { .. })));
}

#[test]
fn a_real_signed_package() {
    let bytes = shared("gentoo/onepassword-cli-0-1.gpkg.tar");
    let mut package = open(&bytes, &Trust::ByCaller).expect("a real package");
    assert_eq!(package.metadata().cpv(), "acct-group/onepassword-cli-0");
    assert_eq!(package.metadata().names().count(), 24);
    assert_eq!(package.metadata().text("KEYWORDS").split(' ').count(), 21);
    let files = image(&mut package);
    let (path, _, _, content) = files.last().expect("files");
    assert_eq!((files.len(), path.as_str()), (5, "usr/lib/sysusers.d/acct-group-onepassword-cli.conf"));
    assert_eq!(content.len(), 23);
    match open_signed(&bytes, &keyring("tester")) {
        Err(ArchiveError::Signature { source: SignatureError::UnknownKeys { issuers }, .. }) => {
            assert!(
                issuers.iter().any(|issuer| issuer.to_uppercase().ends_with("362F3E4FB06436A4")),
                "{issuers:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_anywhere_is_noticed() {
    let tester = keyring("tester");
    let (signed, plain) = (fixture("signed.gpkg.tar"), fixture("xz.gpkg.tar"));
    for at in (0..signed.len()).step_by(211) {
        let mut bent = signed.clone();
        bent[at] ^= 1;
        // Zeros after content and fields of the outer headers that mean nothing may differ; what is read may not.
        if let Ok(mut package) = open_signed(&bent, &tester) {
            assert_tool(&mut package);
        }
        if let Some(bent) =
            plain.get(at).map(|byte| [&plain[..at], &[byte ^ 0x20], &plain[at + 1..]].concat())
            && let Ok(mut package) = open(&bent, &Trust::ByCaller)
        {
            assert_tool(&mut package);
        }
    }
    // Every member, in its middle.
    let mut archive = lbuild_repo::tar::Archive::new(signed.as_slice(), lbuild_repo::tar::Policy::strict());
    let mut middles = Vec::new();
    while let Some(entry) = archive.next_entry().expect("a good archive") {
        middles.push((archive.position() + entry.size / 2, entry.size));
    }
    assert_eq!(middles.len(), 6);
    for (at, _) in middles.into_iter().filter(|(_, size)| *size > 0) {
        let mut bent = signed.clone();
        bent[usize::try_from(at).expect("small")] ^= 1;
        assert!(open_signed(&bent, &tester).is_err(), "byte {at}");
    }
}

#[test]
fn a_cut_package_is_noticed() {
    for (name, step) in [("gzip.gpkg.tar", 509), ("zstd.xpak", 97)] {
        let bytes = fixture(name);
        // A tar may lose the zeros at its end.
        let end = bytes.iter().rposition(|byte| *byte != 0).expect("content");
        for end in (0..end).step_by(step) {
            assert!(open(&bytes[..end], &Trust::ByCaller).is_err(), "{name} cut at {end}");
        }
    }
    // The image of an xpak ends where the metadata begins; one that is cut shows when it is read.
    let bytes = fixture("zstd.xpak");
    let mut package = open(&bytes[100..], &Trust::ByCaller).expect("the metadata is whole");
    let mut image = package.image(1 << 30).expect("an image");
    assert!(matches!(image.next_entry(), Err(ArchiveError::Image(_))));
}

/// A manifest line with a good digest.
fn line(name: &str, content: &[u8]) -> String {
    format!("DATA {name} {} SHA512 {}\n", content.len(), hex::encode(sha2::Sha512::digest(content)))
}

/// An unsigned gpkg of these members, with a manifest that fits.
fn gpkg(members: &[(&str, &[u8])]) -> Vec<u8> {
    let manifest: String = members.iter().map(|(name, content)| line(name, content)).collect();
    gpkg_with(members, &manifest)
}

fn gpkg_with(members: &[(&str, &[u8])], manifest: &str) -> Vec<u8> {
    let tar =
        members.iter().fold(Tarball::new(), |tar, (name, content)| tar.file(&format!("p-1/{name}"), content));
    tar.file("p-1/Manifest", manifest.as_bytes()).finish()
}

fn refusal(bytes: &[u8]) -> ArchiveError {
    match open(bytes, &Trust::ByCaller) {
        Ok(package) => panic!("it was read: {package:?}"),
        Err(error) => error,
    }
}

#[test]
fn hostile_containers_are_refused() {
    let metadata = Tarball::new().file("metadata/PF", b"p-1\n").finish();
    let image = Tarball::new().directory("image/").finish();
    let good: [(&str, &[u8]); 3] = [("gpkg-1", b""), ("metadata.tar", &metadata), ("image.tar", &image)];
    assert!(open(&gpkg(&good), &Trust::ByCaller).is_ok());

    assert!(matches!(refusal(b""), ArchiveError::Unknown));
    assert!(matches!(refusal(&[0; 4096]), ArchiveError::Unknown));
    assert!(matches!(refusal(&gpkg(&good[..2])), ArchiveError::MissingMember("image")));
    assert!(matches!(refusal(&gpkg(&[good[0], good[2]])), ArchiveError::MissingMember("metadata")));
    let late: Vec<_> = good.iter().chain(&[("evil", b"x".as_slice())]).copied().collect();
    assert!(open(&gpkg(&late), &Trust::ByCaller).is_ok(), "what the manifest names may be there");
    let manifest: String = good.iter().map(|(name, content)| line(name, content)).collect();
    assert!(matches!(refusal(&gpkg_with(&late, &manifest)), ArchiveError::Unlisted(name) if name == "evil"));
    let more = format!("{manifest}{}", line("gone", b""));
    assert!(matches!(refusal(&gpkg_with(&good, &more)), ArchiveError::Unlisted(name) if name == "gone"));
    let twice = format!("{manifest}{}", line("image.tar", &image));
    assert!(matches!(refusal(&gpkg_with(&good, &twice)), ArchiveError::Manifest(_)));
    assert!(matches!(refusal(&gpkg_with(&good, "IGNORE x\n")), ArchiveError::Manifest(_)));
    assert!(matches!(refusal(&gpkg_with(&good, "DATA gpkg-1 0 SHA512\n")), ArchiveError::Manifest(_)));
    let weak = manifest.replace("SHA512", "MD5");
    assert!(matches!(refusal(&gpkg_with(&good, &weak)), ArchiveError::NoDigest(_)));
    let longer = manifest.replacen("DATA gpkg-1 0", "DATA gpkg-1 1", 1);
    assert!(matches!(refusal(&gpkg_with(&good, &longer)), ArchiveError::Digest { what: "size", .. }));
    let other = manifest.replacen("SHA512 c", "SHA512 d", 1);
    assert!(matches!(refusal(&gpkg_with(&good, &other)), ArchiveError::Digest { what: "SHA512", .. }));
    let wrong = manifest.replacen('\n', &format!(" BLAKE2B {}\n", "0".repeat(128)), 1);
    assert!(matches!(refusal(&gpkg_with(&good, &wrong)), ArchiveError::Digest { what: "BLAKE2B", .. }));
    let two: Vec<_> = good.iter().chain(&[("image.tar.gz", b"x".as_slice())]).copied().collect();
    assert!(matches!(refusal(&gpkg(&two)), ArchiveError::Member { name, .. } if name == "image.tar.gz"));

    let outer = |tar: Tarball| refusal(&tar.finish());
    let start = || Tarball::new().file("p-1/gpkg-1", b"");
    assert!(matches!(outer(start()), ArchiveError::MissingMember("Manifest")));
    assert!(matches!(outer(start().file("q-1/image.tar", b"")), ArchiveError::Member { .. }));
    assert!(matches!(outer(start().file("image.tar", b"")), ArchiveError::Member { .. }));
    assert!(matches!(outer(start().file("p-1/a/b", b"")), ArchiveError::Member { .. }));
    assert!(matches!(outer(start().directory("p-1/a")), ArchiveError::Member { .. }));
    assert!(matches!(outer(start().symlink("p-1/a", "b")), ArchiveError::Member { .. }));
    assert!(matches!(
        outer(start().file("p-1/Manifest", &vec![b'\n'; 2 << 20])),
        ArchiveError::Member { .. }
    ));
    assert!(matches!(
        outer(start().file("../a", b"")),
        ArchiveError::Container(TarError::ParentComponent { .. })
    ));
    assert!(matches!(
        outer(start().file("p-1/gpkg-1", b"")),
        ArchiveError::Container(TarError::Duplicate { .. })
    ));
    let many = (0..100).fold(start(), |tar, number| tar.file(&format!("p-1/{number}"), b""));
    assert!(matches!(outer(many), ArchiveError::Container(TarError::TooManyEntries { limit: 64 })));
}

#[test]
fn hostile_contents_are_refused() {
    let image = Tarball::new().directory("image/").finish();
    let with_metadata = |metadata: &[u8]| {
        refusal(&gpkg(&[("gpkg-1", b""), ("metadata.tar", metadata), ("image.tar", &image)]))
    };
    for tar in [
        Tarball::new().file("PF", b""),
        Tarball::new().file("metadata/a/b", b""),
        Tarball::new().file("metadata/.hidden", b""),
        Tarball::new().file("metadata/a b", b""),
        Tarball::new().symlink("metadata/PF", "/etc/passwd"),
    ] {
        assert!(matches!(with_metadata(&tar.finish()), ArchiveError::MetadataFile(_)));
    }
    let up = Tarball::new().file("metadata/../../etc/passwd", b"").finish();
    assert!(matches!(with_metadata(&up), ArchiveError::Metadata(TarError::ParentComponent { .. })));
    let bomb = zstd::encode_all(std::io::repeat(0).take(512 << 20), 3).expect("zstd");
    let refused = refusal(&gpkg(&[("gpkg-1", b""), ("metadata.tar.zst", &bomb), ("image.tar", &image)]));
    assert!(matches!(refused, ArchiveError::Metadata(_)), "{refused}");

    let metadata = Tarball::new().file("metadata/PF", b"p-1\n").finish();
    let with_image = |name: &str, image: &[u8]| {
        let bytes = gpkg(&[("gpkg-1", b""), ("metadata.tar", &metadata), (name, image)]);
        let mut package = open(&bytes, &Trust::ByCaller).expect("what holds the image is good");
        let mut image = package.image(1 << 20).expect("an image");
        loop {
            match image.next_entry() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the image was read"),
                Err(error) => return error,
            }
        }
    };
    for tar in [
        Tarball::new().file("usr/bin/tool", b""),
        Tarball::new().file("imagefile", b""),
        Tarball::new().file("image", b""),
        Tarball::new().file("other/f", b"").hardlink("image/a", "other/f"),
        Tarball::new().file("image/../../etc/passwd", b""),
        Tarball::new().file("/image/a", b""),
        Tarball::new().file("image/a", &vec![0; 2 << 20]),
    ] {
        assert!(matches!(with_image("image.tar", &tar.finish()), ArchiveError::Image(_)));
    }
    assert!(matches!(with_image("image.tar.zst", &bomb), ArchiveError::Image(_)));
}

#[test]
fn hostile_xpaks_are_refused() {
    let number = |number: u32| number.to_be_bytes();
    let entry = |name: &str, start: u32, size: u32| {
        [
            &number(u32::try_from(name.len()).expect("short"))[..],
            name.as_bytes(),
            &number(start),
            &number(size),
        ]
        .concat()
    };
    let xpak = |index: &[u8], data: &[u8]| {
        let sizes = [index.len(), data.len()].map(|size| number(u32::try_from(size).expect("small")));
        [b"XPAKPACK", &sizes[0][..], &sizes[1], index, data, b"XPAKSTOP"].concat()
    };
    let whole = |xpak: &[u8]| [xpak, &number(u32::try_from(xpak.len()).expect("small")), b"STOP"].concat();
    let good = xpak(&entry("PF", 0, 3), b"p-1");
    assert_eq!(open(&whole(&good), &Trust::ByCaller).expect("a small xpak").metadata().text("PF"), "p-1");

    let is = |bytes: &[u8], reason: &str| match refusal(bytes) {
        ArchiveError::Xpak(found) => assert_eq!(found, reason),
        other => panic!("{reason}: {other}"),
    };
    is(&[&good[..], &number(u32::MAX), b"STOP"].concat(), "its length cannot be");
    is(&[&good[..], &number(3), b"STOP"].concat(), "its length cannot be");
    is(&[&good[..], &number(1 << 20), b"STOP"].concat(), "it is longer than the file");
    is(
        &[&good[1..], &number(u32::try_from(good.len()).expect("small") - 1), b"STOP"].concat(),
        "it is not between its marks",
    );
    let mut bent = good.clone();
    bent[11] += 1;
    is(&whole(&bent), "its parts do not have the lengths that it says");
    is(&whole(&xpak(&entry("PF", 1, 3), b"p-1")), "an entry points outside of it");
    is(&whole(&xpak(&entry("PF", u32::MAX, u32::MAX), b"p-1")), "an entry points outside of it");
    is(&whole(&xpak(&entry("PF", 0, 3)[..9], b"p-1")), "an entry points outside of it");
    let many: Vec<u8> = (0..4).flat_map(|at| entry(&format!("F{at}"), 0, 3)).collect();
    is(&whole(&xpak(&many, b"p-1")), "its entries overlap");
    for name in ["../x", "", "a/b", ".x"] {
        assert!(matches!(refusal(&whole(&xpak(&entry(name, 0, 3), b"p-1"))), ArchiveError::MetadataFile(_)));
    }
    let twice = [entry("PF", 0, 1), entry("PF", 1, 1)].concat();
    assert!(matches!(refusal(&whole(&xpak(&twice, b"p-1"))), ArchiveError::MetadataFile(_)));
    let empty: Vec<u8> = (0..5000).flat_map(|at| entry(&format!("F{at}"), 0, 0)).collect();
    assert!(matches!(refusal(&whole(&xpak(&empty, b""))), ArchiveError::MetadataFile(_)));
}
