//! Profiles and updates of a real ebuild repository.

use std::collections::BTreeMap;

use lbuild_repo::portage::profile::{Profile, ProfileError, moves};
use lbuild_repo::tar;

use super::shared_plain;

/// The files below `profiles/`.
fn guru() -> BTreeMap<String, Vec<u8>> {
    let bytes = shared_plain("gentoo/guru/guru-md5cache-profiles.tar.zst");
    let mut archive = tar::Archive::new(bytes.as_slice(), tar::Policy::strict());
    let mut files = BTreeMap::new();
    while let Some(entry) = archive.next_entry().expect("a good archive") {
        let path = String::from_utf8(entry.path).expect("text");
        if let Some(path) = path.strip_prefix("profiles/").filter(|_| entry.kind == tar::Kind::File) {
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut archive.content(), &mut content).expect("content");
            files.insert(path.to_owned(), content);
        }
    }
    files
}

#[test]
fn masks_of_a_real_repository() {
    let mut files = guru();
    // The repository has masks but no profile of its own.
    files.insert("test/packages".to_owned(), b"*sys-apps/baselayout\n".to_vec());
    let profile = Profile::read("test", &mut |path| files.get(path).cloned()).expect("a profile");
    assert_eq!(profile.system, ["sys-apps/baselayout"]);
    assert!(profile.masks.len() > 20, "{}", profile.masks.len());
    assert!(profile.masks("app-admin/run0edit", "1", "0", "0"));
    assert!(profile.masks("gui-apps/hyprsunset", "0.2.0", "0", "0"));
    assert!(!profile.masks("gui-apps/hyprsunset", "0.2.0-r1", "0", "0"));
    let missing = Profile::read("default/linux", &mut |path| files.get(path).cloned());
    assert!(matches!(missing, Err(ProfileError::Missing(name)) if name == "default/linux"));
}

#[test]
fn renamed_packages_of_a_real_repository() {
    let files = guru();
    // Named after the quarter: `1Q-2021`.
    let mut updates: Vec<(&str, &[u8])> = files
        .iter()
        .filter_map(|(path, content)| Some((path.strip_prefix("updates/")?, content.as_slice())))
        .collect();
    updates.sort_by_key(|(name, _)| name.split_once('-').map(|(quarter, year)| (year, quarter)));
    assert_eq!(updates.len(), 24);
    let moved =
        moves(updates.iter().map(|(_, text)| std::str::from_utf8(text).expect("text"))).expect("updates");
    assert_eq!(moved["x11-wm/phoc"], "gui-wm/phoc");
    assert!(moved.len() > 80, "{}", moved.len());
}
