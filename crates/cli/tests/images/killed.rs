//! Processes of a service that are killed at any point of what they do, or halted for so long that they count as lost:
//! every build has one result.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use lbuild_testkit::postgres;
use rustix::process::Signal;
use serde_json::Value;

use crate::fleet::{Fleet, assert_exact, tiny};
use crate::place::Place;
use crate::served::{Client, Process, until};

/// Where a worker is killed: when it has taken a build, at steps of it, with the image made, before it is stored, in the
/// middle of that, with everything stored, with the build ended, and before it says that it has followed a hint.
const POINTS: [&str; 9] =
    ["claimed", "configure", "rootfs", "built", "upload", "upload-half", "stored", "ended", "before-ack"];

#[test]
fn privileged_t35_a_worker_killed_at_any_point_leaves_one_result() {
    let fleet = Fleet::new();
    let (a, client) = fleet.begun();
    let b = fleet.api("other-api");
    let mut crew = POINTS.map(|point| fleet.worker(point, Some(point)));
    let ids = POINTS.map(|point| client.submit(&a, &tiny(point)));
    for (worker, point) in crew.iter_mut().zip(POINTS) {
        until(&format!("nobody comes to `{point}`"), || worker.has_ended());
    }
    let mut healthy = fleet.worker("healthy", None);
    for id in &ids {
        client.success(&b, id);
        assert_exact(&client, [&a, &b], id);
    }
    // whoever is killed before the end leaves the build to another attempt
    let again = ids.iter().filter(|id| client.events(&a, id).contains("\"attempt\":2")).count();
    assert!(again >= 6, "{again} builds were begun again");
    healthy.drain();
    // those who were killed clean up at their next start
    for point in POINTS {
        fleet.worker(point, None).drain();
        assert!(fleet.is_clean(point), "`{point}` leaves builds behind");
    }
    drop((a, b));
    until(&format!("{:?} are left", fleet.processes()), || fleet.processes().is_empty());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
    assert!(!mounts.contains(&fleet.place.store().display().to_string()), "{mounts}");
}

#[test]
fn privileged_t36_a_worker_that_was_halted_beyond_its_lease_changes_nothing() {
    let fleet = Fleet::new();
    let (a, client) = fleet.begun();
    let names = ["at-work", "at-the-end"];
    let places = [Place::new(), Place::new()];
    let zombies = [(0, "rootfs:stop"), (1, "upload-half:stop")]
        .map(|(n, point)| fleet.worker_with(places[n].store(), names[n], Some(point)));
    let ids = names.map(|name| client.submit(&a, &tiny(name)));
    until("they are not halted", || zombies.iter().all(Process::is_halted));
    let mut other = fleet.worker("other", None);
    let builds = ids.each_ref().map(|id| client.success(&a, id));
    let events = ids.each_ref().map(|id| client.events(&a, id));
    for events in &events {
        assert!(events.contains("\"attempt\":2"), "{events}");
    }
    let stored = fleet.s3.objects();
    other.drain();

    // they go on where they were, find that their leases are gone, and are there for the next builds
    for (zombie, name) in zombies.iter().zip(names) {
        zombie.signal(Signal::CONT);
        until("it does not give up", || {
            fleet.is_clean(name) && fleet.log(name).contains("the lease is lost")
        });
    }
    let next = ["next", "another"].map(|name| client.submit(&a, &tiny(name)));
    for id in &next {
        client.success(&a, id);
    }
    for ((id, build), events) in ids.iter().zip(&builds).zip(&events) {
        assert_eq!(client.success(&a, id)["finishedAt"], build["finishedAt"]);
        assert_eq!(&client.events(&a, id), events);
    }
    let objects = fleet.s3.objects();
    assert!(stored.iter().all(|object| objects.contains(object)), "nothing of the other was removed");
    let audit = String::from_utf8(client.get(&a, "/api/v1/admin/audit")).expect("text");
    assert_eq!(audit.matches("build.fenced").count(), 2, "{audit}");
}

/// Submits under a key; the build's id, when there is an answer.
fn submit(client: &Client, address: &str, number: usize) -> Option<String> {
    let mut answer = ureq::post(format!("{address}/api/v1/builds"))
        .header("authorization", format!("Bearer {}", client.key))
        .header("content-type", "application/toml")
        .header("idempotency-key", number.to_string())
        .send(tiny(&format!("image-{number}")))
        .ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    serde_json::from_str::<Value>(&text).ok()?["id"].as_str().map(str::to_owned)
}

/// Builds of this number.
fn named(client: &Client, api: &Process, number: usize) -> Vec<String> {
    let list: Value = serde_json::from_slice(&client.get(api, "/api/v1/builds")).expect("JSON");
    let builds = list["builds"].as_array().expect("a list");
    let same = builds.iter().filter(|build| build["name"] == format!("image-{number}"));
    same.filter_map(|build| build["id"].as_str().map(str::to_owned)).collect()
}

fn api(place: &Place, name: &str, database: &str, failpoint: Option<&str>) -> Process {
    Process::start(place, "serve", name, |command| {
        command.env("DATABASE_URL", database).envs(failpoint.map(|point| ("LBUILD_FAILPOINT", point)));
        command.args(["--listen", "127.0.0.1:0", "--workers", "0"])
    })
}

#[test]
fn t35_an_api_killed_at_any_point_takes_a_build_in_once_or_not_at_all() {
    let (place, database) = (Place::shared(), postgres::database());
    let other = api(&place, "other-api", &database, None);
    let client = Client { key: other.key().expect("the first start shows a key") };
    for (number, (point, kept)) in [("submit", 0), ("submitted", 1)].into_iter().enumerate() {
        let mut killed = api(&place, point, &database, Some(point));
        assert_eq!(submit(&client, &killed.address(), number), None, "it is killed before it answers");
        until("it is not killed", || killed.has_ended());
        assert_eq!(named(&client, &other, number).len(), kept, "killed at `{point}`");
        let id = submit(&client, &other.address(), number).expect("it is taken in now");
        assert_eq!(named(&client, &other, number), [id]);
    }
}

/// Clients that submit at the same time.
struct Crowd {
    client: Client,
    addresses: Vec<String>,
    /// What was answered with 202.
    taken: Vec<(usize, String)>,
}

impl Crowd {
    /// Submits all these. Shortly before the end, while some are under way, something is killed.
    fn submit(&mut self, numbers: Range<usize>, kill: impl FnOnce()) {
        let (next, end) = (AtomicUsize::new(numbers.start), numbers.end);
        let one = |number: usize| {
            let id = submit(&self.client, &self.addresses[number % self.addresses.len()], number)?;
            Some((number, id))
        };
        let hand = || {
            let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
            numbers.take_while(|&number| number < end).filter_map(one).collect::<Vec<_>>()
        };
        let taken = std::thread::scope(|scope| {
            let hands: Vec<_> = (0..4).map(|_| scope.spawn(hand)).collect();
            until("nothing is submitted", || next.load(Ordering::Relaxed) + 8 >= end);
            kill();
            hands.into_iter().flat_map(|hand| hand.join().expect("it submits")).collect::<Vec<_>>()
        });
        self.taken.extend(taken);
    }

    /// Everything that was answered is there, and the same request makes the same build.
    fn check(&self, served: &Process) {
        for (number, id) in &self.taken {
            assert_eq!(self.client.build(served, id)["id"], id.as_str());
            assert_eq!(submit(&self.client, &served.address(), *number).as_ref(), Some(id));
        }
    }
}

#[test]
fn t37_what_was_answered_with_202_is_there_after_api_and_database_were_killed() {
    let mut server = postgres::Server::start();
    let (database, place) = (server.database(), Place::shared());
    let (mut a, b) = (api(&place, "api", &database, None), api(&place, "other-api", &database, None));
    let client = Client { key: a.key().expect("the first start shows a key") };
    let mut crowd = Crowd { client, addresses: vec![a.address(), b.address()], taken: Vec::new() };
    crowd.submit(0..300, || server.kill());
    server.resume();
    crowd.submit(300..600, || a.kill());
    crowd.addresses.remove(0);
    crowd.submit(600..990, || {});
    assert!(crowd.taken.len() >= 960, "{} were taken in", crowd.taken.len());
    crowd.check(&api(&place, "api", &database, None));
    crowd.check(&b);
}

#[test]
fn t37_what_was_answered_with_202_is_in_the_file_of_sqlite_after_a_kill() {
    let place = Place::shared();
    let database = format!("sqlite:{}", place.path("lbuild.db").display());
    let mut first = api(&place, "api", &database, None);
    let client = Client { key: first.key().expect("the first start shows a key") };
    let mut crowd = Crowd { client, addresses: vec![first.address()], taken: Vec::new() };
    crowd.submit(0..300, || first.kill());
    let second = api(&place, "api", &database, None);
    crowd.addresses = vec![second.address()];
    crowd.submit(300..600, || {});
    assert!(crowd.taken.len() >= 580, "{} were taken in", crowd.taken.len());
    crowd.check(&second);
}
