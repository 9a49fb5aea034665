//! Downloads that may not go inside (T27): no connection is made, and the error says no more than the caller knew.

use lbuild_fetch::{Cancel, FetchError, FetchOptions, Fetcher, Reach, TransferError};

use crate::{
    server::{Reply, Server},
    setup::{Setup, content, options},
};

fn guarded(except: Vec<String>) -> Setup {
    Setup::with(FetchOptions { reach: Reach::Public { except }, ..options() })
}

fn forbidden(fetcher: &Fetcher, url: String) {
    match fetcher.get_small(&[url], 10_000, &Cancel::new()) {
        Err(FetchError::Transfer { source, .. }) => {
            assert!(matches!(*source, TransferError::Forbidden { .. }), "{source:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn t27_a_url_inside_is_refused_without_a_connection() {
    let server = Server::start([("/f", Reply::File(content(500)))]);
    let setup = guarded(Vec::new());
    forbidden(&setup.fetcher, server.url("/f"));
    forbidden(&setup.fetcher, "file:///etc/passwd".to_owned());
    assert_eq!(server.connections(), 0);
}

#[test]
fn t27_a_redirect_inside_is_refused_without_a_connection() {
    let inside = Server::start([("/f", Reply::File(content(500)))]);
    let mirror =
        Server::start([("/f", Reply::Redirect(inside.url("/f"))), ("/g", Reply::File(content(500)))]);
    let setup = guarded(vec![mirror.url("")]);
    let got = setup.fetcher.get_small(&[mirror.url("/g")], 10_000, &Cancel::new()).unwrap();
    assert_eq!(got.bytes, content(500));
    forbidden(&setup.fetcher, mirror.url("/f"));
    assert_eq!(inside.connections(), 0);
}
