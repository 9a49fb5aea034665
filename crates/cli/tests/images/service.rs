//! `lbuild serve` as a process: real builds through the API, and what is left of them when it is stopped or killed.

use serde_json::Value;

use crate::place::{Place, SMALL};
use crate::served::{Client, Process, ended};

/// The build made everything that it should.
fn check_artifacts(build: &Value) {
    let artifacts = build["artifacts"].as_array().expect("artifacts");
    let mut names: Vec<&str> = artifacts.iter().filter_map(|artifact| artifact["name"].as_str()).collect();
    names.sort_unstable();
    let expected =
        ["SHA256SUMS", "lbuild.lock", "manifest.json", "small-amd64.oci.tar", "small-amd64.tar.zst"];
    assert_eq!(names, expected);
}

#[test]
fn privileged_t35_a_service_builds_is_killed_goes_on_and_drains() {
    let place = Place::new();
    std::fs::create_dir(place.path("data")).expect("a directory");
    std::fs::rename(place.store(), place.path("data/store")).expect("the packages of earlier runs");
    let mut first = Process::serve(&place);
    let client = Client { key: first.key().expect("the first start shows a key") };

    let id = client.submit(&first, SMALL);
    client.wait(&first, &id, |build| build["step"] == "base" || ended(build));
    first.kill();

    let mut second = Process::serve(&place);
    assert_eq!(second.key(), None, "a key is shown once");
    check_artifacts(&client.success(&second, &id));
    let events = client.events(&second, &id);
    assert!(events.contains("\"attempt\":2"), "it was begun again: {events}");
    assert_eq!(events.matches("\"status\":\"succeeded\"").count(), 1);

    let again = client.submit(&second, SMALL);
    let again = client.success(&second, &again);
    assert_eq!(again["cache"]["hit"], true, "{again}");
    check_artifacts(&again);

    let other = client.submit(&second, &SMALL.replace("\"small\"", "\"other\"").replace("de_DE", "fr_FR"));
    client.wait(&second, &other, |build| build["status"] == "running" || ended(build));
    second.drain();
    let third = Process::serve(&place);
    client.success(&third, &other);
    let left = std::fs::read_dir(place.path("data/work")).expect("the directory of builds").count();
    assert_eq!(left, 0, "builds leave nothing behind");
}
