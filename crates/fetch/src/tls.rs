//! Which certificate authorities are trusted.
//!
//! Those of the machine, so that mirrors with certificates of an own authority work; where the machine has none, the
//! list that comes with the TLS library.

use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Where distributions keep the authorities in one file.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The TLS setting with the authorities in `file`, or by default in `SSL_CERT_FILE`, or those of the machine.
pub(crate) fn config(file: Option<&Path>) -> TlsConfig {
    let named = file.map(Path::to_path_buf).or_else(|| std::env::var_os("SSL_CERT_FILE").map(PathBuf::from));
    let candidates = match named {
        // A file that was named and cannot be used must not be replaced by others silently: then nothing is trusted.
        Some(path) => return with(&read(&path)),
        None => BUNDLES.iter().map(Path::new),
    };
    let found = candidates.map(read).find(|certificates| !certificates.is_empty());
    found.map_or_else(|| TlsConfig::builder().root_certs(RootCerts::WebPki).build(), |found| with(&found))
}

fn with(certificates: &[Certificate<'static>]) -> TlsConfig {
    TlsConfig::builder().root_certs(RootCerts::new_with_certs(certificates)).build()
}

/// The certificates in `path`; none if it cannot be read.
fn read(path: &Path) -> Vec<Certificate<'static>> {
    let pem = std::fs::read(path).unwrap_or_default();
    let items = parse_pem(&pem).filter_map(Result::ok);
    items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect()
}
