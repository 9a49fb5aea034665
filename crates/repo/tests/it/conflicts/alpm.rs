//! Conflicts of Arch Linux in August 2014 and in September 2022.

use lbuild_repo::alpm::resolve::Arch;
use lbuild_spec::model::Base;

use super::{Case, Corpus, plain};
use crate::alpm::oracle::DAYS;

/// The repositories of 2022 lack `community`, so that only what needs nothing from there is asked of them.
pub const CASES: [Case; 9] = [
    ("two-firewalls", "iptables iptables-nft"),
    ("two-vims", "vim gvim"),
    ("two-offices", "libreoffice-fresh libreoffice-still"),
    ("two-mailers", "postfix msmtp-mta"),
    ("two-drivers", "nvidia nvidia-open-dkms"),
    ("two-resolvers", "systemd-resolvconf openresolv"),
    ("version", "glibc>=99"),
    ("without-a-dependency", "gnome-shell -mutter"),
    ("without-a-member-of-a-group", "xorg xorg-server -libx11"),
];

const OLD: [Case; 15] = [
    ("mail-servers", "exim postfix"),
    ("small-mailers", "ssmtp opensmtpd"),
    ("cron", "cronie fcron"),
    ("sound-servers", "jack jack2-dbus"),
    ("emacs", "emacs emacs-nox"),
    ("erlang", "erlang erlang-nox"),
    ("databases", "mariadb percona-server"),
    ("desktop-toolkits", "lazarus-gtk2 lazarus-qt"),
    ("burners", "cdrtools dvdrtools"),
    ("drivers", "bumblebee nvidia-304xx-libgl"),
    ("parallel-libraries", "hdf5 hdf5-openmpi"),
    ("no-libc", "bash -glibc"),
    ("misspelt", "firefx"),
    ("renamed", "iptraf"),
    ("of-another-distribution", "openssh-server"),
];

fn check(name: &str, day: &str, cases: &[Case]) {
    let day = DAYS.iter().find(|known| known.name == day).expect("a day");
    let corpus = Corpus {
        name,
        arch: "x86_64",
        base: Base::Arch,
        family: &Arch,
        index: &day.index(),
        wanted: plain,
        changing: false,
    };
    corpus.check(cases);
}

#[test]
fn conflicts_of_arch_are_explained() {
    check("alpm", "2022-09", &CASES);
    check("alpm-2014", "2014-08", &OLD);
}
