//! Conflicts of what the installation medium of Ubuntu 22.04 has, which is little.

use lbuild_repo::deb::resolve::Debian;
use lbuild_spec::model::Base;

use super::{Case, Corpus};
use crate::apt;
use crate::ubuntu::medium;

const CASES: [Case; 7] = [
    ("two-boot-loaders", "grub-pc grub-efi-amd64"),
    ("wrong-architecture", "shim-signed:arm64"),
    ("version", "linux-firmware=99"),
    ("misspelt", "linux-firmwrae"),
    ("later-headers", "linux-headers-5.15.0-61"),
    ("another-suite", "linux-firmware/jammy-backports"),
    ("the-medium-has-not-all", "openssh-server"),
];

#[test]
fn ubuntu_explains_its_conflicts() {
    let corpus = Corpus {
        name: "ubuntu",
        arch: "amd64",
        base: Base::Ubuntu,
        family: &Debian,
        index: &medium::index(),
        wanted: apt::wanted,
        changing: false,
    };
    corpus.check(&CASES);
}
