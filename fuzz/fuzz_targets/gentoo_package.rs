//! Gentoo's binary packages, gpkg and xpak: decompressed up to a cap, names below the root.

use std::io::{Cursor, Read};

use lbuild_repo::portage::archive::{Package, Trust};

/// Bytes that the image may have.
const LIMIT: u64 = 1 << 20;

/// Reads a package to its end.
pub fn run(data: &[u8]) {
    let Ok(mut package) = Package::open(Cursor::new(data), &Trust::ByCaller) else { return };
    for name in package.metadata().names() {
        assert!(!name.is_empty() && !name.contains('/') && !name.starts_with('.'), "{name}");
    }
    let Ok(mut image) = package.image(LIMIT) else { return };
    let mut total = 0;
    while let Ok(Some(entry)) = image.next_entry() {
        assert!(!entry.path.starts_with(b"/"));
        assert!(!entry.path.split(|byte| *byte == b'/').any(|part| part == b".."));
        let mut content = Vec::new();
        let whole = image.content().read_to_end(&mut content).is_ok();
        total += content.len() as u64;
        if !whole {
            break;
        }
    }
    assert!(total <= LIMIT);
}
