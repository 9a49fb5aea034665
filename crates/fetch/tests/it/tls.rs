//! Encrypted connections: whose certificates are believed.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::Arc,
};

use lbuild_fetch::{Cancel, FetchError, FetchOptions, TransferError};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use crate::setup::{Setup, options};

/// Answers one request per connection with "hello", under a certificate of its own for `name`. Returns the port and the
/// certificate.
fn server(name: &str) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        // Four connections are more than any test makes.
        for connection in listener.incoming().take(4).map_while(Result::ok) {
            let connection =
                StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), connection);
            // A client that does not believe the certificate hangs up.
            drop(answer(connection));
        }
    });
    (port, pem)
}

fn answer(mut stream: impl Read + Write) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")?;
    stream.flush()
}

fn get(port: u16, authorities: Option<&Path>) -> Result<Vec<u8>, FetchError> {
    let authorities = authorities.map(Path::to_path_buf);
    let setup = Setup::with(FetchOptions { authorities, retries: 0, ..options() });
    let url = format!("https://localhost:{port}/f");
    setup.fetcher.get_small(&[url], 100, &Cancel::new()).map(|small| small.bytes)
}

#[test]
fn a_trusted_server_is_believed() {
    let (port, certificate) = server("localhost");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("authorities.pem");
    fs::write(&file, certificate).unwrap();
    assert_eq!(get(port, Some(&file)).unwrap(), b"hello");
}

#[test]
fn an_unknown_certificate_is_refused() {
    let (port, _) = server("localhost");
    let dir = tempfile::tempdir().unwrap();
    for authorities in [None, Some(dir.path().join("missing.pem"))] {
        let error = get(port, authorities.as_deref()).unwrap_err();
        assert_untrusted(&error);
    }
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let (port, certificate) = server("mirror.example");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("authorities.pem");
    fs::write(&file, certificate).unwrap();
    assert_untrusted(&get(port, Some(&file)).unwrap_err());
}

fn assert_untrusted(error: &FetchError) {
    let FetchError::Transfer { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(**source, TransferError::Untrusted { .. }), "{source:?}");
}
