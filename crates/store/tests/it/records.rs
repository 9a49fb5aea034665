//! Step records, watermarks, responses, indexes and published files.

use std::{fs, io::Write, os::unix::fs::MetadataExt, time::Duration};

use lbuild_store::{
    Cancel, ChangeKind, Digest, Input, Output, OutputRef, Placed, Response, StepRecord, Steps, Store,
    StoreError, Watermark,
};

use crate::{blobs::flip_byte, trees::make_tree};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    (dir, store)
}

fn step(store: &Store, inputs: Vec<Input>) -> (Digest, StepRecord) {
    let key = Steps::key("base", &inputs);
    let blob = store.blobs().put_bytes(b"log").unwrap();
    make_tree(store, key);
    let outputs = vec![
        Output { name: "log".into(), reference: OutputRef::Blob(blob) },
        Output { name: "tree".into(), reference: OutputRef::Tree(key) },
    ];
    let record =
        StepRecord { name: "base".into(), inputs, outputs, seconds: 1.5, data: serde_json::Value::Null };
    (key, record)
}

#[test]
fn a_step_is_a_hit_while_its_outputs_are_there() {
    let (_dir, store) = store();
    let (key, record) = step(&store, vec![Input::text("package vim", "9.1")]);
    assert!(store.steps().get(key).is_none());
    store.steps().put("desk", key, &record).unwrap();
    let found = store.steps().get(key).unwrap();
    assert_eq!(found, record);
    assert_eq!(found.tree("tree"), Some(key));
    assert_eq!(found.blob("log").map(|blob| blob.size), Some(3));
    assert_eq!((found.tree("log"), found.blob("tree"), found.blob("nothing")), (None, None, None));
    fs::remove_file(store.blobs().path(found.blob("log").unwrap().digest)).unwrap();
    assert!(store.steps().get(key).is_none());
}

#[test]
fn a_miss_is_explained_by_what_changed_since_the_last_build_of_the_same_spec() {
    let (_dir, store) = store();
    let (key, record) =
        step(&store, vec![Input::text("package vim", "9.1"), Input::text("package nano", "8")]);
    assert_eq!(store.steps().explain("desk", "base", &record.inputs).unwrap(), None, "never built");
    store.steps().put("desk", key, &record).unwrap();
    assert_eq!(store.steps().explain("desk", "base", &record.inputs).unwrap(), Some(vec![]));
    let now = [Input::text("package vim", "9.2"), Input::text("package less", "668")];
    let changes = store.steps().explain("desk", "base", &now).unwrap().unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.label.as_str(), change.kind, change.before.as_deref(), change.after.as_deref()))
        .collect();
    let expected = [
        ("package less", ChangeKind::Added, None, Some("668")),
        ("package nano", ChangeKind::Removed, Some("8"), None),
        ("package vim", ChangeKind::Changed, Some("9.1"), Some("9.2")),
    ];
    assert_eq!(told, expected);
    assert_eq!(store.steps().explain("other", "base", &now).unwrap(), None, "another spec");
}

#[test]
fn a_hit_becomes_what_the_next_explanation_compares_with() {
    let (_dir, store) = store();
    let (old_key, old) = step(&store, vec![Input::text("a", "1")]);
    let (new_key, new) = step(&store, vec![Input::text("a", "2")]);
    store.steps().put("desk", old_key, &old).unwrap();
    store.steps().put("desk", new_key, &new).unwrap();
    store.steps().remember("desk", old_key, &old).unwrap();
    assert_eq!(store.steps().explain("desk", "base", &old.inputs).unwrap(), Some(vec![]));
}

#[test]
fn damaged_records_count_as_absent() {
    let (dir, store) = store();
    let (key, record) = step(&store, vec![]);
    store.steps().put("desk", key, &record).unwrap();
    fs::write(dir.path().join(format!("store/steps/{key}.json")), b"{\"name\": \"ba").unwrap();
    assert!(store.steps().get(key).is_none());
}

#[test]
fn t22_a_watermark_never_goes_back() {
    let (_dir, store) = store();
    let mark = |date| Watermark { date, digest: Digest::of(b"release") };
    store.watermarks().raise("debian/trixie", mark(100)).unwrap();
    store.watermarks().raise("debian/trixie", mark(100)).unwrap();
    store.watermarks().raise("debian/trixie", mark(200)).unwrap();
    let error = store.watermarks().raise("debian/trixie", mark(150)).unwrap_err();
    assert!(matches!(error, StoreError::Rollback { date: 150, watermark: 200, .. }), "{error}");
    assert_eq!(store.watermarks().get("debian/trixie").unwrap(), Some(mark(200)));
    assert_eq!(store.watermarks().get("debian/sid").unwrap(), None);
    let reopened = Store::open(store.path()).unwrap();
    assert_eq!(reopened.watermarks().get("debian/trixie").unwrap(), Some(mark(200)));
}

#[test]
fn a_response_is_remembered_while_its_body_is_there() {
    let (_dir, store) = store();
    let url = "http://mirror.example/InRelease";
    let blob = store.blobs().put_bytes(b"body").unwrap();
    let response = Response { url: url.into(), blob, etag: Some("\"1\"".into()), last_modified: None };
    store.responses().put(&response).unwrap();
    assert_eq!(store.responses().get(url).unwrap(), Some(response));
    assert_eq!(store.responses().get("http://other.example/").unwrap(), None);
    let minute = Duration::from_mins(1);
    assert!(store.responses().recent(url, minute).unwrap().is_some());
    assert_eq!(store.responses().recent(url, Duration::ZERO).unwrap(), None);
    fs::remove_file(store.blobs().path(blob.digest)).unwrap();
    assert_eq!(store.responses().get(url).unwrap(), None);
}

#[test]
fn an_index_comes_back_as_it_was() {
    let (_dir, store) = store();
    let key = Digest::of(b"index");
    assert_eq!(store.indexes().get(key).unwrap(), None);
    store.indexes().put(key, b"first").unwrap();
    store.indexes().put(key, b"parsed").unwrap();
    assert_eq!(store.indexes().get(key).unwrap().unwrap(), b"parsed");
}

#[test]
fn an_untouched_output_file_is_not_written_again() {
    let (dir, store) = store();
    let blob = store.blobs().put_bytes(b"image").unwrap();
    let path = dir.path().join("image.iso");
    assert_eq!(store.publications().place(blob, &path, &Cancel::new()).unwrap(), Placed::Written);
    assert_eq!(fs::read(&path).unwrap(), b"image");
    let inode = path.metadata().unwrap().ino();
    assert_eq!(store.publications().place(blob, &path, &Cancel::new()).unwrap(), Placed::Current);
    assert_eq!(path.metadata().unwrap().ino(), inode);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file beside store and image");
}

#[test]
fn a_file_is_taken_in_and_copied_in_one_reading() {
    let (dir, store) = store();
    let scratch = store.scratch().unwrap();
    let (from, path) = (scratch.path().join("image"), dir.path().join("image.iso"));
    let content = vec![7; 3 << 20];
    fs::write(&from, &content).unwrap();
    let (blob, copy) = store.publications().adopt(&from, &path, &Cancel::new()).unwrap();
    assert_eq!(blob.digest, Digest::of(&content));
    assert!(!from.exists() && !path.exists(), "taken in, and not yet published");
    let copy = copy.expect("a copy");
    assert!(copy.is_of(blob, &path) && !copy.is_of(blob, &from));
    assert_eq!(copy.name().unwrap(), Placed::Written);
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(path.metadata().unwrap().blocks(), (3 << 20) / 512, "no room beyond the end");
    assert_eq!(store.blobs().read(blob.digest).unwrap(), content);
    assert!(store.publications().is_current(&path, blob));
}

#[test]
fn a_file_is_taken_in_where_it_cannot_be_copied() {
    let (dir, store) = store();
    let scratch = store.scratch().unwrap();
    let from = scratch.path().join("image");
    fs::write(&from, b"image").unwrap();
    let nowhere = dir.path().join("missing/image.iso");
    let (blob, copy) = store.publications().adopt(&from, &nowhere, &Cancel::new()).unwrap();
    assert!(copy.is_none());
    assert_eq!(store.blobs().read(blob.digest).unwrap(), b"image");
}

#[test]
fn any_change_of_an_output_file_is_repaired() {
    let (dir, store) = store();
    let blob = store.blobs().put_bytes(b"image").unwrap();
    let path = dir.path().join("image.iso");
    let changes: [fn(&std::path::Path); 5] = [
        |path| fs::write(path, b"imagE").unwrap(),
        |path| fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"+").unwrap(),
        |path| fs::remove_file(path).unwrap(),
        |path| {
            let other = path.with_extension("other");
            fs::write(&other, b"Image").unwrap();
            fs::rename(other, path).unwrap();
        },
        |path| {
            let target = path.with_extension("target");
            fs::rename(path, &target).unwrap();
            std::os::unix::fs::symlink(&target, path).unwrap();
        },
    ];
    for change in changes {
        store.publications().place(blob, &path, &Cancel::new()).unwrap();
        // The kernel's clock for file times ticks every few milliseconds.
        std::thread::sleep(Duration::from_millis(20));
        change(&path);
        assert_eq!(store.publications().place(blob, &path, &Cancel::new()).unwrap(), Placed::Written);
        assert_eq!(fs::read(&path).unwrap(), b"image");
        assert!(path.symlink_metadata().unwrap().is_file());
    }
}

#[test]
fn another_blob_replaces_the_output_file() {
    let (dir, store) = store();
    let path = dir.path().join("image.iso");
    for content in [&b"one"[..], b"two"] {
        let blob = store.blobs().put_bytes(content).unwrap();
        assert_eq!(store.publications().place(blob, &path, &Cancel::new()).unwrap(), Placed::Written);
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_damaged_blob_is_not_published() {
    let (dir, store) = store();
    let blob = store.blobs().put_bytes(b"image").unwrap();
    flip_byte(&store, blob.digest);
    let path = dir.path().join("image.iso");
    let error = store.publications().place(blob, &path, &Cancel::new()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(!path.exists());
    assert!(!store.blobs().contains(blob.digest));
}
