//! Disks that are full, read-only, or limited.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use lbuild_store::{
    Cancel, Claim, Digest, Input, Output, OutputRef, Placed, Response, Root, StepRecord, Steps, Store,
    StoreError, TreeMeta, Watermark,
};
use lbuild_testkit::child;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};

use crate::blobs;

/// One of everything that writes, on a store at `dir`.
fn build(dir: &Path) -> Result<(), StoreError> {
    let store = Store::open(dir.join("store"))?;
    let content = vec![7_u8; 50_000];
    let blob = store.blobs().put(&mut content.as_slice(), None)?;
    if let Claim::Ours(mut partial) =
        store.blobs().claim(Digest::of(b"downloaded"), blobs::PATIENCE, &Cancel::new())?
    {
        partial.note("validator")?;
        partial.append(b"downloaded")?;
        partial.finish()?;
    }
    let inputs = vec![Input::text("a", "1")];
    let key = Steps::key("base", &inputs);
    let draft = store.trees().begin(key)?;
    fs::create_dir(draft.root()).map_err(|error| StoreError::from_io("create", &draft.root(), error))?;
    store.trees().commit(draft, &TreeMeta { name: "base".into(), ..TreeMeta::default() })?;
    let outputs = vec![Output { name: "tree".into(), reference: OutputRef::Tree(key) }];
    let data = serde_json::Value::Null;
    store.steps().put(
        "desk",
        key,
        &StepRecord { name: "base".into(), inputs, outputs, seconds: 0.0, data },
    )?;
    store.indexes().put(key, &content)?;
    store.responses().put(&Response { url: "u".into(), blob, etag: None, last_modified: None })?;
    store.watermarks().raise("suite", Watermark { date: 1, digest: key })?;
    store.roots().put(&Root { spec: "desk".into(), objects: vec![key] })?;
    store.publications().place(blob, &dir.join("image"), &Cancel::new())?;
    store.sync()
}

/// Runs this test again in a mount namespace of its own.
fn in_own_mounts(name: &str, dir: &Path) -> bool {
    let prefix = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"];
    child::command(&prefix, name, dir).status().unwrap().success()
}

#[test]
fn privileged_t39_a_full_disk_at_any_write_is_named_and_harmless() {
    let Some(dir) = child::given_directory() else {
        let dir = tempfile::tempdir().unwrap();
        assert!(in_own_mounts(
            "full::privileged_t39_a_full_disk_at_any_write_is_named_and_harmless",
            dir.path()
        ));
        return;
    };
    let mut failures = 0;
    // Room for k inodes makes the k-th creation fail, room for k pages the k-th write.
    let limits = (1..90)
        .map(|inodes| format!("nr_inodes={inodes}"))
        .chain((1..70).map(|k| format!("size={}k", k * 4)));
    for limit in limits {
        let options = std::ffi::CString::new(limit.clone()).unwrap();
        mount("none", &dir, "tmpfs", MountFlags::empty(), options.as_c_str()).unwrap();
        let result = build(&dir);
        if let Err(error) = &result {
            let named = matches!(error, StoreError::Full { filesystem, .. } if *filesystem == dir);
            assert!(named, "{limit}: {error:?}");
            failures += 1;
        }
        let roomy = std::ffi::CString::new("size=10m,nr_inodes=1000").unwrap();
        mount_remount(&dir, MountFlags::empty(), roomy.as_c_str()).unwrap();
        build(&dir).unwrap_or_else(|error| panic!("{limit}: the next build must work: {error:?}"));
        let store = Store::open(dir.join("store")).unwrap();
        let verified = store.verify(&|_, _| {}, &Cancel::new()).unwrap();
        assert_eq!((verified.blobs, verified.damaged.len(), verified.forgotten), (2, 0, 0), "{limit}");
        assert_eq!(fs::metadata(dir.join("image")).unwrap().len(), 50_000, "{limit}");
        drop(store);
        unmount(&dir, UnmountFlags::empty()).unwrap();
    }
    assert!(failures > 60, "only {failures} limits were too tight");
}

#[test]
fn privileged_a_read_only_store_can_be_read_and_says_so_when_written() {
    let Some(dir) = child::given_directory() else {
        let dir = tempfile::tempdir().unwrap();
        build(dir.path()).unwrap();
        assert!(in_own_mounts(
            "full::privileged_a_read_only_store_can_be_read_and_says_so_when_written",
            dir.path()
        ));
        return;
    };
    mount_bind(&dir, &dir).unwrap();
    mount_remount(&dir, MountFlags::BIND | MountFlags::RDONLY, c"").unwrap();
    let store = Store::open(dir.join("store")).unwrap();
    let blob = store.blobs().find(Digest::of(b"downloaded")).unwrap();
    assert_eq!(store.blobs().read(blob.digest).unwrap(), b"downloaded");
    assert!(store.steps().get(Steps::key("base", &[Input::text("a", "1")])).is_some());
    let image = store.blobs().find(Digest::of(&vec![7_u8; 50_000])).unwrap();
    assert_eq!(
        store.publications().place(image, &dir.join("image"), &Cancel::new()).unwrap(),
        Placed::Current
    );
    for error in [
        store.blobs().put_bytes(b"new").unwrap_err(),
        store.scratch().unwrap_err(),
        store.publications().place(blob, &dir.join("other"), &Cancel::new()).unwrap_err(),
        store.lock(blob.digest, &Cancel::new()).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    }
}

#[test]
fn a_file_size_limit_is_an_error_and_harmless() {
    let Some(dir) = child::given_directory() else {
        let dir = tempfile::tempdir().unwrap();
        // 40 blocks of 512 bytes; the signal that would come with the error is ignored.
        let prefix = ["sh", "-c", "trap '' XFSZ; ulimit -f 40; exec \"$@\"", "sh"];
        let name = "full::a_file_size_limit_is_an_error_and_harmless";
        assert!(child::command(&prefix, name, dir.path()).status().unwrap().success());
        build(dir.path()).unwrap();
        return;
    };
    let error = build(&dir).unwrap_err();
    assert!(
        matches!(&error, StoreError::Io { source, .. } if source.raw_os_error() == Some(27)),
        "{error:?}"
    );
    assert_eq!(Store::open(dir.join("store")).unwrap().usage().unwrap().blobs.count, 0);
}

#[test]
fn t39_too_few_descriptors_are_an_error_and_harmless() {
    let name = "full::t39_too_few_descriptors_are_an_error_and_harmless";
    if let Some(dir) = child::given_directory() {
        match build(&dir) {
            Ok(()) => std::process::exit(0),
            Err(StoreError::Io { source, .. }) if source.raw_os_error() == Some(24) => std::process::exit(24),
            Err(error) => panic!("{error:?}"),
        }
    }
    let mut failures = 0;
    for limit in 6..24 {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        let status = child::command(&["sh", "-c", &script, "sh"], name, dir.path()).status().unwrap();
        match status.code() {
            Some(0) => {}
            Some(24) => failures += 1,
            // So few that the test program itself cannot start.
            _ => assert!(limit < 9, "{limit}: {status}"),
        }
        build(dir.path()).unwrap();
        let store = Store::open(dir.path().join("store")).unwrap();
        assert_eq!(store.verify(&|_, _| {}, &Cancel::new()).unwrap().damaged, [], "{limit}");
    }
    assert!(failures > 0, "no limit was too tight");
}

#[test]
fn a_forbidden_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    fs::create_dir(&store).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o500)).unwrap();
    let name = "full::opening_as_somebody_else";
    let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let prefix: &[&str] = if root { &as_nobody } else { &[] };
    assert!(child::command(prefix, name, &store).status().unwrap().success());
}

/// The process that is started above with fewer rights; by itself, a store in a place that nobody can write to.
#[test]
fn opening_as_somebody_else() {
    let path = child::given_directory().unwrap_or_else(|| "/proc/self/store".into());
    match Store::open(&path) {
        Err(StoreError::Permission { .. }) => {}
        Err(StoreError::Io { .. }) if path.starts_with("/proc") => {}
        other => panic!("{other:?}"),
    }
}
