//! `kill -9` at any moment.

use std::{fs, path::Path, time::Duration};

use lbuild_store::{Cancel, Claim, Digest, Output, OutputRef, StepRecord, Store, remove_plain_tree};
use lbuild_testkit::child;

use crate::{blobs, trees::make_tree};

/// Uses everything that writes, `rounds` times.
fn work(path: &Path, rounds: u32) {
    let store = Store::open(path).unwrap();
    for round in 0..rounds {
        let content = vec![u8::try_from(round % 251).unwrap(); 100_000];
        let key = Digest::of(format!("{round} {}", std::process::id()).as_bytes());
        let blob = store.blobs().put(&mut content.as_slice(), None).unwrap();
        let digest = Digest::of(&key.0);
        if let Claim::Ours(mut partial) =
            store.blobs().claim(digest, blobs::PATIENCE, &Cancel::new()).unwrap()
        {
            partial.append(&key.0).unwrap();
            partial.finish().unwrap();
        }
        make_tree(&store, key);
        let outputs = vec![
            Output { name: "blob".into(), reference: OutputRef::Blob(blob) },
            Output { name: "tree".into(), reference: OutputRef::Tree(key) },
        ];
        let (name, data) = (format!("step {}", round % 10), serde_json::Value::Null);
        store
            .steps()
            .put("desk", key, &StepRecord { name, inputs: vec![], outputs, seconds: 0.0, data })
            .unwrap();
        store.publications().place(blob, &path.with_extension("out"), &Cancel::new()).unwrap();
    }
}

/// The process that is killed below; by itself, the same work done to the end.
#[test]
fn working_process() {
    if let Some(path) = child::given_directory() {
        work(&path, u32::MAX);
    }
    let dir = tempfile::tempdir().unwrap();
    work(&dir.path().join("store"), 5);
}

#[test]
fn killed_at_any_moment_nothing_torn_has_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    for round in 0..25_u32 {
        let mut child = child::spawn("crash::working_process", &path);
        std::thread::sleep(Duration::from_millis(20) + Duration::from_micros(u64::from(round) * 1700));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let store = Store::open(&path).unwrap();
    let verified = store.verify(&|_, _| {}, &Cancel::new()).unwrap();
    assert!(verified.blobs > 25, "the processes were killed before they did anything: {verified:?}");
    assert_eq!((verified.damaged.len(), verified.forgotten), (0, 0), "{verified:?}");
    for tree in store.trees().list().unwrap() {
        assert_eq!(fs::read_to_string(tree.root().join("file")).unwrap(), "content");
    }
    for (key, _) in store.steps().list().unwrap() {
        assert!(store.steps().get(key).is_some());
    }
    let published = fs::read(path.with_extension("out")).unwrap();
    assert_eq!(published.len(), 100_000);
    store.sweep(&remove_plain_tree, &|| false).unwrap();
    for leftovers in ["tmp", "drafts", "trash"] {
        let names: Vec<_> = fs::read_dir(path.join(leftovers)).unwrap().collect();
        assert!(names.is_empty(), "{leftovers}: {names:?}");
    }
}
