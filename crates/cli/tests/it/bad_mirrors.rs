//! Mirrors that are down, slow or lie. No build may use what such a mirror sends, and every failure says what it was.

use std::net::TcpListener;
use std::process::Command;

use lbuild_store::{Store, Watermark};

use crate::mirror::{Fault, Mirror, upstream};
use crate::program::{Ended, MINIMAL, Place};

/// Resolves the minimal spec against a mirror with this fault. It must fail as a failure of the network.
fn resolve(pattern: &str, fault: Fault) -> Ended {
    let mirror = Mirror::start();
    mirror.fault(pattern, fault);
    let place = Place::with_spec(MINIMAL);
    let ended = Ended::of(place.command(&["resolve", "spec.toml"]).envs(mirror.environment()));
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert_eq!(ended.stdout, "");
    ended
}

fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(ended.stderr.contains(part), "{part} is not in: {}", ended.stderr);
    }
}

#[test]
fn a_mirror_that_is_down_is_named() {
    // a port that nobody listens on
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let place = Place::with_spec(MINIMAL);
    let mut command = place.command(&["resolve", "spec.toml"]);
    command.env("LBUILD_MIRROR_DEBIAN", format!("http://{address}/debian"));
    command.env("LBUILD_MIRROR_DEBIAN_SECURITY", format!("http://{address}/debian-security"));
    let ended = Ended::of(&mut command);
    assert_eq!(ended.code, Some(6), "{ended:?}");
    says(&ended, &["127.0.0.1", "is down or refuses connections", "hint: "]);
}

#[test]
fn a_mirror_that_hangs_up_is_named() {
    says(&resolve("InRelease", Fault::Closes), &["error: cannot get the index", "127.0.0.1"]);
}

#[test]
fn a_truncated_index_is_not_used() {
    says(&resolve("by-hash", Fault::Truncates), &["error: cannot get the index", "the file ends after"]);
}

#[test]
fn an_index_with_a_wrong_digest_is_not_used() {
    says(
        &resolve("by-hash", Fault::ChangesAByte),
        &["error: cannot get the index", "wrong content: expected sha256"],
    );
}

#[test]
fn an_unsigned_index_is_not_used() {
    let release = upstream("/debian/dists/trixie/Release").expect("the real release file");
    let ended = resolve("/debian/dists/trixie/InRelease", Fault::Sends(release));
    says(&ended, &["error: the release file of `trixie` is refused", "not a signed message"]);
}

#[test]
fn a_changed_index_is_not_used() {
    let mut release = upstream("/debian/dists/trixie/InRelease").expect("the real release file");
    let at = release.windows(7).position(|window| window == b"SHA256:").expect("a list of digests") + 10;
    release[at] = if release[at] == b'0' { b'1' } else { b'0' };
    let ended = resolve("/debian/dists/trixie/InRelease", Fault::Sends(release));
    says(&ended, &["error: the release file of `trixie` is refused"]);
}

#[test]
fn an_expired_index_is_not_used() {
    let mirror = Mirror::start();
    let place = Place::with_spec(MINIMAL);
    let run = place.command(&["resolve", "spec.toml"]);
    // what is valid today is not in two months
    let mut later = Command::new("faketime");
    later
        .args(["--exclude-monotonic", "-f", "+60d"])
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(place.directory());
    later.env("LBUILD_STORE", place.path("store"));
    let ended = Ended::of(later.envs(mirror.environment()));
    assert_eq!(ended.code, Some(6), "{ended:?}");
    says(&ended, &["error: the release file of `trixie-", "is refused", "expired"]);
}

#[test]
fn an_older_index_than_the_last_one_is_not_used() {
    let mirror = Mirror::start();
    let place = Place::with_spec(MINIMAL);
    let resolve = || Ended::of(place.command(&["resolve", "spec.toml"]).envs(mirror.environment()));
    let ended = resolve();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // as if a newer one had been seen since
    let store = Store::open(place.path("store")).expect("the store");
    let seen = store.watermarks().get("debian/trixie").expect("readable").expect("a date that was seen");
    store.watermarks().raise("debian/trixie", Watermark { date: seen.date + 1, ..seen }).expect("raised");
    let ended = resolve();
    assert_eq!(ended.code, Some(6), "{ended:?}");
    says(&ended, &["error: the release file of `trixie` is refused", "older"]);
}

#[test]
fn a_mirror_that_is_too_slow_is_given_up() {
    says(&resolve("by-hash", Fault::Drips), &["error: cannot get the index", "too slow"]);
}
