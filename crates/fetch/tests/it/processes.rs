//! Several processes, and processes that are killed.

use std::time::{Duration, Instant};

use lbuild_fetch::{Cancel, FetchOptions, Fetcher};
use lbuild_store::Store;
use lbuild_testkit::child;

use crate::{
    server::{Reply, Server},
    setup::{Setup, content, download, options},
};

const SIZE: usize = 3_000_000;

/// The process that the tests below start; by itself, a fetch from its own server.
#[test]
fn fetching_process() {
    let Some(path) = child::given_directory() else {
        let server = Server::start([("/f", Reply::File(content(SIZE)))]);
        Setup::with(FetchOptions { max_size: 1 << 30, ..options() })
            .fetch(&download(&content(SIZE), &[server.url("/f")]))
            .unwrap();
        return;
    };
    let url = std::fs::read_to_string(path.join("url")).unwrap();
    let store = Store::open(path.join("store")).unwrap();
    let patient = FetchOptions { min_rate: 1, idle_timeout: Duration::from_secs(10), ..options() };
    let fetcher = Fetcher::new(store, patient).unwrap();
    fetcher.fetch_all(&[download(&content(SIZE), &[url])], &(), &Cancel::new()).unwrap();
}

fn until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_download_goes_on_where_it_ended() {
    let bytes = content(SIZE);
    let server = Server::start([("/f", Reply::Stalled(bytes.clone()))]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("url"), server.url("/f")).unwrap();
    let mut process = child::spawn("processes::fetching_process", dir.path());
    let parts = dir.path().join("store/parts");
    let part = parts.join(lbuild_store::Digest::of(&bytes).to_string());
    until(|| part.metadata().is_ok_and(|metadata| metadata.len() >= SIZE as u64 / 2));
    process.kill().unwrap();
    process.wait().unwrap();
    server.set("/f", Reply::File(bytes.clone()));
    let sent = server.body_bytes();
    let store = Store::open(dir.path().join("store")).unwrap();
    let fetcher = Fetcher::new(store.clone(), options()).unwrap();
    let blobs = fetcher.fetch_all(&[download(&bytes, &[server.url("/f")])], &(), &Cancel::new()).unwrap();
    assert_eq!(store.blobs().read(blobs[0].digest).unwrap(), bytes);
    assert_eq!(server.body_bytes() - sent, SIZE - SIZE / 2, "only the second half");
    let left: Vec<_> = std::fs::read_dir(&parts).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn two_processes_share_one_download() {
    let bytes = content(SIZE);
    let server = Server::start([("/f", Reply::File(bytes.clone()))]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("url"), server.url("/f")).unwrap();
    let mut processes = [(); 3].map(|()| child::spawn("processes::fetching_process", dir.path()));
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(server.body_bytes(), SIZE);
}

#[test]
fn the_second_process_takes_over_when_the_first_is_killed() {
    let bytes = content(SIZE);
    let server = Server::start([("/f", Reply::Stalled(bytes.clone()))]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("url"), server.url("/f")).unwrap();
    let mut first = child::spawn("processes::fetching_process", dir.path());
    until(|| server.body_bytes() >= SIZE / 2);
    let mut second = child::spawn("processes::fetching_process", dir.path());
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(server.requests().len(), 1, "the second one waits");
    server.set("/f", Reply::File(bytes));
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(second.wait().unwrap().success());
    assert_eq!(server.requests().len(), 2);
}
