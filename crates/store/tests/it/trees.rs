//! Trees, scratch directories and what is left of them.

use std::{
    cell::RefCell,
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use lbuild_store::{Cancel, Digest, Store, StoreError, TreeMeta, remove_plain_tree};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

fn meta(name: &str) -> TreeMeta {
    TreeMeta { name: name.to_owned(), bytes: 1000, entries: 2, data: serde_json::json!({"k": 1}) }
}

/// Makes a tree with one file.
pub fn make_tree(store: &Store, key: Digest) {
    let draft = store.trees().begin(key).unwrap();
    fs::create_dir(draft.root()).unwrap();
    fs::write(draft.root().join("file"), "content").unwrap();
    store.trees().commit(draft, &meta("test")).unwrap();
}

#[test]
fn a_tree_is_there_after_its_commit_and_not_before() {
    let (_dir, store) = store();
    let key = Digest::of(b"tree");
    let draft = store.trees().begin(key).unwrap();
    fs::create_dir(draft.root()).unwrap();
    fs::write(draft.root().join("file"), "content").unwrap();
    assert!(store.trees().get(key).is_none());
    let tree = store.trees().commit(draft, &meta("base")).unwrap();
    assert_eq!(fs::read_to_string(tree.root().join("file")).unwrap(), "content");
    assert_eq!(store.trees().get(key), Some(tree.clone()));
    assert_eq!(store.trees().list().unwrap(), [tree]);
    assert_eq!(store.usage().unwrap().trees.bytes, 1000);
}

#[test]
fn a_sweep_never_takes_what_is_being_made() {
    let (_dir, store) = store();
    let made = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !made.load(Ordering::Relaxed) {
                store.sweep(&remove_plain_tree, &|| false).unwrap();
            }
        });
        let kept: Vec<_> = (0..2000).map(|_| store.scratch()).collect();
        made.store(true, Ordering::Relaxed);
        for scratch in kept {
            let scratch = scratch.unwrap();
            assert_eq!(scratch.path().metadata().unwrap().permissions().mode() & 0o777, 0o711);
        }
    });
}

#[test]
fn the_first_of_two_equal_trees_stays() {
    let (_dir, store) = store();
    let key = Digest::of(b"tree");
    let (first, second) = (store.trees().begin(key).unwrap(), store.trees().begin(key).unwrap());
    for (draft, content) in [(&first, "first"), (&second, "second")] {
        fs::create_dir(draft.root()).unwrap();
        fs::write(draft.root().join("file"), content).unwrap();
    }
    store.trees().commit(first, &meta("first")).unwrap();
    let tree = store.trees().commit(second, &meta("second")).unwrap();
    assert_eq!(fs::read_to_string(tree.root().join("file")).unwrap(), "first");
    assert_eq!(tree.meta.name, "first");
    assert_eq!(store.sweep(&remove_plain_tree, &|| false).unwrap(), 1, "the second draft");
}

#[test]
fn sweeping_takes_given_up_drafts_and_leaves_live_ones() {
    let (_dir, store) = store();
    let live = store.trees().begin(Digest::of(b"live")).unwrap();
    let dead = store.trees().begin(Digest::of(b"dead")).unwrap();
    fs::create_dir_all(dead.root().join("deep/er")).unwrap();
    let dead_path = dead.path().to_path_buf();
    drop(dead);
    let seen: RefCell<Vec<PathBuf>> = RefCell::default();
    let count = store
        .sweep(
            &|path| {
                seen.borrow_mut().push(path.to_path_buf());
                remove_plain_tree(&path.join("root"))
            },
            &|| false,
        )
        .unwrap();
    let seen = seen.into_inner();
    assert_eq!((count, seen.len()), (1, 1));
    assert!(!dead_path.exists() && !seen[0].exists(), "the store removes what the callback leaves");
    assert!(live.path().exists());
}

#[test]
fn what_is_given_up_is_counted_until_it_is_swept() {
    let (_dir, store) = store();
    let scratch = store.scratch().unwrap();
    fs::write(scratch.path().join("file"), [7; 10_000]).unwrap();
    assert_eq!(store.usage().unwrap().trash.count, 0, "it is in use");
    let path = scratch.path().to_path_buf();
    drop(scratch);
    assert!(!path.exists());
    let trash = store.usage().unwrap().trash;
    assert_eq!(trash.count, 1);
    assert!(trash.bytes >= 10_000, "{trash:?}");
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(store.sweep(&remove_plain_tree, &|| cancel.is_cancelled()), Err(StoreError::Cancelled)));
    assert_eq!(store.usage().unwrap().trash, trash, "a sweep that is stopped leaves the rest");
    assert_eq!(store.sweep(&remove_plain_tree, &|| false).unwrap(), 1);
    assert_eq!(store.usage().unwrap().trash.count, 0);
}

#[test]
fn others_may_pass_through_but_not_list() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = store();
    make_tree(&store, Digest::of(b"tree"));
    let scratch = store.scratch().unwrap();
    for path in
        [dir.path().join("trees"), store.trees().path(Digest::of(b"tree")), scratch.path().to_path_buf()]
    {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o711, "{}", path.display());
    }
}
