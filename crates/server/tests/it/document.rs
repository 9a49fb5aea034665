//! The OpenAPI document in the repository is the one that the service serves.

use std::collections::HashSet;
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

#[test]
fn every_operation_has_a_name_of_its_own() {
    let mut names = HashSet::new();
    for (path, item) in openapi().paths.paths {
        for operation in [item.get, item.put, item.post, item.delete, item.patch].into_iter().flatten() {
            let name = operation.operation_id.expect("a name");
            assert!(names.insert(name.clone()), "{path}: `{name}` is the name of another");
        }
    }
    assert!(names.contains("get_admin_queue") && names.contains("get_builds_by_id_log"), "{names:?}");
}
