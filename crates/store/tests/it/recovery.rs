//! After a power cut: a marker of another boot stands for a machine that went down with unwritten data.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, SystemTime},
};

use lbuild_store::{
    Cancel, Digest, Input, Output, OutputRef, StepRecord, Steps, Store, StoreError, Watermark,
    remove_plain_tree,
};

use crate::trees::make_tree;

/// Puts the marker of a boot long gone into the store.
fn cut_power(dir: &Path) {
    fs::write(dir.join("dirty/00000000-0000-0000-0000-000000000000-1-2-3"), "").unwrap();
}

fn age(path: &Path) {
    let then = SystemTime::now() - Duration::from_hours(24);
    fs::File::open(path).unwrap().set_modified(then).unwrap();
}

#[test]
fn young_objects_are_checked_or_dropped_and_old_ones_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let key = Digest::of(b"tree");
    let (sound, torn, old) = {
        let store = Store::open(dir.path()).unwrap();
        let blobs =
            [&b"sound"[..], b"torn", b"old"].map(|content| store.blobs().put_bytes(content).unwrap().digest);
        make_tree(&store, key);
        let outputs = vec![Output { name: "tree".into(), reference: OutputRef::Tree(key) }];
        let step = StepRecord {
            name: "base".into(),
            inputs: vec![Input::text("a", "1")],
            outputs,
            seconds: 0.0,
            data: serde_json::Value::Null,
        };
        store.steps().put("desk", Steps::key("base", &step.inputs), &step).unwrap();
        store.indexes().put(key, b"index").unwrap();
        store.watermarks().raise("suite", Watermark { date: 7, digest: key }).unwrap();
        let [sound, torn, old] = blobs;
        for digest in [torn, old] {
            let path = store.blobs().path(digest);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(&path, "").unwrap();
        }
        age(&store.blobs().path(old));
        (sound, torn, old)
    };
    cut_power(dir.path());
    let cancel = Cancel::new();
    cancel.cancel();
    let stopped = Store::open_unless(dir.path(), &cancel);
    assert!(matches!(stopped, Err(StoreError::Cancelled)), "{stopped:?}");
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.blobs().read(sound).unwrap(), b"sound");
    assert!(!store.blobs().contains(torn), "emptied by the power cut");
    assert!(store.blobs().contains(old), "written back long before: not looked at");
    assert!(store.trees().get(key).is_none());
    assert_eq!(store.steps().list().unwrap(), []);
    assert_eq!(store.indexes().get(key).unwrap(), None);
    assert_eq!(store.watermarks().get("suite").unwrap().map(|mark| mark.date), Some(7));
    assert_eq!(store.sweep(&remove_plain_tree, &|| false).unwrap(), 1, "the tree");
    drop(store);
    assert_eq!(fs::read_dir(dir.path().join("dirty")).unwrap().count(), 1, "only the marker of this boot");
}

#[test]
fn a_marker_is_made_before_the_first_object_and_goes_with_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let markers = || fs::read_dir(dir.path().join("dirty")).unwrap().count();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(markers(), 0);
    store.blobs().put_bytes(b"one").unwrap();
    assert_eq!(markers(), 1);
    store.blobs().put_bytes(b"two").unwrap();
    assert_eq!(markers(), 1, "one per process, not per object");
    store.sync().unwrap();
    assert_eq!(markers(), 0);
    store.blobs().put_bytes(b"three").unwrap();
    assert_eq!(markers(), 1, "unwritten data again");
}

#[test]
fn a_sync_covers_the_dead_but_not_the_living() {
    let dir = tempfile::tempdir().unwrap();
    let markers = || fs::read_dir(dir.path().join("dirty")).unwrap().count();
    Store::open(dir.path()).unwrap().blobs().put_bytes(b"dead").unwrap();
    let living = Store::open(dir.path()).unwrap();
    living.blobs().put_bytes(b"living").unwrap();
    let third = Store::open(dir.path()).unwrap();
    assert_eq!(markers(), 2);
    third.sync().unwrap();
    assert_eq!(markers(), 1);
    assert!(living.blobs().contains(Digest::of(b"dead")));
}
