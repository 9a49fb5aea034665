//! `cache` on a store of its own.

use std::fs;

use crate::program::Place;

#[test]
fn an_empty_store_is_made_and_listed() {
    let place = Place::new();
    let ended = place.run(&["cache", "ls", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let value = ended.json();
    assert_eq!(value["path"], place.path("store").display().to_string());
    assert_eq!(value["blobs"]["count"], 0);
    let text = place.run(&["cache", "ls"]).stdout;
    assert!(text.contains("together"), "{text}");
}

#[test]
fn a_damaged_file_is_found_set_aside_and_reported() {
    let place = Place::new();
    place.run(&["cache", "ls"]);
    // the name of a blob is its digest, and this is the digest of something else
    let digest = "ab".repeat(32);
    let path = place.path("store/blobs").join(&digest[..2]).join(&digest);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(&path, "other").expect("a blob");
    let ended = place.run(&["cache", "verify", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.json()["damaged"], serde_json::json!([digest]));
    let again = place.run(&["cache", "verify"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "hashed 0 files, 0 B: 0 damaged\n"));
}

#[test]
fn a_store_that_is_a_file_is_refused() {
    let place = Place::new();
    place.write("store", "not a directory");
    let ended = place.run(&["cache", "ls"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains("store"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(place.path("store")).expect("the file"), "not a directory");
}

#[test]
fn a_store_of_an_unknown_version_is_refused() {
    let place = Place::new();
    place.run(&["cache", "ls"]);
    let version = fs::read_dir(place.path("store"))
        .expect("the store")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| fs::read_to_string(path).is_ok_and(|text| text.starts_with("lbuild-store ")))
        .expect("the file with the version");
    fs::write(&version, "lbuild-store 999\n").expect("the version");
    let ended = place.run(&["cache", "ls"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("error: "), "{}", ended.stderr);
}

#[test]
fn sizes_of_the_collection_are_checked() {
    let place = Place::new();
    assert_eq!(place.run(&["cache", "gc", "--max-size", "many"]).code, Some(2));
    assert_eq!(place.run(&["cache", "gc", "--all", "--max-age", "3"]).code, Some(2));
    let ended = place.run(&["cache", "gc", "--dry-run", "--max-size", "1GB"]);
    assert_eq!(ended.stdout, "would free 0 B in 0 objects; 0 B stay, 0 B of them needed\n");
}
