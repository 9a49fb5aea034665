//! Settings of the service: three forms, one list, and what is said about wrong ones.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::program::{Ended, Place};

/// Where the table of settings is in the documentation.
const TABLE: &str = "docs/operate/settings.md";

fn check(place: &Place, arguments: &[&str], environment: &[(&str, &str)]) -> Value {
    let words = [&["config", "check", "--json"], arguments].concat();
    Ended::of(place.command(&words).env("LBUILD_DATA", "data").envs(environment.iter().copied())).json()
}

/// The value of a setting and where it came from.
fn setting(report: &Value, key: &str) -> (String, String) {
    let settings = report["settings"].as_array().expect("settings");
    let found = settings.iter().find(|setting| setting["key"] == key).expect("the setting");
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("value"), text("from"))
}

fn finding<'r>(report: &'r Value, name: &str) -> &'r Value {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
}

#[test]
fn what_is_given_nearer_wins() {
    let place = Place::new();
    place.write("all.toml", "drain = 5\nworkers = 2\nlisten = \"127.0.0.1:0\"\nlog = \"warn\"\n");
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    let report = check(
        &place,
        &["--config", "all.toml", "--workers", "4"],
        &[("LBUILD_DRAIN", "6"), ("LBUILD_LOG", "debug")],
    );
    assert_eq!(setting(&report, "workers"), pair("4", "flag"));
    assert_eq!(setting(&report, "drain"), pair("6", "environment"));
    assert_eq!(setting(&report, "listen"), pair("127.0.0.1:0", "file"));
    assert_eq!(setting(&report, "no-migrate"), pair("false", "default"));

    let file = place.path("all.toml").display().to_string();
    let report = check(&place, &[], &[("LBUILD_CONFIG", &file)]);
    assert_eq!(setting(&report, "drain"), pair("5", "file"));
}

#[test]
fn a_wrong_file_is_told_of_whole_and_nothing_starts() {
    let place = Place::new();
    place.write("bad.toml", "worker = 2\ndrain = \"long\"\nlisten = \"nowhere\"\n");
    for command in [&["serve"][..], &["config", "check"], &["migrate"], &["backup", "b.tar"]] {
        let ended = place.run(&[command, &["--data", "data", "--config", "bad.toml"]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for line in
            ["bad.toml:1:1: `worker` is not a setting: write `workers`", "bad.toml:2:9:", "bad.toml:3:10:"]
        {
            assert!(ended.stderr.contains(line), "{}", ended.stderr);
        }
        assert!(ended.stderr.contains("hint: `lbuild config list` shows every setting"), "{}", ended.stderr);
    }
    let ended = place.run(&["serve", "--config", "bad.toml", "--json"]);
    assert_eq!(ended.json()["error"]["exitCode"], 2);
    let ended = place.run(&["serve", "--config", "nowhere.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.starts_with("error: cannot read the settings in `nowhere.toml`"),
        "{}",
        ended.stderr
    );
    assert!(!place.path("data").exists());
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let place = Place::new();
    for (arguments, expected) in [
        (&["--metrics", "127.0.0.1:3000"][..], "are the same address"),
        (&["--egress", "hooks.internal"], "it is not http://HOST:PORT"),
        (&["--trusted-proxy", "proxy.internal"], "`proxy.internal` is neither an address nor a network"),
        (&["--database", "mysql://x"], "begins with neither sqlite:"),
        (&["--log", "="], "invalid value"),
    ] {
        for command in [&["serve"][..], &["config", "check"]] {
            let ended = place.run(&[command, &["--data", "data"], arguments].concat());
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        }
    }
    assert!(!place.path("data").exists());
}

#[test]
fn a_check_finds_what_would_fail_and_changes_nothing() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let report = check(&place, &["--listen", &address], &[]);
    assert_eq!(report["ok"], false);
    assert_eq!(finding(&report, "listen")["ok"], false);
    assert!(finding(&report, "database")["detail"].as_str().expect("text").ends_with("will be made"));
    assert!(!place.path("data").exists(), "nothing was made");
    let ended = place.run(&["config", "check", "--data", "data", "--listen", &address]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("listen       FAIL"), "{}", ended.stdout);

    place.write("file", "");
    let report = check(&place, &["--data", "file/data"], &[]);
    let data = finding(&report, "data");
    assert_eq!(data["ok"], false, "{data}");

    let report = check(&place, &["--workers", "0"], &[]);
    assert_eq!(finding(&report, "workers")["ok"], false, "nobody else can use SQLite");

    // nobody listens at port 1
    let lost = "postgres://lbuild:hush@127.0.0.1:1/lbuild";
    let report = check(&place, &["--database", lost], &[]);
    assert_eq!(finding(&report, "database")["ok"], false);
    assert!(!report.to_string().contains("hush"), "{report}");
}

#[test]
fn keys_that_others_can_read_are_found() {
    let place = Place::new();
    fs::create_dir(place.path("data")).expect("a directory");
    place.write("data/signing-secret", "00");
    place.write("data/secret-key", "00");
    let give = |key: &str, mode| {
        fs::set_permissions(place.path(key), fs::Permissions::from_mode(mode)).expect("a mode");
    };
    give("data/secret-key", 0o600);
    for (mode, ok) in [(0o644, false), (0o600, true)] {
        give("data/signing-secret", mode);
        assert_eq!(finding(&check(&place, &["--listen", "127.0.0.1:0"], &[]), "keys")["ok"], ok);
    }
}

#[test]
fn the_list_has_every_option_and_variable_of_the_service() {
    let place = Place::new();
    // of every command, and about how it shows things, or where the list itself is
    let others = ["config", "progress", "json", "verbose", "help"];
    let listed = place.run(&["config", "list", "--json"]).json();
    let settings = listed.as_array().expect("settings");
    let of = |name: &str| {
        let texts = settings.iter().map(|setting| setting[name].as_str().unwrap_or_default().to_owned());
        texts.collect::<BTreeSet<String>>()
    };
    let help = place.run(&["serve", "--help"]).stdout;
    let behind = |start: &str| {
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let words = help.split(start).skip(1).filter_map(|rest| rest.split(is_end).next());
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let options: BTreeSet<String> =
        behind("--").difference(&others.map(str::to_owned).into()).cloned().collect();
    assert_eq!(of("key"), options);
    let others = ["LBUILD_CONFIG", "LBUILD_PROGRESS"].map(str::to_owned).into();
    let shown: BTreeSet<String> = behind("[env: ").difference(&others).cloned().collect();
    assert_eq!(of("environment"), shown, "each can also be set by the environment");
}

#[test]
fn the_documented_settings_are_those_of_the_program() {
    let mut table =
        String::from("| file | command line | environment | default | meaning |\n|---|---|---|---|---|\n");
    for setting in Place::new().run(&["config", "list", "--json"]).json().as_array().expect("settings") {
        let text = |name: &str| setting[name].as_str().unwrap_or_default().to_owned();
        let code =
            |name: &str| if text(name).is_empty() { String::new() } else { format!("`{}`", text(name)) };
        let row = [code("key"), code("flag"), code("environment"), text("default"), text("meaning")];
        table.extend(["| ", &row.join(" | "), " |\n"]);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(TABLE);
    let page = fs::read_to_string(&path).expect("the page");
    let (before, after) = page.split_once("| file |").map_or((page.as_str(), ""), |(before, after)| {
        (before, after.split_once("\n\n").map_or("", |(_, after)| after))
    });
    let fresh = format!("{before}{table}\n{after}");
    if std::env::var_os("LBUILD_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, &fresh).expect("the page");
    }
    let page = fs::read_to_string(&path).expect("the page");
    assert!(page == fresh, "{TABLE} differs; now it is:\n{fresh}");
}
