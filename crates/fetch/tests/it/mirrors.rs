//! Several mirrors, many files, and what the caller is told.

use std::{
    cell::RefCell,
    fs,
    time::{Duration, Instant},
};

use lbuild_fetch::{Cancel, Download, FetchError, FetchOptions, Progress};
use lbuild_store::{BlobRef, Digest};

use crate::{
    server::{Reply, Server, dead_url},
    setup::{Setup, content, download, options},
};

#[derive(Default)]
struct Told {
    sizes: RefCell<Vec<(usize, u64)>>,
    failed: RefCell<Vec<String>>,
    ready: RefCell<Vec<(usize, bool)>>,
}

impl Progress for Told {
    fn size(&self, item: usize, bytes: u64) {
        self.sizes.borrow_mut().push((item, bytes));
    }
    fn failed(&self, _: usize, url: &str, reason: &str) {
        self.failed.borrow_mut().push(format!("{url} {reason}"));
    }
    fn ready(&self, item: usize, _: BlobRef, fetched: bool) {
        self.ready.borrow_mut().push((item, fetched));
    }
}

#[test]
fn many_files_come_over_few_connections() {
    const PATHS: [&str; 40] = {
        let mut paths = [""; 40];
        let names = "/00/01/02/03/04/05/06/07/08/09/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32/33/34/35/36/37/38/39";
        let mut index = 0;
        while index < 40 {
            paths[index] = names.split_at(index * 3).1.split_at(3).0;
            index += 1;
        }
        paths
    };
    let contents: Vec<_> = (0..40_usize).map(|number| content(1000 + number)).collect();
    let server = Server::start(PATHS.into_iter().zip(contents.iter().cloned().map(Reply::File)));
    let setup = Setup::with(FetchOptions { parallel: 4, ..options() });
    let downloads: Vec<_> =
        PATHS.iter().zip(&contents).map(|(path, content)| download(content, &[server.url(path)])).collect();
    let told = Told::default();
    let blobs = setup.fetcher.fetch_all(&downloads, &told, &Cancel::new()).unwrap();
    for (blob, content) in blobs.iter().zip(&contents) {
        assert_eq!(setup.store.blobs().read(blob.digest).unwrap(), *content);
    }
    assert!(server.connections() <= 4, "{} connections", server.connections());
    assert_eq!(told.ready.borrow().iter().filter(|(_, fetched)| *fetched).count(), 40);
    for (item, content) in contents.iter().enumerate() {
        let last = told.sizes.borrow().iter().rev().find(|(of, _)| *of == item).map(|(_, size)| *size);
        assert_eq!(last, Some(content.len() as u64));
    }
    // Again: nothing is asked for.
    let asked = server.requests().len();
    assert_eq!(setup.fetcher.fetch_all(&downloads, &(), &Cancel::new()).unwrap(), blobs);
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn another_mirror_helps_whatever_the_first_one_does() {
    let bytes = content(50_000);
    let wrong: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    let good = Server::start([("/f", Reply::File(bytes.clone()))]);
    for bad in [
        Reply::Status(404),
        Reply::Status(503),
        Reply::File(wrong.clone()),
        Reply::Truncated(bytes.clone(), 10_000),
        Reply::Truncated(wrong, 10_000),
        Reply::Endless,
        Reply::Stalled(bytes.clone()),
        Reply::Silent,
        Reply::Garbage,
        Reply::Redirect("/f".into()),
        Reply::Trickle(bytes.clone(), Duration::from_millis(100)),
    ] {
        let name = format!("{bad:.20?}");
        let first = Server::start([("/f", bad)]);
        let setup = Setup::new();
        let told = Told::default();
        let file = download(&bytes, &[first.url("/f"), good.url("/f")]);
        let blobs = setup
            .fetcher
            .fetch_all(&[file], &told, &Cancel::new())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(setup.store.blobs().read(blobs[0].digest).unwrap(), bytes, "{name}");
        assert_eq!(told.failed.borrow().len(), 1, "{name}: {:?}", told.failed);
    }
    let setup = Setup::new();
    setup.fetch(&download(&bytes, &[dead_url("/f"), good.url("/f")])).unwrap();
}

#[test]
fn a_mirror_that_is_down_is_not_asked_first_again() {
    let (one, two) = (content(100), content(200));
    let good = Server::start([("/1", Reply::File(one.clone())), ("/2", Reply::File(two.clone()))]);
    let silent = Server::start([("/1", Reply::Silent), ("/2", Reply::Silent)]);
    let setup = Setup::new();
    setup.fetch(&download(&one, &[silent.url("/1"), good.url("/1")])).unwrap();
    setup.fetch(&download(&two, &[silent.url("/2"), good.url("/2")])).unwrap();
    assert_eq!(silent.requests().len(), 1);
}

#[test]
fn a_passing_failure_passes() {
    let bytes = content(1000);
    let server = Server::start([("/f", Reply::StatusAtFirst(500, 1, bytes.clone()))]);
    Setup::new().fetch(&download(&bytes, &[server.url("/f")])).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn redirects_are_followed() {
    let bytes = content(1000);
    let target = Server::start([("/real", Reply::File(bytes.clone()))]);
    let server =
        Server::start([("/f", Reply::Redirect("/g".into())), ("/g", Reply::Redirect(target.url("/real")))]);
    Setup::new().fetch(&download(&bytes, &[server.url("/f")])).unwrap();
}

#[test]
fn the_error_tells_what_every_mirror_did() {
    let bytes = content(1000);
    let wrong = Server::start([("/f", Reply::File(content(999).into_iter().chain([0]).collect()))]);
    let missing = Server::start([("/f", Reply::Status(404))]);
    let urls = [missing.url("/f"), wrong.url("/f"), dead_url("/f")];
    let error = Setup::new().fetch(&download(&bytes, &urls)).unwrap_err();
    let FetchError::Transfer { url, source, failures, .. } = &error else { panic!("{error:?}") };
    assert_eq!(url, &urls[1], "the wrong content is the most telling");
    assert!(source.to_string().contains("expected sha256"));
    let told: Vec<_> = failures.iter().map(|(url, _)| url).collect();
    assert_eq!(told, [&urls[0], &urls[2]]);
    assert!(error.to_string().contains("404"), "{error}");
}

#[test]
fn a_file_is_announced_before_slower_ones_are_there() {
    let (quick, slow) = (content(1000), content(15));
    let server = Server::start([
        ("/quick", Reply::File(quick.clone())),
        ("/slow", Reply::Trickle(slow.clone(), Duration::from_millis(30))),
    ]);
    let setup = Setup::with(FetchOptions { min_rate: 1, ..options() });
    let told = Told::default();
    let downloads = [download(&slow, &[server.url("/slow")]), download(&quick, &[server.url("/quick")])];
    setup.fetcher.fetch_all(&downloads, &told, &Cancel::new()).unwrap();
    assert_eq!(*told.ready.borrow(), [(1, true), (0, true)]);
}

#[test]
fn equal_files_are_fetched_once() {
    let bytes = content(1000);
    let server = Server::start([("/f", Reply::File(bytes.clone()))]);
    let setup = Setup::new();
    let file = download(&bytes, &[server.url("/f")]);
    let told = Told::default();
    let blobs = setup.fetcher.fetch_all(&[file.clone(), file.clone(), file], &told, &Cancel::new()).unwrap();
    assert_eq!(blobs.len(), 3);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(told.ready.borrow().len(), 3);
}

#[test]
fn offline_names_what_is_missing_and_uses_what_is_there() {
    let bytes = content(1000);
    let setup = Setup::with(FetchOptions { offline: true, ..options() });
    setup.store.blobs().put_bytes(&bytes).unwrap();
    let there = download(&bytes, &[]);
    assert_eq!(setup.fetch(&there).unwrap().size, 1000);
    let missing = Download { name: "vim 9.1".into(), ..download(b"x", &["http://mirror.invalid/f".into()]) };
    let error = setup.fetcher.fetch_all(&[there, missing], &(), &Cancel::new()).unwrap_err();
    assert_eq!(error.to_string(), "offline, and the store lacks `vim 9.1`");
}

#[test]
fn without_a_mirror_the_error_says_so() {
    let error = Setup::new().fetch(&download(b"x", &[])).unwrap_err();
    assert!(matches!(error, FetchError::NoMirror { name } if name == "file"));
}

#[test]
fn cancelling_does_not_wait_for_the_server() {
    let server = Server::start([("/f", Reply::Silent)]);
    let setup = Setup::with(FetchOptions { idle_timeout: Duration::from_secs(15), ..options() });
    let file = download(b"x", &[server.url("/f")]);
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        let started = Instant::now();
        scope.spawn(|| {
            while server.requests().is_empty() {
                std::thread::sleep(Duration::from_millis(5));
            }
            cancel.cancel();
        });
        let error = setup.fetcher.fetch_all(&[file], &(), &cancel).unwrap_err();
        assert!(matches!(error, FetchError::Cancelled), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    });
}

#[test]
fn local_mirrors_are_copied() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = content(300_000);
    let path = dir.path().join("a file");
    fs::write(&path, &bytes).unwrap();
    for scheme in ["file://", "file:", "copy:"] {
        let url = format!("{scheme}{}", path.display().to_string().replace(' ', "%20"));
        let setup = Setup::new();
        let blob = setup.fetch(&download(&bytes, std::slice::from_ref(&url))).unwrap();
        assert_eq!(setup.store.blobs().read(blob.digest).unwrap(), bytes, "{url}");
        let small = setup.fetcher.get_small(&[url], 1 << 20, &Cancel::new()).unwrap();
        assert_eq!(small.bytes, bytes);
    }
    let error = Setup::new().refuse(&download(b"x", &[format!("file://{}/none", dir.path().display())]));
    assert!(error.to_string().contains("cannot read the local file"), "{error}");
    let error = Setup::new().refuse(&download(b"x", &[format!("file://{}", dir.path().display())]));
    assert!(error.to_string().contains("cannot read the local file"), "{error}");
    assert!(path.exists() && Digest::of(&fs::read(path).unwrap()) == Digest::of(&bytes));
}
