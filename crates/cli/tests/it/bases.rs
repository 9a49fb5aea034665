//! Every base but Debian: real repositories as mirrors, resolved and looked up.

use std::fs;
use std::path::Path;

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
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a file of the real data");
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
    has(&resolved("gentoo", GENTOO, "packages = [\"htop\"]"), &["sys-process/htop", "sys-libs/ncurses"]);
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
