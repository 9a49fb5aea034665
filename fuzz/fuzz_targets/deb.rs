//! Debian packages: both archives inside, decompressed up to a cap.

use std::io::Read;

use lbuild_repo::deb::archive::Deb;

/// Bytes that the data archive may have.
const LIMIT: u64 = 1 << 20;

/// Reads a package to its end.
pub fn run(data: &[u8]) {
    let Ok(mut deb) = Deb::open(data) else { return };
    let members = deb.take_members();
    assert!(members.iter().any(|member| member.name == "control"));
    for member in &members {
        assert!(
            !member.name.is_empty() && !member.name.contains('/') && member.mode & 0o6000 == 0,
            "{}",
            member.name
        );
    }
    let Ok(mut archive) = deb.data(LIMIT, false, 1) else { return };
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
    let produced = archive.into_inner().produced();
    assert!(produced <= LIMIT);
    // What follows the data archive may be broken; it must not panic.
    drop(deb.finish());
}
