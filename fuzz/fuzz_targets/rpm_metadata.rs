//! RPM metadata: tables of contents, package indexes, lists of files, groups, advisories and modules.

use lbuild_repo::rpm::comps::Comps;
use lbuild_repo::rpm::filelists::Filelists;
use lbuild_repo::rpm::modules::Modules;
use lbuild_repo::rpm::primary::Primary;
use lbuild_repo::rpm::repomd::Repomd;
use lbuild_repo::rpm::updateinfo::Updateinfo;

/// Reads the bytes as each of them.
pub fn run(data: &[u8]) {
    if let Ok(repomd) = Repomd::parse(data) {
        for record in &repomd.records {
            let inside = |part: &str| !part.is_empty() && part != "..";
            assert!(record.location.split('/').all(inside), "{}", record.location);
            if let Ok(chosen) = repomd.record(&record.kind) {
                assert!(!chosen.is_zchunk());
            }
        }
    }
    primary(data);
    if let Ok(mut lists) = Filelists::new(data) {
        while let Ok(Some(package)) = lists.next_package() {
            assert!(package.files().all(|file| file.path.starts_with('/') || !file.path.contains('/')));
        }
    }
    if let Ok(comps) = Comps::read(data) {
        assert!(comps.groups.iter().all(|group| !group.id.is_empty()));
    }
    if let Ok(mut advisories) = Updateinfo::new(data) {
        while let Ok(Some(advisory)) = advisories.next_advisory() {
            assert!(!advisory.id.is_empty());
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(modules) = Modules::parse(text)
    {
        let hidden = modules.hidden(&modules.defaults);
        assert!(modules.streams.iter().all(|stream| !stream.module.is_empty()));
        assert!(hidden.len() <= modules.streams.iter().map(|stream| stream.artifacts.len()).sum());
    }
}

fn primary(data: &[u8]) {
    let Ok(mut primary) = Primary::new(data) else { return };
    while let Ok(Some(package)) = primary.next_package() {
        assert!(!package.name().is_empty() && !package.evr().version.is_empty());
        assert!(!package.location().starts_with('/') && !package.location().split('/').any(|part| part == ".."));
        for entry in package.entries() {
            assert!(!entry.name.is_empty());
            let mut text = String::new();
            entry.write(&mut text);
            assert!(text.starts_with(entry.name));
            if let (None, Ok(dependency)) = (entry.bound, entry.dependency()) {
                dependency.atoms(&mut |atom| assert!(!atom.name.is_empty()));
            }
        }
    }
}
