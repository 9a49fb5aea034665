//! Every base but Debian and Ubuntu: real repositories as mirrors, resolved and looked up.

use std::fs;
use std::io::{BufReader, Read as _};
use std::path::Path;

use lbuild_repo::compress::Capped;
use lbuild_testkit::realdata;

use crate::program::{Ended, Place};

/// What a mirror of a base has: the file in the real data, and its place below the mirror.
const ALPINE: &[(&str, &str)] = &[
    ("alpine/v3.19-cache/APKINDEX.b2c94760.tar.gz", "v3.19/main/x86_64/APKINDEX.tar.gz"),
    ("alpine/v3.19-cache/APKINDEX.be78cdff.tar.gz", "v3.19/community/x86_64/APKINDEX.tar.gz"),
];
const ARCH: &[(&str, &str)] = &[
    ("arch/2022-09/core.db.tar.gz", "core/os/x86_64/core.db"),
    ("arch/2022-09/extra.db.tar.gz", "extra/os/x86_64/extra.db"),
];
const VOID: &[(&str, &str)] = &[("void/hyprland-x86_64/x86_64-repodata", "current/x86_64-repodata")];
const GENTOO: &[(&str, &str)] =
    &[("gentoo/binhost-x86_64-2022-11/Packages.zst", "releases/amd64/binpackages/23.0/x86-64/Packages.gz")];

fn mirror(place: &Place, files: &[(&str, &str)]) -> String {
    let root = place.path("mirror");
    for (file, path) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a directory above")).expect("a directory");
        fs::copy(realdata::path(file), path).expect("a file of the real data");
    }
    format!("file://{}", root.display())
}

fn directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory of the real data") {
        let (from, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("an entry");
        if from.is_dir() {
            directory(&from, &to);
        } else {
            fs::copy(from, to).expect("a file of the real data");
        }
    }
}

fn spec(base: &str, rest: &str) -> String {
    format!("name = \"t\"\nbase = \"{base}\"\n{rest}\n")
}

/// Runs `lbuild` with a mirror of a base.
fn run(place: &Place, base: &str, mirror: &str, arguments: &[&str]) -> Ended {
    let mut command = place.command(arguments);
    Ended::of(command.env(format!("LBUILD_MIRROR_{}", base.to_uppercase()), mirror))
}

/// The names that a spec resolves to.
fn resolved(base: &str, files: &[(&str, &str)], rest: &str) -> Vec<String> {
    let place = Place::with_spec(&spec(base, rest));
    let mirror = mirror(&place, files);
    let output = run(&place, base, &mirror, &["resolve", "spec.toml", "--json"]);
    assert_eq!(output.code, Some(0), "{base}: {output:?}");
    let answer = output.json();
    let packages = answer["packages"].as_array().expect("packages").iter();
    packages.map(|package| package["name"].as_str().expect("a name").to_owned()).collect()
}

fn has(names: &[String], wanted: &[&str]) {
    for name in wanted {
        assert!(names.iter().any(|known| known == name), "`{name}` is missing in {names:?}");
    }
}

#[test]
fn alpine_is_resolved_with_the_names_of_the_table() {
    let rest = "release = \"3.19\"\npackages = [\"nginx\", \"postgresql\", \"docker\"]";
    has(
        &resolved("alpine", ALPINE, rest),
        &["alpine-base", "nginx", "postgresql16", "docker", "containerd", "musl"],
    );
}

#[test]
fn arch_is_resolved() {
    has(&resolved("arch", ARCH, "packages = [\"vim\"]"), &["base", "glibc", "systemd", "vim", "vim-runtime"]);
}

#[test]
fn gentoo_is_resolved_beside_its_stage_archive() {
    has(
        &resolved("gentoo", GENTOO, "packages = [\"htop\"]\n[repositories]\nkeywords = [\"~amd64\"]"),
        &["sys-process/htop", "sys-libs/ncurses"],
    );
}

#[test]
fn void_is_resolved() {
    let rest = "packages = [\"hyprlang\"]\nremove = [\"base-system\"]";
    let place = Place::with_spec(&spec("void", rest));
    let mirror = mirror(&place, VOID);
    let output = run(&place, "void", &mirror, &["resolve", "spec.toml"]);
    // the repository holds what it builds and nothing of the system below
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("hyprlang"), "{output:?}");
}

#[test]
fn fedora_is_resolved_from_metadata_that_repomd_vouches_for() {
    let rest = "packages = [\"nginx\"]\nremove = [\"@core\"]\n[repositories]\ncomponents = [\"fedora\"]";
    let place = Place::with_spec(&spec("fedora", rest));
    let root = place.path("mirror/releases/44/Everything/x86_64/os/repodata");
    directory(&realdata::path("rpm/cs9-appstream-2025/repodata"), &root);
    let mirror = format!("file://{}", place.path("mirror").display());
    let output = run(&place, "fedora", &mirror, &["resolve", "spec.toml"]);
    // what the packages stand on is in another repository
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("nginx"), "{output:?}");

    let primary = fs::read_dir(&root).expect("a directory").map(|entry| entry.expect("an entry").path());
    let primary = primary.into_iter().find(|path| path.to_string_lossy().contains("primary.xml"));
    let primary = primary.expect("the list of packages");
    let mut bytes = fs::read(&primary).expect("a file");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&primary, bytes).expect("a file");
    let output = run(&place, "fedora", &mirror, &["resolve", "spec.toml", "--store", "other"]);
    assert_eq!(output.code, Some(6), "{output:?}");
    assert!(output.stderr.contains("cannot be read"), "{output:?}");
}

#[test]
fn a_conflict_of_another_base_names_lines_and_fixes() {
    let place =
        Place::with_spec(&spec("alpine", "release = \"3.19\"\npackages = [\n  \"exim\",\n  \"postfix\",\n]"));
    let mirror = mirror(&place, ALPINE);
    let output = run(&place, "alpine", &mirror, &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(3));
    let text = &output.stderr;
    for part in ["spec.toml:5", "spec.toml:6", "1. drop `exim`", "2. drop `postfix`"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn an_index_that_nobody_signed_is_refused() {
    let place = Place::with_spec(&spec("alpine", "release = \"3.19\"\npackages = [\"nginx\"]"));
    let mirror = mirror(&place, ALPINE);
    let main = place.path("mirror/v3.19/main/x86_64/APKINDEX.tar.gz");
    let mut bytes = fs::read(&main).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&main, bytes).expect("a file");
    let output = run(&place, "alpine", &mirror, &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(6), "{output:?}");
    assert!(output.stderr.contains("the package index of `main` is refused"), "{output:?}");
}

#[test]
fn an_index_that_is_older_than_the_last_one_is_refused() {
    let place = Place::with_spec(&spec("alpine", "release = \"3.19\"\npackages = [\"nginx\"]"));
    let mirror = mirror(&place, ALPINE);
    let output = run(&place, "alpine", &mirror, &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    // signed by the same key half a year before
    let older = realdata::path("alpine/v3.19-iso/apks/x86_64/APKINDEX.tar.gz");
    let main = place.path("mirror/v3.19/main/x86_64/APKINDEX.tar.gz");
    fs::remove_file(&main).and_then(|()| fs::copy(older, &main)).expect("a file of the real data");
    let output = run(&place, "alpine", &mirror, &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(6), "{output:?}");
    assert!(output.stderr.contains("older than the one seen before"), "{output:?}");
    let output = run(&place, "alpine", &mirror, &["resolve", "spec.toml", "--store", "other"]);
    assert!(!output.stderr.contains("is refused"), "{output:?}");
}

#[test]
fn packages_of_another_base_can_be_looked_up() {
    let place = Place::new();
    let mirror = mirror(&place, ALPINE);
    let found = run(&place, "alpine", &mirror, &["packages", "search", "alpine/3.19", "nginx"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    assert!(found.stdout.contains("nginx"), "{found:?}");
    let needs = run(&place, "alpine", &mirror, &["packages", "who-needs", "alpine/3.19", "pcre2"]);
    assert!(needs.stdout.contains("git"), "{needs:?}");
}

#[test]
fn what_cannot_be_built_or_is_not_known_is_said() {
    let place = Place::with_spec(&spec("alpine", "packages = [\"nginx\"]"));
    let output = place.run(&["build", "spec.toml"]);
    assert_eq!(output.code, Some(3));
    assert!(output.stderr.contains("images of base `alpine` cannot be built yet"), "{output:?}");
    place.write("spec.toml", spec("alpine", "release = \"9.99\"\npackages = [\"nginx\"]"));
    let output = place.run(&["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(3));
    assert!(output.stderr.contains("`9.99` is not a release of `alpine`"), "{output:?}");
    assert!(output.stderr.contains("latest-stable"), "{output:?}");
}

/// A complete repository, packages included, as it lies on the medium of Alpine 3.19.
fn alpine_medium(place: &Place) -> String {
    let root = place.path("mirror/v3.19/main/x86_64");
    directory(&realdata::path("alpine/v3.19-iso/apks/x86_64"), &root);
    let community = place.path("mirror/v3.19/community/x86_64");
    directory(&realdata::path("alpine/v3.19-iso/apks/x86_64"), &community);
    format!("file://{}", place.path("mirror").display())
}

#[test]
fn the_files_of_a_package_are_listed_from_the_package_itself() {
    let place = Place::new();
    let mirror = alpine_medium(&place);
    let listed = run(&place, "alpine", &mirror, &["packages", "files", "alpine/3.19", "tzdata"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.lines().any(|path| path == "/usr/share/zoneinfo/UTC"), "{listed:?}");
    // another package under its name is refused
    for directory in ["main", "community"] {
        let root = place.path(&format!("mirror/v3.19/{directory}/x86_64"));
        let of = |name: &str| {
            let files =
                fs::read_dir(&root).expect("a directory").map(|entry| entry.expect("an entry").path());
            files
                .into_iter()
                .find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name)))
        };
        let (tzdata, other) = (of("tzdata-").expect("there"), of("zlib-").expect("there"));
        fs::copy(other, tzdata).expect("a file");
    }
    let refused =
        run(&place, "alpine", &mirror, &["packages", "files", "alpine/3.19", "tzdata", "--store", "other"]);
    assert_eq!(refused.code, Some(6), "{refused:?}");
    assert!(refused.stderr.contains("is not the one that the index speaks of"), "{refused:?}");
}

#[test]
fn a_missing_name_may_be_a_command_of_a_package() {
    let place = Place::with_spec(&spec("alpine", "release = \"3.19\"\npackages = [\"setfacl\"]"));
    let mirror = mirror(&place, ALPINE);
    let output = run(&place, "alpine", &mirror, &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("the package `acl` has a command or library of that name"), "{output:?}");
    let refused = run(&place, "alpine", &mirror, &["packages", "search", "alpine/3.19", "bin/setfacl"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("publishes no lists of the files"), "{refused:?}");
}

#[test]
fn files_of_arch_are_found_in_its_lists() {
    let place = Place::with_spec(&spec("arch", "packages = [\"pactree\"]\nremove = [\"base\"]"));
    let files = [
        ("arch/2025-09/core.db", "core/os/x86_64/core.db"),
        ("arch/2025-09/core.files", "core/os/x86_64/core.files"),
        // what a second repository has does not matter here
        ("arch/2025-09/core.db", "extra/os/x86_64/extra.db"),
        ("arch/2025-09/core.files", "extra/os/x86_64/extra.files"),
    ];
    let mirror = mirror(&place, &files);
    let found = run(&place, "arch", &mirror, &["packages", "search", "arch", "bin/pacman", "--json"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    assert_eq!(found.json()[0], serde_json::json!({"package": "pacman", "path": "/usr/bin/pacman"}));
    let output = run(&place, "arch", &mirror, &["resolve", "spec.toml"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("no package `pactree`"), "{output:?}");
    let sudo = run(&place, "arch", &mirror, &["packages", "search", "arch", "/usr/bin/no-such-thing"]);
    assert_eq!(sudo.code, Some(3), "{sudo:?}");
}

#[test]
fn files_of_rpm_are_found_in_its_lists() {
    let place = Place::new();
    let root = place.path("mirror/releases/44/Everything/x86_64/os/repodata");
    let updates = place.path("mirror/updates/44/Everything/x86_64/repodata");
    for root in [root, updates] {
        directory(&realdata::path("rpm/cs9-baseos-2024/repodata"), &root);
        // the groups are kept compressed, and their repository has them plain
        let files = fs::read_dir(&root).expect("a directory").map(|entry| entry.expect("an entry").path());
        let groups = files.into_iter().find(|path| path.to_string_lossy().contains("comps")).expect("groups");
        let packed = BufReader::new(fs::File::open(&groups).expect("a file"));
        let mut plain = Vec::new();
        let mut reader = Capped::new(packed, 1 << 26).expect("gzip");
        reader.read_to_end(&mut plain).expect("a whole file");
        let contents = fs::read_to_string(root.join("repomd.xml")).expect("a table of contents");
        let name = contents.split(['"', '/']).find(|part| part.ends_with("-comps-BaseOS.x86_64.xml"));
        fs::write(root.join(name.expect("its name")), plain).expect("a file");
    }
    let mirror = format!("file://{}", place.path("mirror").display());
    let found = run(&place, "fedora", &mirror, &["packages", "search", "fedora", "sbin/nft", "--json"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    assert_eq!(found.json()[0], serde_json::json!({"package": "nftables", "path": "/usr/sbin/nft"}));
}

#[test]
fn the_files_of_packages_of_void_are_listed() {
    let place = Place::new();
    let root = place.path("mirror/current");
    directory(&realdata::path("void/hyprland-x86_64"), &root);
    let mirror = format!("file://{}", place.path("mirror").display());
    let listed = run(&place, "void", &mirror, &["packages", "files", "void", "hyprpaper"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.lines().any(|path| path == "/usr/bin/hyprpaper"), "{listed:?}");
}

#[test]
fn the_files_of_packages_of_rpm_are_listed() {
    let place = Place::new();
    for root in ["mirror/releases/44/Everything/x86_64/os", "mirror/updates/44/Everything/x86_64"] {
        directory(&realdata::path("rpm/el9-baseos-signed"), &place.path(root));
    }
    let mirror = format!("file://{}", place.path("mirror").display());
    let listed = run(&place, "fedora", &mirror, &["packages", "files", "fedora", "bzip2"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.lines().any(|path| path == "/usr/bin/bzip2"), "{listed:?}");
    // another package under its name is refused
    for root in ["mirror/releases/44/Everything/x86_64/os", "mirror/updates/44/Everything/x86_64"] {
        let at = |name: &str| place.path(&format!("{root}/{name}-1.0.8-18.el9.x86_64.rpm"));
        fs::copy(at("bzip2-libs"), at("bzip2")).expect("a file");
    }
    let refused =
        run(&place, "fedora", &mirror, &["packages", "files", "fedora", "bzip2", "--store", "other"]);
    assert_eq!(refused.code, Some(6), "{refused:?}");
}

#[test]
fn the_files_of_packages_of_gentoo_are_listed() {
    let place = Place::new();
    let root = place.path("mirror/releases/amd64/binpackages/23.0/x86-64");
    fs::create_dir_all(&root).expect("a directory");
    let package = fs::read(realdata::path("gentoo/onepassword-cli-0-1.gpkg.tar")).expect("a package");
    fs::write(root.join("onepassword-cli-0-1.gpkg.tar"), &package).expect("a file");
    let write = |digest: &str| {
        let size = package.len();
        let text = format!(
            "ARCH: amd64\nVERSION: 0\n\nCPV: acct-group/onepassword-cli-0\nBUILD_ID: 1\nKEYWORDS: amd64\n\
             PATH: onepassword-cli-0-1.gpkg.tar\nSHA1: {digest}\nSIZE: {size}\n\n"
        );
        fs::write(root.join("Packages.gz"), text).expect("a file");
    };
    let mirror = format!("file://{}", place.path("mirror").display());
    let list = ["packages", "files", "gentoo", "acct-group/onepassword-cli"];
    write("7d4cd5b5175cbb9c2ed8e5bf38ae535a4e984db6");
    let listed = run(&place, "gentoo", &mirror, &list);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.lines().any(|path| path.ends_with("onepassword-cli.conf")), "{listed:?}");
    write(&"0".repeat(40));
    let refused = run(&place, "gentoo", &mirror, &[&list[..], &["--store", "other"]].concat());
    assert_eq!(refused.code, Some(6), "{refused:?}");
    assert!(refused.stderr.contains("is not the one that the index speaks of"), "{refused:?}");
}
