//! Conflicts in a binary host of Gentoo as it was in November 2022.

use lbuild_repo::portage::accept::Accept;
use lbuild_repo::portage::resolve::Gentoo;
use lbuild_spec::model::Base;

use super::{Case, Corpus, plain};
use crate::portage::accept::free;
use crate::portage::resolve::{accepting, real};

const CASES: [Case; 15] = [
    ("two-versions", "=www-client/firefox-106.0.2 =www-client/firefox-106.0.5"),
    ("libc-versions", "=sys-libs/glibc-2.31-r7 =sys-libs/glibc-2.33-r14"),
    ("init-versions", "=sys-apps/systemd-252 =sys-apps/systemd-252.1"),
    ("compiler-versions", "=sys-devel/llvm-15.0.3 =sys-devel/llvm-15.0.4"),
    ("office-and-desktop", "app-office/libreoffice"),
    ("desktop-at-odds", "gnome-base/gnome-shell"),
    ("no-display-server", "kde-plasma/plasma-desktop -kde-plasma/kwin"),
    ("sub-slots", "dev-libs/icu:0/71.1"),
    ("slot", "dev-qt/qtcore:6"),
    ("flags", "media-video/ffmpeg[-x264]"),
    ("old-language", "<dev-lang/python-3.10:3.10"),
    ("misspelt", "app-editors/vmi"),
    ("short-name-misspelt", "firefx"),
    ("databases", "dev-db/mysql dev-db/mariadb"),
    ("no-python", "sys-apps/portage -dev-lang/python"),
];

#[test]
fn gentoo_explains_its_conflicts() {
    let corpus = Corpus {
        name: "portage",
        arch: "amd64",
        base: Base::Gentoo,
        family: &Gentoo,
        index: &real("binhost-x86_64-2022-11"),
        wanted: plain,
        changing: false,
    };
    corpus.check(&CASES);
}

const MASKED: [Case; 8] = [
    ("a-license", "app-arch/rar"),
    ("a-license-and-keywords", "www-client/google-chrome"),
    ("a-keyword", "sys-apps/earlyoom"),
    ("a-keyword-of-a-dependency", "net-dialup/tio"),
    ("a-live-version", "=app-editors/emacs-29.0.9999"),
    ("a-later-version", ">=app-editors/gedit-43"),
    ("a-desktop", "kde-plasma/plasma-desktop"),
    ("firmware", "sys-kernel/linux-firmware"),
];

#[test]
fn gentoo_explains_what_is_masked() {
    let free = free();
    let corpus = Corpus {
        name: "portage-masked",
        arch: "amd64",
        base: Base::Gentoo,
        family: &Gentoo,
        index: &accepting("binhost-x86_64-2022-11", Some(Accept { licenses: &free })),
        wanted: plain,
        changing: false,
    };
    corpus.check(&MASKED);
}
