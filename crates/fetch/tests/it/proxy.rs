//! Through a proxy.

use lbuild_fetch::{Cancel, FetchError, FetchOptions, Fetcher, ProxySetting, TransferError};
use lbuild_testkit::child;

use crate::{
    server::{Reply, Server, dead_url},
    setup::{Setup, content, download, options},
};

fn setup(proxy: &str) -> Setup {
    Setup::with(FetchOptions { proxy: ProxySetting::Url(proxy.to_owned()), ..options() })
}

#[test]
fn a_plain_request_carries_the_whole_url() {
    let bytes = content(200_000);
    let proxy = Server::start([("/debian/f", Reply::TruncatedAtFirst(bytes.clone(), 50_000, 1))]);
    let address = proxy.url("");
    let setup = setup(&address.replace("http://", "http://user:p%40ss@"));
    // The name need not exist for us: the proxy looks it up.
    let file = download(&bytes, &["http://mirror.invalid:8080/debian/f".into()]);
    setup.fetch(&file).unwrap();
    for request in proxy.requests() {
        assert_eq!(request.target, "http://mirror.invalid:8080/debian/f");
        assert_eq!(request.header("host"), Some("mirror.invalid:8080"));
        assert_eq!(request.header("proxy-authorization"), Some("Basic dXNlcjpwQHNz"));
    }
    assert_eq!(proxy.requests().len(), 2);
}

#[test]
fn connections_to_a_proxy_are_reused() {
    let proxy = Server::start([("/1", Reply::File(content(10))), ("/2", Reply::File(content(20)))]);
    let setup = setup(&proxy.url(""));
    for (path, size) in [("/1", 10), ("/2", 20)] {
        setup.fetch(&download(&content(size), &[format!("http://mirror.invalid{path}")])).unwrap();
    }
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn tls_is_never_sent_in_the_clear() {
    let proxy = Server::start([]);
    let setup = setup(&proxy.url(""));
    setup.refuse(&download(b"x", &["https://mirror.invalid/f".into()]));
    let targets: Vec<_> = proxy.requests().into_iter().map(|request| request.target).collect();
    assert!(!targets.is_empty());
    assert!(targets.iter().all(|target| target == "mirror.invalid:443"), "only tunnels: {targets:?}");
}

#[test]
fn a_proxy_that_is_down_is_an_error() {
    let error = setup(&dead_url("")).refuse(&download(b"x", &["http://mirror.invalid/f".into()]));
    assert!(matches!(error, TransferError::Down { .. }), "{error:?}");
}

#[test]
fn a_setting_that_is_no_url_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = lbuild_store::Store::open(dir.path()).unwrap();
    let options = FetchOptions { proxy: ProxySetting::Url("http://".into()), ..options() };
    assert!(matches!(Fetcher::new(store, options), Err(FetchError::InvalidProxy { .. })));
}

#[test]
fn the_environment_is_honoured() {
    let Some(path) = child::given_directory() else {
        let proxy = Server::start([("/f", Reply::File(content(10)))]);
        let direct = Server::start([("/f", Reply::File(content(20)))]);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("direct"), direct.url("/f")).unwrap();
        let status = child::command(&[], "proxy::the_environment_is_honoured", dir.path())
            .env("http_proxy", proxy.url(""))
            .env("no_proxy", "127.0.0.1, localhost")
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!((proxy.requests().len(), direct.requests().len()), (1, 1));
        return;
    };
    let direct = std::fs::read_to_string(path.join("direct")).unwrap();
    let setup = Setup::with(FetchOptions { proxy: ProxySetting::Environment, ..options() });
    let urls = [vec!["http://mirror.invalid/f".to_owned()], vec![direct]];
    let sizes = urls.map(|urls| setup.fetcher.get_small(&urls, 1000, &Cancel::new()).unwrap().bytes.len());
    assert_eq!(sizes, [10, 20]);
}
