//! Alpine's packages: all three members, decompressed up to a cap.

use std::io::Read;

use lbuild_repo::apk::archive::Apk;
use lbuild_repo::apk::Trust;

/// Bytes that the data may have.
const LIMIT: u64 = 1 << 20;

/// Reads a package to its end.
pub fn run(data: &[u8]) {
    let Ok(mut apk) = Apk::open(data, Trust::Anybody) else { return };
    assert!(!apk.info().name.contains('/') && !apk.info().version.contains('/'));
    assert!(apk.scripts().iter().all(|script| script.mode & 0o6000 == 0));
    if let Ok(mut archive) = apk.data(LIMIT) {
        let mut total = 0;
        while let Ok(Some(_)) = archive.next_entry() {
            let mut content = Vec::new();
            let whole = archive.content().read_to_end(&mut content).is_ok();
            total += content.len() as u64;
            if !whole {
                break;
            }
        }
        assert!(total <= LIMIT);
    }
    // What follows may be broken; it must not panic.
    drop(apk.finish());
}
