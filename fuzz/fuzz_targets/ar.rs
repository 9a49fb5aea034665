//! `ar` archives: members never give more than they declare.

use std::io::Read;

use lbuild_repo::ar::Archive;

/// Reads every member to its end.
pub fn run(data: &[u8]) {
    let Ok(mut archive) = Archive::new(data) else { return };
    let mut total = 0;
    while let Ok(Some(member)) = archive.next_member() {
        assert!(!member.name.is_empty() && !member.name.contains('/'), "{member:?}");
        let mut content = Vec::new();
        let read = archive.read_to_end(&mut content);
        let length = content.len() as u64;
        assert!(length <= member.size);
        assert_eq!(read.is_ok(), length == member.size);
        total += length;
    }
    assert!(total <= data.len() as u64);
}
