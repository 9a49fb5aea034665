//! Conflicts in the official indexes of Alpine 3.19.

use lbuild_repo::apk::resolve::{Alpine, Word, word};
use lbuild_repo::resolve::Wanted;
use lbuild_spec::model::Base;

use super::{Case, Corpus};
use crate::apk::resolve::alpine;

const CASES: [Case; 22] = [
    ("mail-servers", "exim postfix"),
    ("mail-server-that-says-so", "opensmtpd postfix"),
    ("cron", "dcron cronie"),
    ("sudo", "sudo doas-sudo-shim"),
    ("vpn", "libreswan strongswan"),
    ("manual-pages", "man-db mandoc"),
    ("zabbix-databases", "zabbix-mysql zabbix-pgsql"),
    ("ssh-clients", "openssh-client-default openssh-client-krb5"),
    ("editors", "emacs-gtk3 emacs-nox"),
    ("old-ffmpeg", "ffmpeg-dev ffmpeg4-dev"),
    ("no-libc", "nginx -musl"),
    ("one-has-to-be-named", "bkeymaps"),
    ("of-another-distribution", "systemd"),
    ("misspelt", "postgressql"),
    ("gone", "python2"),
    ("device-managers", "eudev-netifnames eudev-rule-generator"),
    ("ping", "arping iputils"),
    ("gettext", "gettext-dev musl-libintl"),
    ("launchers", "rofi rofi-wayland"),
    ("no-init", "alpine-base -openrc"),
    ("old-version", "postgresql16<16"),
    ("screen-lockers", "i3lock i3lock-color"),
];

fn wanted(text: &str) -> Wanted {
    match word(text).expect("a word of `world`") {
        Word::Wanted(wanted) => wanted,
        Word::Unwanted(name) => panic!("`-{name}` is how the corpus writes it"),
    }
}

#[test]
fn alpine_explains_its_conflicts() {
    let corpus = Corpus {
        name: "apk",
        arch: "x86_64",
        base: Base::Alpine,
        family: &Alpine,
        index: &alpine(),
        wanted,
        changing: false,
    };
    corpus.check(&CASES);
}
