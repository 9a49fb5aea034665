//! NATS, the store of artifacts or the database goes away while builds run, and comes back: no build is lost, and the
//! service says meanwhile that it is not ready.

use serde_json::Value;

use crate::fleet::{Fleet, assert_exact, begun, tiny};
use crate::served::{Process, until};

/// What is said about one part of the service, and whether the whole is ready.
fn health(api: &Process, part: &str) -> (bool, bool) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.get(format!("{}/health/ready", api.address())).call().expect("an answer");
    let ready = answer.status() == 200;
    let text = answer.body_mut().read_to_string().expect("a body");
    let health: Value = serde_json::from_str(&text).expect("JSON");
    let check = health["checks"].as_array().expect("checks").iter().find(|check| check["name"] == part);
    (check.unwrap_or_else(|| panic!("`{part}` is not in {health}"))["ok"] == true, ready)
}

/// Waits until a part of the service is well, or is not; the process lives all the same.
fn wait_for(api: &Process, part: &str, well: bool) {
    until(&format!("`{part}` does not become {well}"), || health(api, part) == (well, well));
    let live = ureq::get(format!("{}/health/live", api.address())).call().expect("an answer");
    assert_eq!(live.status(), 200);
}

#[test]
fn privileged_t38_whatever_is_lost_comes_back_and_no_build_is_lost() {
    let mut fleet = Fleet::new();
    let (a, client) = fleet.begun();
    let mut worker = fleet.worker("one", None);

    let id = client.submit(&a, &tiny("without-nats"));
    client.wait(&a, &id, begun);
    fleet.nats.kill();
    wait_for(&a, "nats", false);
    client.success(&a, &id);
    let id = client.submit(&a, &tiny("still-without-nats"));
    client.success(&a, &id);
    fleet.nats.resume();
    wait_for(&a, "nats", true);

    let id = client.submit(&a, &tiny("without-store"));
    client.wait(&a, &id, begun);
    fleet.s3.stop();
    wait_for(&a, "store", false);
    until("the machine is not blamed", || client.build(&a, &id)["status"] == "queued");
    fleet.s3.resume();
    wait_for(&a, "store", true);
    client.success(&a, &id);
    assert!(client.events(&a, &id).contains("\"attempt\":2"));

    let id = client.submit(&a, &tiny("without-database"));
    client.wait(&a, &id, begun);
    fleet.link.cut();
    wait_for(&a, "database", false);
    fleet.link.mend();
    wait_for(&a, "database", true);
    client.success(&a, &id);
    assert_exact(&client, [&a, &a], &id);
    worker.drain();
}
