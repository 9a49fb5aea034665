//! Downloads that go on where they ended.

use lbuild_fetch::{Cancel, FetchOptions};
use lbuild_store::{Claim, Digest};

use crate::{
    server::{Reply, Server},
    setup::{Setup, content, download, options},
};

/// Leaves the beginning of a file in the store, as a killed process does.
fn leave(setup: &Setup, digest: Digest, beginning: &[u8], note: Option<&str>) {
    let Claim::Ours(mut partial) =
        setup.store.blobs().claim(digest, std::time::Duration::MAX, &Cancel::new()).unwrap()
    else {
        panic!()
    };
    partial.append(beginning).unwrap();
    if let Some(note) = note {
        partial.note(note).unwrap();
    }
}

#[test]
fn only_the_rest_is_asked_for() {
    let bytes = content(200_000);
    let server = Server::start([("/f", Reply::TruncatedAtFirst(bytes.clone(), 120_000, 1))]);
    let setup = Setup::new();
    let blob = setup.fetch(&download(&bytes, &[server.url("/f")])).unwrap();
    assert_eq!(setup.store.blobs().read(blob.digest).unwrap(), bytes);
    assert_eq!(server.body_bytes(), 200_000);
    let requests = server.requests();
    assert_eq!(requests[1].header("range"), Some("bytes=120000-"));
    assert!(requests[1].header("if-range").is_some(), "the same server gave a validator");
}

#[test]
fn a_file_that_changed_on_the_server_is_sent_whole() {
    let (old, new) = (content(50_000), content(60_000));
    let server = Server::start([("/f", Reply::Truncated(old.clone(), 20_000))]);
    let setup = Setup::with(FetchOptions { retries: 0, ..options() });
    let mut file = download(&new, &[server.url("/f")]);
    file.size = None;
    // Without a known size the end of the connection is the end of the file: the digest is wrong, and all is forgotten.
    setup.refuse(&file);
    leave(&setup, file.digest, &old[..20_000], Some(&format!("{}\n\"outdated\"", server.url("/f"))));
    server.set("/f", Reply::File(new.clone()));
    let blob = setup.fetch(&file).unwrap();
    assert_eq!(setup.store.blobs().read(blob.digest).unwrap(), new);
    assert_eq!(server.requests().last().unwrap().header("if-range"), Some("\"outdated\""));
}

#[test]
fn a_server_without_ranges_sends_everything() {
    let bytes = content(100_000);
    let server = Server::start([("/f", Reply::WithoutRanges(bytes.clone()))]);
    let setup = Setup::new();
    leave(&setup, Digest::of(&bytes), &bytes[..40_000], None);
    let blob = setup.fetch(&download(&bytes, &[server.url("/f")])).unwrap();
    assert_eq!(setup.store.blobs().read(blob.digest).unwrap(), bytes);
    assert_eq!(server.body_bytes(), 100_000);
}

#[test]
fn a_damaged_beginning_is_not_blamed_on_the_server() {
    let bytes = content(100_000);
    let server = Server::start([("/f", Reply::File(bytes.clone()))]);
    let setup = Setup::with(FetchOptions { retries: 0, ..options() });
    leave(&setup, Digest::of(&bytes), &vec![0; 40_000], None);
    let blob = setup.fetch(&download(&bytes, &[server.url("/f")])).unwrap();
    assert_eq!(setup.store.blobs().read(blob.digest).unwrap(), bytes);
    assert_eq!(server.body_bytes(), 160_000);
}

#[test]
fn a_complete_beginning_needs_no_server() {
    let bytes = content(1000);
    let setup = Setup::new();
    leave(&setup, Digest::of(&bytes), &bytes, None);
    setup.fetch(&download(&bytes, &[crate::server::dead_url("/f")])).unwrap();
}

#[test]
fn a_beginning_that_is_too_long_is_dropped() {
    let bytes = content(1000);
    let server = Server::start([("/f", Reply::File(bytes.clone()))]);
    for size in [Some(1000), None] {
        let setup = Setup::new();
        leave(&setup, Digest::of(&bytes), &[0; 2000], None);
        let mut file = download(&bytes, &[server.url("/f")]);
        file.size = size;
        setup.fetch(&file).unwrap();
    }
}

#[test]
fn one_mirror_goes_on_where_another_one_ended() {
    let bytes = content(100_000);
    let first = Server::start([("/f", Reply::Truncated(bytes.clone(), 60_000))]);
    let second = Server::start([("/f", Reply::File(bytes.clone()))]);
    let setup = Setup::new();
    setup.fetch(&download(&bytes, &[first.url("/f"), second.url("/f")])).unwrap();
    assert_eq!(second.body_bytes(), 40_000);
    let request = second.requests().remove(0);
    assert_eq!((request.header("range"), request.header("if-range")), (Some("bytes=60000-"), None));
}

#[test]
fn a_connection_that_breaks_often_gets_there_in_the_end() {
    let bytes = content(8 << 20);
    let server = Server::start([("/f", Reply::Truncated(bytes.clone(), 1_200_000))]);
    let setup = Setup::with(FetchOptions { max_size: 1 << 30, ..options() });
    setup.fetch(&download(&bytes, &[server.url("/f")])).unwrap();
    assert_eq!(server.body_bytes(), bytes.len());
    assert_eq!(server.requests().len(), 7, "more than the two rounds that a failure is given");
}
