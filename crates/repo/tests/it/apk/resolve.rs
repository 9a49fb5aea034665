//! The official indexes of Alpine 3.19, resolved.

use std::collections::BTreeMap;

use lbuild_repo::apk::arena::build;
use lbuild_repo::apk::index::Index as ApkIndex;
use lbuild_repo::apk::resolve::{Alpine, Word, word};
use lbuild_repo::apk::{Trust, installed};
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Request, Unsatisfiable, resolve};
use lbuild_testkit::realdata;

use super::{alpine_keys, installed::system};

/// File and repository.
pub const REPOSITORIES: [(&str, &str); 2] = [
    ("alpine/v3.19-cache/APKINDEX.b2c94760.tar.gz", "main"),
    ("alpine/v3.19-cache/APKINDEX.be78cdff.tar.gz", "community"),
];

/// Both repositories, read and put into the arena, and back from its cache.
pub fn alpine() -> Index {
    let keys = alpine_keys();
    let read: Vec<(IndexSource, ApkIndex)> = REPOSITORIES
        .iter()
        .map(|(file, component)| {
            let source = IndexSource {
                suite: "v3.19".to_owned(),
                component: (*component).to_owned(),
                arch: "x86_64".to_owned(),
                base_url: format!("v3.19/{component}/x86_64"),
                pin: 500,
                ..IndexSource::default()
            };
            (source, ApkIndex::open(&realdata::read(file), Trust::Keys(&keys)).unwrap())
        })
        .collect();
    let sources: Vec<(IndexSource, &ApkIndex)> =
        read.iter().map(|(source, index)| (source.clone(), index)).collect();
    let index = build(&sources).unwrap();
    Index::open_cache(index.write_cache().to_vec()).unwrap()
}

/// What we choose for the words of a world.
pub fn choose(index: &Index, words: &[&str]) -> Result<BTreeMap<String, String>, Unsatisfiable> {
    let mut request = Request { supplements: true, ..Request::new("x86_64") };
    for text in words {
        match word(text).unwrap() {
            Word::Wanted(wanted) => request.packages.push(wanted),
            Word::Unwanted(name) => request.remove.push(name),
        }
    }
    let selection = resolve(&Alpine, index, &request)?;
    Ok(selection.packages.into_iter().map(|one| (one.name, one.version)).collect())
}

#[test]
fn the_root_filesystem_of_alpine_is_what_its_world_means() {
    let (text, _) = system("alpine/docker-alpine-v3.19/alpine-minirootfs-3.19.4-x86_64.tar.gz");
    let there: BTreeMap<String, String> = installed::read(&text)
        .unwrap()
        .into_iter()
        .map(|one| (one.package.name.to_owned(), one.package.version.to_owned()))
        .collect();
    // Its own `/etc/apk/world`.
    let world = ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"];
    let chosen = choose(&alpine(), &world).unwrap();
    assert!(chosen.keys().eq(there.keys()), "{chosen:?} {there:?}");
    // The index is younger than the filesystem by two updates.
    let same = chosen.iter().filter(|(name, version)| there.get(*name) == Some(version)).count();
    assert_eq!((same, there.len()), (13, 15));
}
