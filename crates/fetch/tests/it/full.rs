//! A disk that is full.

use lbuild_fetch::{Cancel, FetchError, FetchOptions, Fetcher};
use lbuild_store::{Store, StoreError};
use lbuild_testkit::child;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

use crate::{
    server::{Reply, Server},
    setup::{content, download, options},
};

#[test]
fn privileged_t39_a_full_disk_is_named_with_what_is_needed() {
    let Some(dir) = child::given_directory() else {
        let dir = tempfile::tempdir().unwrap();
        let prefix = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"];
        let name = "full::privileged_t39_a_full_disk_is_named_with_what_is_needed";
        assert!(child::command(&prefix, name, dir.path()).status().unwrap().success());
        return;
    };
    let bytes = content(900_000);
    let server = Server::start([("/f", Reply::File(bytes.clone()))]);
    // With a known size the lack is found before anything is fetched, without one in the middle.
    for (size, asked, told) in [(Some(900_000), 0, 900_000..=900_000), (None, 1, 100_000..=900_000)] {
        mount("none", &dir, "tmpfs", MountFlags::empty(), c"size=512k").unwrap();
        let before = server.requests().len();
        let file = lbuild_fetch::Download { size, ..download(&bytes, &[server.url("/f")]) };
        let store = Store::open(dir.join("store")).unwrap();
        let fetcher = Fetcher::new(store, FetchOptions { retries: 3, ..options() }).unwrap();
        let error = fetcher.fetch_all(std::slice::from_ref(&file), &(), &Cancel::new()).unwrap_err();
        let FetchError::Store(StoreError::Full { filesystem, needed: Some(needed), .. }) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*filesystem, dir);
        assert!(told.contains(needed), "{needed}");
        assert_eq!(server.requests().len() - before, asked, "a full disk is not the mirror's fault");
        mount_remount(&dir, MountFlags::empty(), c"size=5m").unwrap();
        fetcher.fetch_all(&[file], &(), &Cancel::new()).unwrap();
        drop(fetcher);
        unmount(&dir, UnmountFlags::DETACH).unwrap();
    }
}
