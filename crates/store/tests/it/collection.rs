//! Garbage collection: what goes, and what must stay.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use lbuild_store::{
    Cancel, Collected, Digest, Output, OutputRef, Policy, Response, Root, StepRecord, Steps, Store,
    remove_plain_tree,
};
use proptest::prelude::*;

use crate::trees::make_tree;

const DAY: Duration = Duration::from_hours(24);

/// Everything that is not needed goes.
const ALL: Policy =
    Policy { max_age: None, max_bytes: Some(0), keep_builds: DAY, grace: Duration::ZERO, dry_run: false };

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

/// Makes a file look as if it was last used `age` ago.
fn grow_old(path: &Path, age: Duration) {
    let then = SystemTime::now() - age;
    fs::File::open(path)
        .unwrap()
        .set_times(fs::FileTimes::new().set_accessed(then).set_modified(then))
        .unwrap();
}

/// Stores something in a session that has ended, so that nobody uses it.
fn put_and_leave(dir: &Path, content: &[u8]) -> Digest {
    Store::open(dir).unwrap().blobs().put_bytes(content).unwrap().digest
}

fn collect(store: &Store, policy: &Policy) -> Collected {
    store.collect(policy, &remove_plain_tree, &Cancel::new()).unwrap()
}

#[test]
fn what_a_running_process_uses_stays() {
    let (dir, store) = store();
    let unused = put_and_leave(dir.path(), b"unused");
    let used = put_and_leave(dir.path(), b"used");
    let (tree, lost) = (Digest::of(b"tree"), Digest::of(b"lost"));
    {
        let ended = Store::open(dir.path()).unwrap();
        make_tree(&ended, tree);
        make_tree(&ended, lost);
    }
    let running = Store::open(dir.path()).unwrap();
    assert!(running.blobs().contains(used));
    assert!(running.trees().get(tree).is_some());
    let collected = collect(&store, &ALL);
    assert_eq!((collected.blobs, collected.trees), (1, 1));
    assert!(collected.freed_bytes > 0 && collected.needed_bytes > 0);
    assert!(running.blobs().path(used).exists() && running.trees().path(tree).exists());
    assert!(!running.blobs().path(unused).exists() && !running.trees().path(lost).exists());
    drop(running);
    assert_eq!(collect(&store, &ALL).blobs, 1, "its end releases it");
    assert_eq!(fs::read_dir(dir.path().join("trash")).unwrap().count(), 0);
}

#[test]
fn a_short_look_writes_nothing_and_a_long_one_does_not_hold_up_a_collection() {
    let (dir, store) = store();
    let used = put_and_leave(dir.path(), b"used");
    let sessions = || fs::read_dir(dir.path().join("sessions")).unwrap().count();
    {
        let short = Store::open(dir.path()).unwrap();
        assert!(short.blobs().contains(used));
        assert_eq!(sessions(), 0);
    }
    let long = Store::open(dir.path()).unwrap();
    assert!(long.blobs().contains(used));
    // Waits until the other process has said what it uses.
    assert_eq!(collect(&store, &ALL).blobs, 0);
    assert_eq!(sessions(), 1);
    drop(long);
    assert_eq!((collect(&store, &ALL).blobs, sessions()), (1, 0));
}

#[test]
fn what_a_recent_build_refers_to_stays() {
    let (dir, store) = store();
    let (kept, gone) = (put_and_leave(dir.path(), b"kept"), put_and_leave(dir.path(), b"gone"));
    store.roots().put(&Root { spec: "desk".into(), objects: vec![kept] }).unwrap();
    collect(&store, &ALL);
    assert!(store.blobs().path(kept).exists() && !store.blobs().path(gone).exists());
    let old = Policy { keep_builds: Duration::ZERO, ..ALL };
    assert_eq!(collect(&store, &old).blobs, 1);
    assert!(!store.blobs().path(kept).exists());
}

#[test]
fn age_counts_from_the_last_use() {
    let (dir, store) = store();
    let (old, fresh) = (put_and_leave(dir.path(), b"old"), put_and_leave(dir.path(), b"fresh"));
    for digest in [old, fresh] {
        grow_old(&store.blobs().path(digest), 10 * DAY);
    }
    // A look-up is a use.
    assert!(Store::open(dir.path()).unwrap().blobs().contains(fresh));
    let collected = collect(&store, &Policy { max_age: Some(5 * DAY), max_bytes: None, ..ALL });
    assert_eq!(collected.blobs, 1);
    assert!(store.blobs().path(fresh).exists() && !store.blobs().path(old).exists());
}

#[test]
fn the_least_recently_used_go_first() {
    let (dir, store) = store();
    let digests: Vec<_> = (1..=4_u8)
        .map(|days| {
            let digest = put_and_leave(dir.path(), &[days; 4096]);
            grow_old(&store.blobs().path(digest), u32::from(days) * DAY);
            digest
        })
        .collect();
    let collected = collect(&store, &Policy { max_bytes: Some(2 * 4096), ..ALL });
    assert_eq!((collected.blobs, collected.freed_bytes, collected.kept_bytes), (2, 8192, 8192));
    let there: Vec<_> = digests.iter().map(|digest| store.blobs().path(*digest).exists()).collect();
    assert_eq!(there, [true, true, false, false]);
}

#[test]
fn a_dry_run_only_counts() {
    let (dir, store) = store();
    let digest = put_and_leave(dir.path(), b"content");
    let counted = collect(&store, &Policy { dry_run: true, ..ALL });
    assert_eq!(counted.blobs, 1);
    assert!(store.blobs().path(digest).exists());
    assert_eq!(collect(&store, &ALL), counted);
}

#[test]
fn what_was_just_used_stays_even_unannounced() {
    let (dir, store) = store();
    put_and_leave(dir.path(), b"content");
    assert_eq!(collect(&store, &Policy { grace: Duration::from_mins(1), ..ALL }).blobs, 0);
}

#[test]
fn free_lock_files_go_and_held_ones_stay() {
    let (dir, store) = store();
    let (held, free) = (Digest::of(b"held"), Digest::of(b"free"));
    let guard = store.lock(held, &Cancel::new()).unwrap();
    drop(store.lock(free, &Cancel::new()).unwrap());
    collect(&store, &ALL);
    let there = |key: Digest| dir.path().join("locks").join(key.to_string()).exists();
    assert_eq!((there(held), there(free)), (true, false));
    assert!(store.try_lock(held).unwrap().is_none());
    drop(guard);
    assert!(store.try_lock(held).unwrap().is_some());
}

#[test]
fn records_that_lead_nowhere_go() {
    let (dir, store) = store();
    let blob = Store::open(dir.path()).unwrap().blobs().put_bytes(b"body").unwrap();
    let outside = tempfile::tempdir().unwrap();
    let (kept, lost) = (outside.path().join("kept"), outside.path().join("lost"));
    for path in [&kept, &lost] {
        fs::write(path, b"body").unwrap();
        store.publications().record(path, blob).unwrap();
    }
    store.responses().put(&Response { url: "u".into(), blob, etag: None, last_modified: None }).unwrap();
    let outputs = vec![Output { name: "body".into(), reference: OutputRef::Blob(blob) }];
    let (name, data) = ("base".to_owned(), serde_json::Value::Null);
    let step = StepRecord { name, inputs: vec![], outputs, seconds: 0.0, data };
    store.steps().put("desk", Steps::key("base", &[]), &step).unwrap();
    fs::remove_file(&lost).unwrap();
    assert_eq!(collect(&store, &ALL).blobs, 1);
    let count = |name: &str| fs::read_dir(dir.path().join(name)).unwrap().count();
    assert_eq!((count("published"), count("responses"), count("steps")), (1, 0, 0));
    assert!(store.publications().is_current(&kept, blob));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the ages, uses and roots: nothing needed goes, and nothing too old stays.
    #[test]
    fn the_policy_is_kept(
        objects in prop::collection::vec((1_u32..40, any::<bool>(), any::<bool>(), 0_usize..20_000), 1..20),
        max_age in prop::option::of(0_u32..40),
        max_bytes in prop::option::of(0_u64..200_000),
    ) {
        let (dir, store) = store();
        let user = Store::open(dir.path()).unwrap();
        let mut root = Root { spec: "desk".into(), objects: vec![] };
        let mut needed = BTreeSet::new();
        let mut made = Vec::new();
        for (number, (days, pinned, rooted, size)) in objects.iter().enumerate() {
            let mut content = vec![0; *size];
            content.extend(number.to_le_bytes());
            let digest = put_and_leave(dir.path(), &content);
            if *pinned {
                user.blobs().contains(digest);
            }
            if *rooted {
                root.objects.push(digest);
            }
            if *pinned || *rooted {
                needed.insert(digest);
            }
            grow_old(&store.blobs().path(digest), (*days * 2 - 1) * (DAY / 2));
            made.push((digest, *days));
        }
        store.roots().put(&root).unwrap();
        let policy = Policy { max_age: max_age.map(|days| days * DAY), max_bytes, ..ALL };
        let collected = collect(&store, &policy);
        for (digest, days) in &made {
            let there = store.blobs().path(*digest).exists();
            if needed.contains(digest) {
                prop_assert!(there);
            } else if max_age.is_some_and(|limit| *days > limit) {
                prop_assert!(!there);
            } else if max_bytes.is_none() {
                prop_assert!(there);
            }
        }
        if let Some(limit) = max_bytes {
            prop_assert!(collected.kept_bytes <= limit.max(collected.needed_bytes));
        }
        let left = made.iter().filter(|(digest, _)| store.blobs().path(*digest).exists()).count();
        prop_assert_eq!(left as u64 + collected.blobs, made.len() as u64);
    }
}
