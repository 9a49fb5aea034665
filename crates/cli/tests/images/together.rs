//! Two APIs and three workers are one service: what one of them knows, all do, and soon.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::fleet::{Fleet, assert_exact, begun, follow, tiny, workers};
use crate::served::{PATIENCE, ended, until};

/// How soon others hear of something. Looking takes longer: a second and more.
const AT_ONCE: Duration = Duration::from_millis(800);

/// How soon a build is stopped. A heartbeat takes longer: five seconds and more.
const STOPPED: Duration = Duration::from_secs(4);

#[test]
fn privileged_t38_two_apis_and_three_workers_are_one_service() {
    let fleet = Fleet::new();
    let (a, client) = fleet.begun();
    let b = fleet.api("other-api");
    assert_eq!(b.key(), None, "a service has one first key");
    let names = ["one", "two", "three"];
    let mut crew = names.map(|name| fleet.worker(name, None));
    until("three workers are not known", || workers(&client, &b).len() == 3);

    let apis = [&a, &b];
    let ids: Vec<String> = (0..6).map(|n| client.submit(apis[n % 2], &tiny(&format!("image-{n}")))).collect();
    let late = follow(&client, &b, &ids[0]);
    let mut busy = BTreeSet::new();
    until("the builds do not end", || {
        let at_work = workers(&client, &a).into_iter().filter(|worker| worker["running"] != 0);
        busy.extend(at_work.filter_map(|worker| worker["name"].as_str().map(str::to_owned)));
        ids.iter().all(|id| ended(&client.build(&a, id)))
    });
    assert_eq!(busy.len(), 3, "the builds are spread: {busy:?}");
    for (number, id) in ids.iter().enumerate() {
        client.success(apis[(number + 1) % 2], id);
    }
    assert_exact(&client, apis, &ids[0]);
    let mut late = late.recv_timeout(PATIENCE).expect("the stream ends");
    late.sort_unstable();
    let median = Duration::from_millis(u64::try_from(late[late.len() / 2]).unwrap_or_default());
    assert!(median < AT_ONCE, "events are heard of after {late:?} ms");

    let url = client.build(&a, &ids[0])["artifacts"][0]["url"].as_str().expect("an address").to_owned();
    let answer = ureq::get(format!("{}{url}", b.address())).call().expect("the signature is good there too");
    assert_eq!(answer.status(), 200);

    let id = client.submit(&a, &tiny("unwanted"));
    client.wait(&b, &id, begun);
    let asked = Instant::now();
    client.cancel(&b, &id);
    let build = client.wait(&a, &id, ended);
    assert_eq!(build["status"], "cancelled", "{build}");
    assert!(asked.elapsed() < STOPPED, "a heartbeat was waited for: {:?}", asked.elapsed());

    for worker in &mut crew {
        worker.drain();
    }
    assert!(workers(&client, &a).is_empty());
    for name in names {
        assert!(fleet.is_clean(name), "{name} leaves builds behind");
    }
}
