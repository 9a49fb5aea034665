//! The packages on the installation medium of 22.04, from their signed list to a set.

use std::io::Read as _;

use lbuild_repo::compress::Capped;
use lbuild_repo::deb::index::{IndexSource, parse};
use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::Index;
use lbuild_repo::resolve::{Request, Wanted, resolve};
use sha2::Digest as _;

use super::release::jammy_medium;
use super::shared;

/// The index of both components.
pub fn index() -> Index {
    let texts = texts();
    let texts: Vec<(IndexSource, &[u8])> =
        texts.iter().map(|(source, text)| (source.clone(), text.as_bytes())).collect();
    parse(&texts).expect("a good index")
}

/// The lists of both components, each file checked against the signed list of them.
pub fn texts() -> Vec<(IndexSource, String)> {
    let release = jammy_medium();
    let mut texts = Vec::new();
    for component in &release.components {
        let file = &release.files[&format!("{component}/binary-amd64/Packages.gz")];
        let bytes = shared(&format!("ubuntu-jammy-iso/dists/jammy/{}", file.path));
        assert_eq!((bytes.len() as u64, sha2::Sha256::digest(&bytes).into()), (file.size, file.sha256));
        let mut text = Vec::new();
        let mut plain = Capped::new(bytes.as_slice(), 1 << 20).expect("gzip");
        plain.read_to_end(&mut text).expect("gzip");
        let source = IndexSource {
            suite: "jammy".to_owned(),
            component: component.clone(),
            arch: "amd64".to_owned(),
            pin: 500,
            ..IndexSource::default()
        };
        texts.push((source, String::from_utf8(text).expect("text")));
    }
    texts
}

fn request(name: &str) -> Request {
    let mut request = Request::new("amd64");
    request.packages.push(Wanted { name: name.to_owned(), ..Wanted::default() });
    request
}

#[test]
fn what_a_medium_can_install_by_itself() {
    let index = index();
    assert_eq!(index.len(), 97);
    let names: Vec<&str> = index.package_names().collect();
    let (mut whole, mut reasons) = (0, Vec::new());
    for name in &names {
        match resolve(&Debian, &index, &request(name)) {
            Ok(selection) => {
                assert!(selection.packages.iter().any(|package| package.name == **name), "{name}");
                whole += 1;
            }
            Err(reason) => reasons.push(reason.summary),
        }
    }
    // Most need what the live system on the medium already has, above all the C library.
    assert!(whole > 5 && reasons.len() > 40, "{whole} whole, {}", reasons.len());
    assert!(reasons.iter().any(|reason| reason.contains("depends on libc6")), "{reasons:#?}");
    assert!(reasons.iter().all(|reason| reason.contains("cannot be installed")), "{reasons:#?}");
}
