//! Conflicts in a binary host of Gentoo as it was in November 2022.

use lbuild_repo::portage::resolve::Gentoo;
use lbuild_spec::model::Base;

use super::{Case, Corpus, plain};
use crate::portage::resolve::real;

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
