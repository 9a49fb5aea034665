//! T21: what a bad mirror can do, each refused with its own error, in bounded time and bytes.

use std::time::{Duration, Instant};

use lbuild_fetch::TransferError;
use lbuild_store::Digest;

use crate::{
    server::{Reply, Server, dead_url},
    setup::{Setup, content, download},
};

/// Two rounds, each ended by a time limit of at most 600 ms, must not take longer than this.
const BOUND: Duration = Duration::from_secs(6);

fn refused(reply: Reply) -> (TransferError, Duration, usize) {
    let server = Server::start([("/f", reply)]);
    let setup = Setup::new();
    let started = Instant::now();
    let error = setup.refuse(&download(&content(100_000), &[server.url("/f")]));
    (error, started.elapsed(), server.body_bytes())
}

#[test]
fn t21_a_server_that_is_down() {
    let setup = Setup::new();
    let error = setup.refuse(&download(b"x", &[dead_url("/f")]));
    assert!(matches!(error, TransferError::Down { .. }), "{error:?}");
}

#[test]
fn t21_a_host_name_that_does_not_exist() {
    let setup = Setup::new();
    let error = setup.refuse(&download(b"x", &["http://mirror.invalid/f".into()]));
    assert!(matches!(&error, TransferError::Resolve { host } if host == "mirror.invalid"), "{error:?}");
}

#[test]
fn t21_one_byte_a_second() {
    let (error, took, _) = refused(Reply::Trickle(content(100_000), Duration::from_millis(100)));
    assert!(matches!(error, TransferError::Slow { rate, minimum: 1000 } if rate < 100), "{error:?}");
    assert!(took < BOUND, "{took:?}");
}

#[test]
fn t21_silence_in_the_middle() {
    let (error, took, _) = refused(Reply::Stalled(content(100_000)));
    assert!(matches!(error, TransferError::Timeout { what: "further data", .. }), "{error:?}");
    assert!(took < BOUND, "{took:?}");
}

#[test]
fn t21_silence_from_the_beginning() {
    let (error, took, _) = refused(Reply::Silent);
    assert!(matches!(error, TransferError::Timeout { what: "answer", .. }), "{error:?}");
    assert!(took < BOUND, "{took:?}");
}

#[test]
fn t21_a_truncated_file() {
    let (error, _, sent) = refused(Reply::Truncated(content(100_000), 30_000));
    assert!(matches!(error, TransferError::Truncated { got: 60_000, expected: 100_000 }), "{error:?}");
    assert_eq!(sent, 60_000, "the second round goes on where the first one ended");
}

#[test]
fn t21_a_shorter_file_than_promised() {
    let (error, _, sent) = refused(Reply::File(content(99_999)));
    assert!(matches!(error, TransferError::Truncated { got: 99_999, expected: 100_000 }), "{error:?}");
    assert!(sent <= 2 * 99_999);
}

#[test]
fn t21_a_longer_file_than_promised() {
    let (error, ..) = refused(Reply::File(content(100_001)));
    assert!(matches!(error, TransferError::TooLarge { limit: 100_000 }), "{error:?}");
}

#[test]
fn t21_data_without_end() {
    for reply in [Reply::Endless, Reply::Announced(1 << 50)] {
        let (error, took, sent) = refused(reply);
        assert!(matches!(error, TransferError::TooLarge { limit: 100_000 }), "{error:?}");
        assert!(took < BOUND, "{took:?}");
        // What lies in the sockets' buffers is sent, too.
        assert!(sent < 20 << 20, "{sent}");
    }
}

#[test]
fn t21_data_without_end_and_without_a_promise() {
    let server = Server::start([("/f", Reply::Endless)]);
    let setup = Setup::new();
    let mut file = download(b"x", &[server.url("/f")]);
    file.size = None;
    let error = setup.refuse(&file);
    assert!(matches!(error, TransferError::TooLarge { limit: 1_048_576 }), "{error:?}");
}

#[test]
fn t21_the_wrong_content() {
    let wrong = content(100_000).iter().map(|byte| !byte).collect::<Vec<_>>();
    let (error, _, sent) = refused(Reply::File(wrong.clone()));
    let (right, wrong) = (Digest::of(&content(100_000)), Digest::of(&wrong));
    assert!(
        matches!(error, TransferError::WrongDigest { expected, got } if expected == right && got == wrong)
    );
    assert_eq!(sent, 100_000, "it is pointless to ask again");
}

#[test]
fn t21_a_refusal() {
    let (error, ..) = refused(Reply::Status(404));
    assert!(matches!(error, TransferError::Status { code: 404 }), "{error:?}");
}

#[test]
fn t21_not_http() {
    let (error, ..) = refused(Reply::Garbage);
    assert!(matches!(error, TransferError::Protocol { .. }), "{error:?}");
}

#[test]
fn t21_redirects_without_end_or_out_of_http() {
    let (error, ..) = refused(Reply::Redirect("/f".into()));
    assert!(matches!(error, TransferError::Protocol { .. }), "{error:?}");
    let (error, ..) = refused(Reply::Redirect("file:///etc/passwd".into()));
    assert!(matches!(error, TransferError::Unsupported { .. }), "{error:?}");
}

#[test]
fn t21_a_scheme_that_is_not_known() {
    let setup = Setup::new();
    for url in ["ftp://a.example/f", "gopher://a.example/f", "/etc/passwd", "-o", ""] {
        let error = setup.refuse(&download(b"x", &[url.into()]));
        assert!(matches!(error, TransferError::Unsupported { .. }), "{url}: {error:?}");
    }
}
