//! The OpenAPI document in the repository is the one that the service serves.

use std::path::Path;

use lbuild_server::router::openapi;

/// Set to write the document instead of comparing it.
const BLESS: &str = "LBUILD_BLESS";

#[test]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let served = openapi().to_pretty_json().expect("JSON") + "\n";
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &served).expect("the document is written");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/openapi.json");
    assert!(kept == served, "docs/openapi.json is not current: run this test with {BLESS}=1");
}
