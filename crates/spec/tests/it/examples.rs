//! The specs that the repository ships, and its reference page.

use lbuild_spec::model::{Method, Output, Priority};
use lbuild_spec::{Blueprint, Format, Source, Tier};

use crate::good;

fn root() -> String {
    format!("{}/../..", env!("CARGO_MANIFEST_DIR"))
}

fn example(name: &str) -> Blueprint {
    let text = std::fs::read_to_string(format!("{}/examples/{name}", root())).unwrap();
    let format = Format::from_path(name).unwrap();
    good(&Source { file: name.to_owned(), format, text })
}

#[test]
fn debian_live_is_what_the_benchmark_builds() {
    let blueprint = example("debian-live.toml");
    assert_eq!(blueprint.name, "debian-live");
    assert_eq!(blueprint.release.as_deref(), Some("trixie"));
    assert_eq!(blueprint.outputs, [Output::Iso, Output::Oci, Output::Rootfs]);
    assert_eq!(blueprint.repositories.priority, Priority::Important);
    assert!(blueprint.warnings.is_empty(), "{:?}", blueprint.warnings);
    let names: Vec<_> = blueprint.packages.iter().map(|package| package.value.name.as_str()).collect();
    for name in ["linux-image-amd64", "systemd-sysv", "live-boot", "openssh-server", "ca-certificates"] {
        assert!(names.contains(&name), "`{name}` is missing");
    }
    assert!(blueprint.packages.iter().all(|package| package.value.tier == Tier::Base));
}

#[test]
fn every_example_is_good_and_without_warnings() {
    let mut names: Vec<_> = std::fs::read_dir(format!("{}/examples", root()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Format::from_path(name).is_some())
        .collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let blueprint = example(&name);
        assert!(blueprint.warnings.is_empty(), "{name}: {:?}", blueprint.warnings);
    }
}

#[test]
fn the_server_has_users_network_and_files() {
    let blueprint = example("debian-server.yaml");
    assert_eq!(blueprint.network.interfaces[0].method, Some(Method::Static));
    assert!(blueprint.users.iter().any(|user| user.value.sudo));
    assert!(!blueprint.files.is_empty());
}

#[test]
fn the_reference_page_is_the_generated_one() {
    let path = format!("{}/docs/spec.md", root());
    let generated = lbuild_spec::docs::markdown();
    if std::env::var_os("LBUILD_BLESS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == generated, "docs/spec.md is stale: run this test with LBUILD_BLESS=1");
}
