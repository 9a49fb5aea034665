//! Several processes on one store at once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use lbuild_store::{Cancel, Digest, Store};

#[test]
fn the_second_of_two_builds_waits_and_gets_a_hit() {
    let dir = tempfile::tempdir().unwrap();
    let made = AtomicUsize::new(0);
    let key = Digest::of(b"expensive");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // A store of its own stands for a process: locks are per open file.
                let store = Store::open(dir.path()).unwrap();
                let _guard = store.lock(key, &Cancel::new()).unwrap();
                if store.trees().get(key).is_none() {
                    made.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(50));
                    crate::trees::make_tree(&store, key);
                }
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
}

#[test]
fn writers_of_the_same_content_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let contents: Vec<Vec<u8>> = (0..50_u8).map(|number| vec![number; 10_000]).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = Store::open(dir.path()).unwrap();
                for content in &contents {
                    store.blobs().put(&mut content.as_slice(), Some(Digest::of(content))).unwrap();
                }
            });
        }
    });
    let store = Store::open(dir.path()).unwrap();
    let verified = store.verify(&|_, _| {}, &Cancel::new()).unwrap();
    assert_eq!((verified.blobs, verified.damaged.len()), (50, 0));
}

#[test]
fn collection_beside_a_working_store_takes_nothing_that_was_found() {
    use lbuild_store::{Policy, remove_plain_tree};
    let dir = tempfile::tempdir().unwrap();
    let policy = Policy {
        max_age: None,
        max_bytes: Some(0),
        keep_builds: Duration::ZERO,
        grace: Duration::ZERO,
        dry_run: false,
    };
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let collector = Store::open(dir.path()).unwrap();
            while !cancel.is_cancelled() {
                collector.collect(&policy, &remove_plain_tree, &Cancel::new()).unwrap();
            }
        });
        for round in 0..100_u32 {
            let content = (round % 10).to_le_bytes();
            let store = Store::open(dir.path()).unwrap();
            let digest = Digest::of(&content);
            if !store.blobs().contains(digest) {
                store.blobs().put_bytes(&content).unwrap();
            }
            assert_eq!(store.blobs().read(digest).unwrap(), content);
        }
        cancel.cancel();
    });
}
