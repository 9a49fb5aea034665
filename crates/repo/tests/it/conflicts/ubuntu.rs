//! Conflicts of Ubuntu: the installation medium of 22.04 on what the minimal images of 22.04 and 20.04 have.
//!
//! Of the images only names and versions are known, and of what neither has, less: these packages ask for nothing.

use std::fmt::Write as _;

use lbuild_repo::deb::index::{IndexSource, parse};
use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::Index;
use lbuild_spec::model::Base;

use super::stand_in::missing;
use super::{Case, Corpus};
use crate::apt;
use crate::ubuntu::data::manifest;
use crate::ubuntu::medium;

const CASES: [Case; 15] = [
    ("two-boot-loaders", "grub-pc grub-efi-amd64"),
    ("libc-of-another-release", "openssh-server libc6/focal"),
    ("file-systems-of-another-release", "e2fsprogs libext2fs2/focal"),
    ("compression-of-another-release", "zfsutils-linux=2.1.5-1ubuntu6~22.04.1 zlib1g/focal libc6/focal"),
    ("kernel-without-firmware", "linux-generic -linux-firmware"),
    ("boot-loader-without-its-tools", "grub-pc -grub2-common"),
    ("file-system-without-its-library", "zfsutils-linux -libzfs4linux"),
    ("remote-login-without-its-half", "openssh-server -openssh-sftp-server"),
    ("wrong-architecture", "shim-signed:arm64"),
    ("version", "linux-firmware=99"),
    ("misspelt", "linux-firmwrae"),
    ("later-headers", "linux-headers-5.15.0-61"),
    ("another-suite", "linux-firmware/jammy-backports"),
    ("two-kernels-of-a-name", "linux-image-generic=5.15.0.60.58 linux-image-generic=5.19.0.32.33"),
    ("of-another-distribution", "openssh"),
];

/// A list of packages that ask for nothing.
fn list<'n>(packages: impl IntoIterator<Item = (&'n String, &'n String)>) -> String {
    let mut text = String::new();
    for (number, (name, version)) in packages.into_iter().enumerate() {
        let version = if version.is_empty() { "1" } else { version };
        write!(text, "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMulti-Arch: same\n")
            .expect("memory");
        write!(text, "Filename: pool/{number}.deb\nSize: 1\nSHA256: {number:064x}\n\n").expect("memory");
    }
    text
}

fn index() -> Index {
    let mut texts: Vec<(IndexSource, String)> = medium::texts();
    let source = |suite: &str| IndexSource {
        suite: suite.to_owned(),
        component: "image".to_owned(),
        arch: "amd64".to_owned(),
        // The older release gives way, as on a system that is being upgraded.
        pin: if suite == "focal" { 100 } else { 500 },
        ..IndexSource::default()
    };
    for suite in ["jammy", "focal"] {
        let path = format!("ubuntu-core-manifests/{suite}/ubuntu-{suite}-oci-amd64-root.manifest");
        texts.push((source(suite), list(&manifest(&path))));
    }
    let read = |texts: &[(IndexSource, String)]| {
        let texts: Vec<(IndexSource, &[u8])> =
            texts.iter().map(|(source, text)| (source.clone(), text.as_bytes())).collect();
        parse(&texts).expect("a good index")
    };
    let rest = list(&missing(&Debian, &read(&texts)));
    texts.push((source("jammy"), rest));
    read(&texts)
}

#[test]
fn ubuntu_explains_its_conflicts() {
    let corpus = Corpus {
        name: "ubuntu",
        arch: "amd64",
        base: Base::Ubuntu,
        family: &Debian,
        index: &index(),
        wanted: apt::wanted,
        changing: false,
    };
    corpus.check(&CASES);
}
