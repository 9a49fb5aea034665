//! Ubuntu: its real lists as a mirror that is signed with a key of its own, and its real release file with the real key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::LazyLock;

use lbuild_repo::compress::Capped;
use lbuild_testkit::debrepo::DebRepo;
use lbuild_testkit::openpgp::ArchiveKey;
use lbuild_testkit::realdata;
use sha2::{Digest as _, Sha256};

use crate::program::{Ended, Place};

static KEY: LazyLock<ArchiveKey> = LazyLock::new(|| ArchiveKey::generate("A mirror <mirror@example.org>"));

const COMPONENTS: [&str; 4] = ["main", "restricted", "universe", "multiverse"];

/// What is real: suite, component, file.
const REAL: [(&str, &str, &str); 3] = [
    ("jammy", "main", "ubuntu-jammy-iso/dists/jammy/main/binary-amd64/Packages.gz"),
    ("jammy", "restricted", "ubuntu-jammy-iso/dists/jammy/restricted/binary-amd64/Packages.gz"),
    ("jammy-updates", "main", "libapt-ubuntu/Packages.xz"),
];

fn real(file: &str) -> String {
    let bytes = realdata::read(&format!("debian/{file}"));
    let mut text = String::new();
    Capped::new(&bytes[..], 1 << 20).expect("compressed").read_to_string(&mut text).expect("text");
    text
}

fn stanza(name: &str, version: &str, more: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{name} {version}")));
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nSize: 1000\nInstalled-Size: 2\n{more}\
         Filename: pool/{name}_{version}_all.deb\nSHA256: {digest}\nDescription: {name} of the test\n\n"
    )
}

/// A stand-in for each name that the real lists depend on and do not have: media leave out what is installed anyway.
fn rest(texts: &[&str]) -> String {
    let lines = || texts.iter().flat_map(|text| text.lines());
    let there: BTreeSet<&str> = lines().filter_map(|line| line.strip_prefix("Package: ")).collect();
    let fields =
        lines().filter_map(|line| line.strip_prefix("Depends: ").or(line.strip_prefix("Pre-Depends: ")));
    let mut missing: BTreeMap<&str, &str> = BTreeMap::new();
    for atom in fields.flat_map(|field| field.split([',', '|'])) {
        let (name, bound) = atom.trim().split_once(' ').unwrap_or((atom.trim(), ""));
        let name = name.split(':').next().unwrap_or_default();
        let exact = bound.strip_prefix("(= ").and_then(|bound| bound.strip_suffix(')'));
        if !there.contains(name) && !name.is_empty() {
            missing.insert(name, exact.unwrap_or("99:1"));
        }
    }
    missing.into_iter().map(|(name, version)| stanza(name, version, "")).collect()
}

/// The text of every component of every suite.
fn lists() -> BTreeMap<(&'static str, &'static str), String> {
    let mut lists: BTreeMap<_, _> =
        REAL.iter().map(|(suite, component, file)| ((*suite, *component), real(file))).collect();
    let stand_ins = rest(&lists.values().map(String::as_str).collect::<Vec<_>>());
    let universe = stand_ins + &stanza("toy", "1", "Depends: toy-data\n") + &stanza("toy-data", "1", "");
    lists.insert(("jammy", "universe"), universe);
    let phased = stanza("toy", "2", "Depends: toy-data\nPhased-Update-Percentage: 40\n");
    lists.insert(("jammy-updates", "universe"), phased);
    lists.insert(("jammy-security", "universe"), stanza("toy-data", "1.1", ""));
    lists.insert(("jammy-backports", "universe"), stanza("toy-data", "9", ""));
    lists
}

/// Puts a mirror with four pockets below `place`, signed with a key of its own.
fn mirror(place: &Place) {
    let lists = lists();
    for suite in ["jammy", "jammy-updates", "jammy-security", "jammy-backports"] {
        let directory = place.path(&format!("mirror/dists/{suite}"));
        let mut digests = String::new();
        for component in COMPONENTS {
            let text = lists.get(&(suite, component)).map(String::as_str).unwrap_or_default();
            let path = format!("{component}/binary-amd64/Packages");
            write(&directory.join(&path), text.as_bytes());
            let digest = hex::encode(Sha256::digest(text));
            writeln!(digests, " {digest} {} {path}", text.len()).expect("memory");
        }
        let backports =
            if suite.ends_with("-backports") { "NotAutomatic: yes\nButAutomaticUpgrades: yes\n" } else { "" };
        let release = format!(
            "Origin: Ubuntu\nSuite: {suite}\nCodename: jammy\nVersion: 22.04\nDate: {}\nArchitectures: amd64\n\
             Components: {}\n{backports}SHA256:\n{digests}",
            DebRepo::date(-1),
            COMPONENTS.join(" ")
        );
        write(&directory.join("InRelease"), &KEY.sign_inline(&release));
    }
    place.write("mirror.asc", KEY.public());
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("a directory above")).expect("a directory");
    fs::write(path, content).expect("a file");
}

fn spec(release: &str, rest: &str) -> String {
    format!("name = \"t\"\nbase = \"ubuntu\"\nrelease = \"{release}\"\noutputs = [\"rootfs\"]\n{rest}\n")
}

/// Runs `lbuild` with the mirror below `place`.
fn run(place: &Place, key: Option<&str>, arguments: &[&str]) -> Ended {
    let mut command = place.command(arguments);
    command.env("LBUILD_MIRROR_UBUNTU", format!("file://{}", place.path("mirror").display()));
    if let Some(key) = key {
        command.env("LBUILD_MIRROR_UBUNTU_KEY", place.path(key));
    }
    Ended::of(&mut command)
}

/// Name to version.
fn versions(output: &Ended) -> BTreeMap<String, String> {
    assert_eq!(output.code, Some(0), "{output:?}");
    let answer = output.json();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let packages = answer["packages"].as_array().expect("packages").iter();
    packages.map(|package| (text(&package["name"]), text(&package["version"]))).collect()
}

const KEYED: Option<&str> = Some("mirror.asc");
const PACKAGES: &str = "packages = [\"toy\", \"amd64-microcode\", \"grub-efi-amd64\"]";

#[test]
fn every_pocket_and_component_is_resolved_from() {
    let place = Place::with_spec(&spec("22.04", PACKAGES));
    mirror(&place);
    let chosen = versions(&run(&place, KEYED, &["resolve", "spec.toml", "--json"]));
    for (name, version) in [
        // essential, of the real list of `main`
        ("base-files", "12ubuntu4.3"),
        // real too, newer in `-updates`
        ("amd64-microcode", "3.20191218.1ubuntu2.2"),
        ("grub-efi-amd64", "2.06-2ubuntu14.1"),
        // the update is phased
        ("toy", "1"),
        // of `-security`, and not of `-backports`
        ("toy-data", "1.1"),
    ] {
        assert_eq!(chosen.get(name).map(String::as_str), Some(version), "{name} in {chosen:?}");
    }

    place.write("spec.toml", spec("jammy", &format!("{PACKAGES}\n[repositories.suites]\nsecurity = false")));
    let chosen = versions(&run(&place, KEYED, &["resolve", "spec.toml", "--json"]));
    assert_eq!(chosen["toy-data"], "1");
    let exact = "packages = [{name = \"toy-data\", suite = \"jammy-backports\"}]\n[repositories.suites]\nbackports = true";
    place.write("spec.toml", spec("jammy", exact));
    let chosen = versions(&run(&place, KEYED, &["resolve", "spec.toml", "--json"]));
    assert_eq!(chosen["toy-data"], "9");
}

#[test]
fn conflicts_and_missing_components_are_explained() {
    let rest = "packages = [\"toy\"]\n[repositories]\ncomponents = [\"main\"]";
    let place = Place::with_spec(&spec("jammy", rest));
    mirror(&place);
    let output = run(&place, KEYED, &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("universe") && output.stderr.contains("spec.toml:5"), "{output:?}");
    let saved = run(&place, KEYED, &["resolve", "spec.toml", "--save", "problem.json"]);
    assert_eq!(saved.code, Some(3), "{saved:?}");
    let again = place.run(&["resolve", "--replay", "problem.json"]);
    assert_eq!(again.code, Some(3), "{again:?}");
    assert!(again.stderr.contains("toy"), "{again:?}");
}

#[test]
fn its_packages_can_be_looked_up() {
    let place = Place::with_spec(&spec("jammy", PACKAGES));
    mirror(&place);
    let found = run(&place, KEYED, &["packages", "search", "ubuntu/jammy", "microcode"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    assert!(
        found.stdout.contains("amd64-microcode") && found.stdout.contains("intel-microcode"),
        "{found:?}"
    );
    let shown = run(&place, KEYED, &["packages", "show", "ubuntu/22.04", "amd64-microcode"]);
    assert!(
        shown.stdout.contains("3.20191218.1ubuntu2.2") && shown.stdout.contains("jammy-updates"),
        "{shown:?}"
    );
    let why = run(&place, KEYED, &["packages", "why", "ubuntu/jammy", "toy-data", "--spec", "spec.toml"]);
    assert_eq!(why.code, Some(0), "{why:?}");
    assert!(why.stdout.contains("toy"), "{why:?}");
}

#[test]
fn a_mirror_that_somebody_else_signs_needs_its_key() {
    let place = Place::with_spec(&spec("jammy", PACKAGES));
    mirror(&place);
    let output = run(&place, None, &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(6), "{output:?}");
    assert!(output.stderr.contains("signed by no known key"), "{output:?}");
    let output = run(&place, Some("missing.asc"), &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("missing.asc") && output.stderr.contains("`ubuntu`"), "{output:?}");
    place.write("empty.asc", "");
    let output = run(&place, Some("empty.asc"), &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(3), "{output:?}");
}

#[test]
fn the_real_release_file_is_accepted_and_altered_copies_are_not() {
    let rest = "packages = [\"bash\"]\n[repositories.suites]\nupdates = false\nsecurity = false";
    let place = Place::with_spec(&spec("noble", rest));
    let serve = |file: &str| {
        let bytes = realdata::read(&format!("debian/libapt-ubuntu/{file}"));
        write(&place.path("mirror/dists/noble/InRelease"), &bytes);
    };
    serve("InRelease");
    let output = run(&place, None, &["resolve", "spec.toml"]);
    // its signature is good, and the lists that it vouches for are nowhere
    assert_eq!(output.code, Some(6), "{output:?}");
    assert!(output.stderr.contains("by-hash/SHA256/"), "{output:?}");
    for (number, file) in ["InReleaseOld", "InReleaseLocal", "InReleaseInvalid"].into_iter().enumerate() {
        serve(file);
        let store = format!("store-{number}");
        let output = run(&place, None, &["resolve", "spec.toml", "--store", &store]);
        assert_eq!(output.code, Some(6), "{file}: {output:?}");
        assert!(output.stderr.contains("is refused"), "{file}: {output:?}");
    }
}

#[test]
fn images_of_it_cannot_be_built_yet() {
    let place = Place::with_spec(&spec("noble", "packages = [\"bash\"]"));
    for command in ["build", "lock"] {
        let output = place.run(&[command, "spec.toml"]);
        assert_eq!(output.code, Some(3), "{output:?}");
        assert!(output.stderr.contains("images of base `ubuntu` cannot be built yet"), "{output:?}");
    }
}
