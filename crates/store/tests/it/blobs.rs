//! Storing and reading content.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    time::Duration,
};

use lbuild_store::{BlobRef, Cancel, Claim, Digest, Store, StoreError};
use proptest::prelude::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    (dir, store)
}

/// Longer than any test waits.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Overwrites a byte of a stored blob, as a failing disk would.
pub fn flip_byte(store: &Store, digest: Digest) {
    let path = store.blobs().path(digest);
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, bytes).unwrap();
}

#[test]
fn storing_and_placing_end_when_cancelled() {
    let (dir, store) = store();
    let cancel = Cancel::new();
    let blob = store.blobs().put_bytes(b"content").unwrap();
    let scratch = store.scratch().unwrap();
    let path = scratch.path().join("artifact");
    fs::write(&path, b"other").unwrap();
    let copy = store.publications().copy(blob, &dir.path().join("copy"), &cancel).unwrap();
    assert!(!dir.path().join("copy").exists(), "a copy has no name before it is given one");
    cancel.cancel();
    assert!(matches!(store.blobs().adopt(&path, &cancel), Err(StoreError::Cancelled)));
    assert_eq!(fs::read(&path).unwrap(), b"other");
    let placed = store.publications().place(blob, &dir.path().join("placed"), &cancel);
    assert!(matches!(placed, Err(StoreError::Cancelled)), "{placed:?}");
    assert!(!dir.path().join("placed").exists());
    copy.name().unwrap();
    assert_eq!(fs::read(dir.path().join("copy")).unwrap(), b"content");
}

#[test]
fn content_comes_back() {
    let (_dir, store) = store();
    let blob = store.blobs().put_bytes(b"hello").unwrap();
    assert_eq!(blob, BlobRef { digest: Digest::of(b"hello"), size: 5 });
    assert_eq!(store.blobs().read(blob.digest).unwrap(), b"hello");
    let mut text = String::new();
    store.blobs().open_verified(blob.digest).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    assert_eq!(store.blobs().put_bytes(b"hello").unwrap(), blob, "again");
    assert_eq!(store.blobs().list().unwrap(), [blob]);
}

#[test]
fn what_was_not_expected_is_refused_and_leaves_nothing() {
    let (dir, store) = store();
    let expected = Digest::of(b"other");
    let error = store.blobs().put(&mut &b"hello"[..], Some(expected)).unwrap_err();
    let found = Digest::of(b"hello");
    assert!(matches!(error, StoreError::Mismatch { expected: e, found: f } if e == expected && f == found));
    assert!(!store.blobs().contains(found));
    assert_eq!(fs::read_dir(dir.path().join("store/tmp")).unwrap().count(), 0);
}

#[test]
fn a_failing_source_leaves_nothing() {
    struct Failing(u8);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 < 3 { Ok(buffer.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        }
    }
    let (_dir, store) = store();
    let error = store.blobs().put(&mut Failing(0), None).unwrap_err();
    assert!(matches!(error, StoreError::Source(source) if source.kind() == io::ErrorKind::BrokenPipe));
    assert_eq!(store.usage().unwrap().blobs.count, 0);
}

#[test]
fn an_abandoned_writer_leaves_nothing() {
    let (_dir, store) = store();
    store.blobs().writer().unwrap().write_all(b"half").unwrap();
    assert_eq!(store.usage().unwrap().bytes(), 0);
}

#[test]
fn a_missing_blob_is_named() {
    let (_dir, store) = store();
    let digest = Digest::of(b"never");
    for error in [
        store.blobs().open(digest).unwrap_err(),
        store.blobs().read(digest).unwrap_err(),
        store.blobs().open_verified(digest).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Missing { digest: named } if named == digest), "{error}");
    }
}

#[test]
fn t23_a_flipped_byte_is_found_and_set_aside() {
    let (dir, store) = store();
    for read in [
        |store: &Store, digest| store.blobs().read(digest).map(drop),
        |store: &Store, digest| store.blobs().open_verified(digest).map(drop),
    ] {
        let blob = store.blobs().put_bytes(b"trusted").unwrap();
        flip_byte(&store, blob.digest);
        let error = read(&store, blob.digest).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { digest, .. } if digest == blob.digest), "{error}");
        assert!(!store.blobs().contains(blob.digest));
    }
    assert_eq!(fs::read_dir(dir.path().join("store/quarantine")).unwrap().count(), 2);
    // The place is free for a sound copy.
    let blob = store.blobs().put_bytes(b"trusted").unwrap();
    assert_eq!(store.blobs().read(blob.digest).unwrap(), b"trusted");
}

#[test]
fn verify_finds_every_damaged_blob_and_no_other() {
    let (_dir, store) = store();
    let blobs: Vec<_> =
        (0..20_u32).map(|number| store.blobs().put_bytes(&number.to_le_bytes()).unwrap()).collect();
    let mut damaged: Vec<_> = blobs.iter().step_by(7).map(|blob| blob.digest).collect();
    damaged.sort_unstable();
    for digest in &damaged {
        flip_byte(&store, *digest);
    }
    let verified = store.verify(&|_, _| {}, &Cancel::new()).unwrap();
    assert_eq!((verified.blobs, verified.bytes, verified.damaged), (20, 80, damaged.clone()));
    assert_eq!(store.verify(&|_, _| {}, &Cancel::new()).unwrap().damaged, []);
    assert_eq!(store.usage().unwrap().quarantined.count, damaged.len() as u64);
}

#[test]
fn a_file_made_in_the_store_is_adopted_without_a_copy() {
    use std::os::unix::fs::MetadataExt;
    let (_dir, store) = store();
    let scratch = store.scratch().unwrap();
    let path = scratch.path().join("artifact");
    fs::write(&path, b"artifact").unwrap();
    let inode = path.metadata().unwrap().ino();
    let blob = store.blobs().adopt(&path, &Cancel::new()).unwrap();
    assert_eq!(store.blobs().read(blob.digest).unwrap(), b"artifact");
    assert_eq!(store.blobs().path(blob.digest).metadata().unwrap().ino(), inode);
    assert!(!path.exists());
    // Once more: the content is known, and the second file goes.
    fs::write(&path, b"artifact").unwrap();
    assert_eq!(store.blobs().adopt(&path, &Cancel::new()).unwrap(), blob);
    assert!(!path.exists());
    scratch.remove(&lbuild_store::remove_plain_tree).unwrap();
}

#[test]
fn a_file_with_another_name_is_not_adopted_but_copied() {
    let (dir, store) = store();
    let (path, other) = (dir.path().join("one"), dir.path().join("two"));
    fs::write(&path, b"shared").unwrap();
    fs::hard_link(&path, &other).unwrap();
    let blob = store.blobs().adopt(&path, &Cancel::new()).unwrap();
    fs::write(&other, b"edited").unwrap();
    assert_eq!(store.blobs().read(blob.digest).unwrap(), b"shared");
}

#[test]
fn a_directory_that_is_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), b"do not touch").unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("thesis.tex"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let store = tempfile::tempdir().unwrap();
    Store::open(store.path()).unwrap();
    fs::write(store.path().join("VERSION"), "lbuild-store 99\n").unwrap();
    let error = Store::open(store.path()).unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
}

#[test]
fn two_claims_on_one_digest_share_one_download() {
    let (_dir, store) = store();
    let digest = Digest::of(b"shared");
    let Claim::Ours(mut first) = store.blobs().claim(digest, PATIENCE, &Cancel::new()).unwrap() else {
        panic!("nothing stored")
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| match store.blobs().claim(digest, PATIENCE, &Cancel::new()).unwrap() {
            Claim::Stored(blob) => blob,
            Claim::Ours(_) => panic!("the second claim must wait for the first"),
        });
        first.append(b"shared").unwrap();
        first.finish().unwrap();
        drop(first);
        assert_eq!(second.join().unwrap().digest, digest);
    });
    assert_eq!(store.usage().unwrap().partial.count, 0);
}

#[test]
fn a_claim_can_be_given_up_while_waiting() {
    let (_dir, store) = store();
    let digest = Digest::of(b"shared");
    let _held = store.blobs().claim(digest, PATIENCE, &Cancel::new()).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(store.blobs().claim(digest, PATIENCE, &cancel), Err(StoreError::Cancelled)));
}

#[test]
fn a_claim_that_does_not_get_on_is_not_waited_for() {
    let (dir, store) = store();
    let content = vec![7_u8; 10_000];
    let digest = Digest::of(&content);
    let claim = |patience| store.blobs().claim(digest, patience, &Cancel::new()).unwrap();
    let Claim::Ours(mut stuck) = claim(PATIENCE) else { panic!("nothing stored") };
    stuck.append(&content[..5000]).unwrap();
    let Claim::Ours(mut second) = claim(Duration::from_millis(50)) else { panic!("nothing stored") };
    assert_eq!(second.size(), 0, "the other's bytes are left alone");
    second.append(&content).unwrap();
    second.note("nowhere").unwrap();
    second.finish().unwrap();
    assert_eq!(store.blobs().read(digest).unwrap(), content);
    // The stuck one wakes up and ends, without harm.
    stuck.append(&content[5000..]).unwrap();
    assert_eq!(stuck.finish().unwrap().size, 10_000);
    drop((stuck, second));
    assert_eq!(store.blobs().read(digest).unwrap(), content);
    assert_eq!(store.usage().unwrap().partial.count, 0);
    assert_eq!(fs::read_dir(dir.path().join("store/tmp")).unwrap().count(), 0);
}

#[test]
fn a_claim_that_gets_on_slowly_is_waited_for() {
    let (_dir, store) = store();
    let digest = Digest::of(&[1; 20]);
    let Claim::Ours(mut slow) = store.blobs().claim(digest, PATIENCE, &Cancel::new()).unwrap() else {
        panic!()
    };
    let patience = Duration::from_millis(400);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.blobs().claim(digest, patience, &Cancel::new()).unwrap());
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(40));
            slow.append(&[1]).unwrap();
        }
        slow.finish().unwrap();
        drop(slow);
        assert!(matches!(waiting.join().unwrap(), Claim::Stored(_)));
    });
}

#[test]
fn wrong_content_of_a_claim_is_forgotten_and_the_claim_kept() {
    let (_dir, store) = store();
    let digest = Digest::of(b"right");
    let Claim::Ours(mut partial) = store.blobs().claim(digest, PATIENCE, &Cancel::new()).unwrap() else {
        panic!()
    };
    partial.append(b"wrong").unwrap();
    assert!(matches!(partial.finish(), Err(StoreError::Mismatch { .. })));
    assert_eq!(partial.size(), 0);
    partial.append(b"right").unwrap();
    assert_eq!(partial.finish().unwrap().size, 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a content is cut into pieces, and wherever its writing is interrupted, it comes back.
    #[test]
    fn partial_content_survives_any_interruption(
        pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..2000), any::<bool>()), 0..12),
    ) {
        let (_dir, store) = store();
        let whole: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
        let digest = Digest::of(&whole);
        let mut written = 0;
        let mut claim = store.blobs().claim(digest, PATIENCE, &Cancel::new()).unwrap();
        for (piece, interrupt) in &pieces {
            let Claim::Ours(partial) = &mut claim else { panic!("not complete yet") };
            prop_assert_eq!(partial.size(), written as u64);
            partial.append(piece).unwrap();
            written += piece.len();
            if *interrupt {
                drop(claim);
                claim = store.blobs().claim(digest, PATIENCE, &Cancel::new()).unwrap();
            }
        }
        let Claim::Ours(partial) = &mut claim else { panic!("not complete yet") };
        prop_assert_eq!(partial.finish().unwrap(), BlobRef { digest, size: whole.len() as u64 });
        prop_assert_eq!(store.blobs().read(digest).unwrap(), whole);
    }
}

#[test]
fn what_a_job_made_in_place_of_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    let scratch = store.scratch().unwrap();
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(outside.path(), &link).unwrap();
    assert!(store.blobs().adopt(&link, &Cancel::new()).is_err());
    let fifo = scratch.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(store.blobs().adopt(&fifo, &Cancel::new()).is_err());
    assert!(outside.path().exists());
}
