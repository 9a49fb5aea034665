//! The specs that the repository ships.

use lbuild_spec::{Blueprint, Format, Source, Tier, validate};

fn example(name: &str) -> Blueprint {
    let path = format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let source = Source { file: name.to_owned(), format: Format::from_path(name).unwrap(), text };
    validate(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)))
}

#[test]
fn debian_live_is_what_the_benchmark_builds() {
    let blueprint = example("debian-live.toml");
    assert_eq!(blueprint.name, "debian-live");
    assert_eq!(blueprint.release.as_deref(), Some("trixie"));
    assert!(blueprint.warnings.is_empty(), "{:?}", blueprint.warnings);
    let names: Vec<_> = blueprint.packages.iter().map(|package| package.value.name.as_str()).collect();
    assert_eq!(
        names,
        ["linux-image-amd64", "systemd-sysv", "live-boot", "openssh-server", "ca-certificates"]
    );
    assert!(blueprint.packages.iter().all(|package| package.value.tier == Tier::Base));
}
