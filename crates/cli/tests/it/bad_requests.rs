//! Specs that cannot be built: what they ask for does not exist, does not fit together, or is hostile.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::mirror::Mirror;
use crate::program::{Ended, Place};

/// One mirror and one place for all of these tests: they only resolve.
static MIRROR: LazyLock<Mirror> = LazyLock::new(Mirror::start);

/// Resolves a spec that asks for these packages.
fn resolve(packages: &str, arguments: &[&str]) -> Ended {
    let place = Place::with_spec(&format!(
        "spec = 1\nname = \"bad\"\nbase = \"debian\"\nrelease = \"trixie\"\noutputs = [\"rootfs\"]\n\
         packages = [{packages}]\n\n[kernel]\nflavor = \"none\"\n"
    ));
    let arguments: Vec<&str> = [&["resolve", "spec.toml"], arguments].concat();
    Ended::of(place.command(&arguments).envs(MIRROR.environment()))
}

/// Validates a spec; it must be refused at once, for this reason.
fn refused(spec: &str, reason: &str) {
    let place = Place::with_spec(spec);
    let started = Instant::now();
    let ended = place.run(&["build", "spec.toml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains(reason), "{reason} is not in: {}", ended.stderr);
    assert!(ended.stderr.len() < 4000, "{} bytes of messages", ended.stderr.len());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!place.path("out").exists() && !place.path("store").exists());
}

#[test]
fn an_unknown_package_is_named_with_names_like_it() {
    let ended = resolve("\"tree\", \"openssh-servr\"", &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains("openssh-servr") && ended.stderr.contains("`openssh-server`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn conflicting_packages_are_explained_with_fixes() {
    let ended = resolve("\"exim4-daemon-light\", \"postfix\"", &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for part in [
        "exim4-daemon-light",
        "postfix",
        "spec.toml:6, talkingPoints",
        "tried and works",
        "1. drop `exim4-daemon-light`",
    ] {
        assert!(ended.stderr.contains(part), "{part} is not in: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_conflict_as_json_names_roots_chain_and_fixes() {
    let ended = resolve("\"exim4-daemon-light\", \"postfix\"", &["--json", "--progress", "quiet"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(3), ""));
    let value = ended.json();
    assert_eq!(value["satisfiable"], false);
    assert!(value["summary"].as_str().is_some_and(|summary| summary.contains("postfix")), "{value}");
    let root = &value["roots"][0];
    assert_eq!(
        (&root["layer"], &root["file"], &root["line"]),
        (&"talkingPoints".into(), &"spec.toml".into(), &6.into())
    );
    let link = &value["chain"][0];
    assert!(link["from"].is_string() && link["relation"].is_string() && link["to"].is_string(), "{link}");
    let fix = &value["fixes"][0];
    assert!(
        fix["label"].is_string() && fix["effect"]["added"].is_array() && fix["effect"]["sizeDelta"].is_i64(),
        "{fix}"
    );
    assert_eq!(fix["patch"][0]["op"], "remove");
    assert!(fix["patch"][0]["path"].as_str().is_some_and(|path| path.starts_with("/packages/")), "{fix}");
}

#[test]
fn a_resolved_spec_as_json_names_every_package() {
    let ended = resolve("\"tree\"", &["--json", "--progress", "quiet"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let value = ended.json();
    assert_eq!(value["satisfiable"], true);
    let packages = value["packages"].as_array().expect("a list");
    let tree =
        packages.iter().find(|package| package["name"] == "tree").expect("the package that was asked for");
    let mut keys: Vec<&String> = tree.as_object().expect("an object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["arch", "downloadSize", "installedSize", "name", "requestedBy", "version"]);
    let sum: u64 = packages.iter().filter_map(|package| package["downloadSize"].as_u64()).sum();
    assert_eq!(value["downloadSize"], sum);
}

#[test]
fn a_version_that_nobody_has_is_named() {
    let ended = resolve("\"tree (>= 99)\"", &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("tree") && ended.stderr.contains("99"), "{}", ended.stderr);
}

#[test]
fn an_unknown_release_is_refused_before_anything_is_fetched() {
    let place = Place::with_spec(
        "spec = 1\nname = \"x\"\nbase = \"debian\"\nrelease = \"trixy\"\noutputs = [\"rootfs\"]\n",
    );
    let ended = place.run(&["resolve", "spec.toml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("trixy") && ended.stderr.contains("trixie"), "{}", ended.stderr);
}

const HEAD: &str =
    "spec = 1\nname = \"x\"\nbase = \"debian\"\nrelease = \"trixie\"\noutputs = [\"rootfs\"]\n";

#[test]
fn a_name_of_ten_megabytes_is_refused_in_a_few_lines() {
    let name = "a".repeat(10_000_000);
    refused(&format!("{HEAD}packages = [\"{name}\"]\n"), "spec.toml");
}

#[test]
fn overlay_paths_that_escape_are_refused() {
    for path in ["/etc/../../escape", "../escape", "/etc/./x/../../../y", "relative"] {
        refused(&format!("{HEAD}[[files]]\npath = \"{path}\"\ntext = \"x\"\n"), "spec.toml:");
    }
    for source in ["../../etc/shadow", "/etc/shadow"] {
        refused(&format!("{HEAD}[[files]]\npath = \"/etc/x\"\nsource = \"{source}\"\n"), "spec.toml:");
    }
}

#[test]
fn a_field_that_nothing_acts_on_yet_is_refused_by_name() {
    let place = Place::with_spec(&format!("{HEAD}[customization]\nshell = \"fish\"\n"));
    let ended = place.run(&["build", "spec.toml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("not supported yet for this base"), "{}", ended.stderr);
    assert!(ended.stderr.contains("customization"), "{}", ended.stderr);
    assert!(!place.path("out").exists());
}

#[test]
fn hostile_documents_are_refused_quickly() {
    refused(&format!("{HEAD}packages = {}{}\n", "[".repeat(100_000), "]".repeat(100_000)), "spec.toml");
    let place = Place::new();
    place.write("spec.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n");
    assert_eq!(place.run(&["validate", "spec.yaml"]).code, Some(3));
    place.write("spec.json", "{\"spec\": 1, \"name\": \"x\", \"name\": \"y\"}");
    let ended = place.run(&["validate", "spec.json"]);
    assert_eq!(ended.code, Some(3));
    place.write("big.toml", vec![b'#'; 11 << 20]);
    let ended = place.run(&["validate", "big.toml"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(3), "error: `big.toml` is larger than 10 MiB\n"));
}

/// A spec whose kernel clashes with what it removes.
fn at_odds(outputs: &str, kernel: &str, removed: &str) -> Place {
    Place::with_spec(&format!(
        "# at odds\nname = \"k\"\nbase = \"debian\"\nrelease = \"trixie\"\noutputs = [\"{outputs}\"]\n\
         packages = [\"htop\"] # one thing\nremove = [\"{removed}\"]\n{kernel}"
    ))
}

#[test]
fn fixes_of_what_a_field_asks_for_change_the_field() {
    let kernel = "\n[kernel]\n# real time\nflavor = \"rt\" # once\nparameters = [\"quiet\"]\n";
    let place = at_odds("rootfs", kernel, "linux-image-rt-amd64");
    let run = |place: &Place, arguments: &[&str]| {
        let arguments = [&["resolve", "spec.toml"], arguments].concat();
        Ended::of(place.command(&arguments).envs(MIRROR.environment()))
    };
    let said = run(&place, &[]);
    assert_eq!(said.code, Some(3), "{said:?}");
    for part in ["for `kernel`", "by `kernel.flavor = default`", "with `kernel.flavor`"] {
        assert!(said.stderr.contains(part), "{part} is not in: {}", said.stderr);
    }
    let before = std::fs::read_to_string(place.path("spec.toml")).expect("the spec");
    let last = said.stderr.lines().filter(|line| line.contains(". drop `")).count();
    assert_eq!(last, 1, "{}", said.stderr);
    let number = |text: &str| {
        let line = said.stderr.lines().find(|line| line.contains(text)).expect("the fix");
        line.trim().split('.').next().expect("a number").to_owned()
    };
    let changed = run(&place, &["--fix", &number("kernel.flavor = default")]);
    assert_eq!(changed.code, Some(0), "{changed:?}");
    let after = std::fs::read_to_string(place.path("spec.toml")).expect("the spec");
    assert_eq!(after, before.replace("flavor = \"rt\"", "flavor = \"default\""));
    place.write("spec.toml", before.clone());
    let dropped = run(&place, &["--fix", &number(". drop `")]);
    assert_eq!(dropped.code, Some(0), "{dropped:?}");
    let after = std::fs::read_to_string(place.path("spec.toml")).expect("the spec");
    assert_eq!(after, before.replace("flavor = \"rt\" # once\n", ""));

    // an image that boots needs a kernel, whatever the spec says of it
    let place = at_odds("iso", "", "linux-image-amd64");
    let before = std::fs::read_to_string(place.path("spec.toml")).expect("the spec");
    let said = run(&place, &[]);
    assert!(said.stderr.contains("by hand: `kernel` needs it"), "{}", said.stderr);
    let number = said.stderr.lines().find(|line| line.contains(". drop `")).expect("the fix").trim();
    let refused = run(&place, &["--fix", number.split('.').next().expect("a number")]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("no line asks for it"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(place.path("spec.toml")).expect("the spec"), before);
}

#[test]
fn a_missing_name_may_be_a_command_that_a_list_of_files_knows() {
    let place = Place::with_spec(
        "name = \"bad\"\nbase = \"debian\"\nrelease = \"trixie\"\noutputs = [\"rootfs\"]\n\
         packages = [\"ifconfig\"]\n\n[kernel]\nflavor = \"none\"\n",
    );
    let run = |arguments: &[&str]| Ended::of(place.command(arguments).envs(MIRROR.environment()));
    let said = run(&["resolve", "spec.toml"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("the package `net-tools` has a command or library"), "{}", said.stderr);
    assert!(said.stderr.contains("1. ask for `net-tools` instead of `ifconfig`"), "{}", said.stderr);
    let found = run(&["packages", "search", "debian/trixie", "bin/rg", "--json"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    assert_eq!(found.json(), serde_json::json!([{"package": "ripgrep", "path": "/usr/bin/rg"}]));
    let listed = run(&["packages", "files", "debian/trixie", "net-tools"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.lines().any(|path| path == "/usr/sbin/ifconfig"), "{listed:?}");
}

#[test]
fn a_worker_says_what_it_lacks() {
    let place = Place::new();
    let bucket = "s3://images/fleet";
    for (options, lacks) in [
        (&["--store", bucket][..], "a worker needs the database of its service"),
        (&["--store", bucket, "--database", "sqlite:lbuild.db"], "SQLite has one process at a time"),
        (&["--database", "postgres://nowhere/x"], "a worker needs a store of artifacts"),
        (&["--store", bucket, "--database", "postgres://nowhere/x", "--workers", "0"], "takes no builds"),
    ] {
        let mut command = place.command(&["worker"]);
        let ended = Ended::of(command.env_remove("DATABASE_URL").env_remove("LBUILD_WORKERS").args(options));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(lacks) && ended.stderr.contains("hint:"), "{}", ended.stderr);
    }
}
