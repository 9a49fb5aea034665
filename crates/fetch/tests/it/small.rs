//! Small files without a known digest.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use lbuild_fetch::{Cancel, FetchError, FetchOptions, Fetcher, Small, TransferError};

use crate::{
    server::{Reply, Server, dead_url},
    setup::{Setup, content, options},
};

fn get(setup: &Setup, urls: &[String]) -> Result<Small, FetchError> {
    setup.fetcher.get_small(urls, 10_000, &Cancel::new())
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let server = Server::start([("/InRelease", Reply::File(content(5000)))]);
    let setup = Setup::new();
    let urls = [server.url("/InRelease")];
    let first = get(&setup, &urls).unwrap();
    assert_eq!((first.bytes.len(), first.unchanged), (5000, false));
    let second = get(&setup, &urls).unwrap();
    assert_eq!((&second.bytes, second.unchanged, second.blob), (&first.bytes, true, first.blob));
    assert_eq!(server.body_bytes(), 5000);
    server.set("/InRelease", Reply::File(content(6000)));
    let third = get(&setup, &urls).unwrap();
    assert_eq!((third.bytes, third.unchanged), (content(6000), false));
}

#[test]
fn nobody_waits_for_a_silent_server_after_a_request_to_stop() {
    // It takes every connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let urls = [format!("http://{}/InRelease", silent.local_addr().unwrap())];
    let patient = FetchOptions { idle_timeout: Duration::from_mins(1), ..options() };
    let (setup, cancel) = (Setup::with(patient), Cancel::new());
    let began = Instant::now();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| setup.fetcher.get_small(&urls, 10_000, &cancel));
        std::thread::sleep(Duration::from_millis(100));
        assert!(!asking.is_finished());
        cancel.cancel();
        assert!(matches!(asking.join().unwrap(), Err(FetchError::Cancelled)));
    });
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
}

#[test]
fn a_recent_answer_is_known_without_asking() {
    let server = Server::start([("/InRelease", Reply::File(content(5000)))]);
    let setup = Setup::new();
    let urls = [server.url("/InRelease")];
    let recent = |age| setup.fetcher.recent_small(&urls, age).unwrap();
    assert!(recent(Duration::from_mins(1)).is_none());
    get(&setup, &urls).unwrap();
    assert_eq!(recent(Duration::from_mins(1)).unwrap().bytes, content(5000));
    assert!(recent(Duration::ZERO).is_none());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn offline_gives_the_last_copy_or_names_what_is_missing() {
    let server = Server::start([("/InRelease", Reply::File(content(5000)))]);
    let setup = Setup::new();
    let urls = [server.url("/InRelease")];
    get(&setup, &urls).unwrap();
    let offline = Fetcher::new(setup.store.clone(), FetchOptions { offline: true, ..options() }).unwrap();
    let small = offline.get_small(&urls, 10_000, &Cancel::new()).unwrap();
    assert_eq!((small.bytes, small.unchanged), (content(5000), true));
    assert_eq!(server.requests().len(), 1);
    let error = offline.get_small(&[server.url("/other")], 10_000, &Cancel::new()).unwrap_err();
    assert!(matches!(error, FetchError::Offline { missing } if missing == [server.url("/other")]));
}

#[test]
fn a_lost_copy_is_asked_for_again() {
    let server = Server::start([("/f", Reply::File(content(5000)))]);
    let setup = Setup::new();
    let small = get(&setup, &[server.url("/f")]).unwrap();
    std::fs::remove_file(setup.store.blobs().path(small.blob.digest)).unwrap();
    assert_eq!(get(&setup, &[server.url("/f")]).unwrap().bytes, content(5000));
    assert_eq!(server.body_bytes(), 10_000);
}

#[test]
fn bad_answers_are_told_apart() {
    let server = Server::start([
        ("/large", Reply::File(content(10_001))),
        ("/endless", Reply::Endless),
        ("/short", Reply::Truncated(content(5000), 100)),
        ("/stalled", Reply::Stalled(content(5000))),
        ("/silly", Reply::Status(304)),
    ]);
    let cause = |path: &str| match get(&Setup::new(), &[server.url(path)]).unwrap_err() {
        FetchError::Transfer { source, .. } => *source,
        other => panic!("{other:?}"),
    };
    assert!(matches!(cause("/large"), TransferError::TooLarge { limit: 10_000 }));
    assert!(matches!(cause("/endless"), TransferError::TooLarge { limit: 10_000 }));
    assert!(matches!(cause("/short"), TransferError::Truncated { got: 100, expected: 5000 }));
    assert!(matches!(cause("/stalled"), TransferError::Timeout { what: "further data", .. }));
    assert!(matches!(cause("/silly"), TransferError::Status { code: 304 }));
    assert!(matches!(cause("/none"), TransferError::Status { code: 404 }));
    assert_eq!(get(&Setup::new(), &[server.url("/none")]).unwrap_err().status(), Some(404));
}

#[test]
fn the_next_mirror_is_asked() {
    let server = Server::start([("/f", Reply::File(content(10)))]);
    let missing = Server::start([]);
    let small = get(&Setup::new(), &[dead_url("/f"), missing.url("/f"), server.url("/f")]).unwrap();
    assert_eq!((small.bytes, small.url), (content(10), server.url("/f")));
}

#[test]
fn without_a_url_the_error_says_so() {
    assert!(matches!(get(&Setup::new(), &[]), Err(FetchError::NoMirror { .. })));
}
