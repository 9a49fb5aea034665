//! Conflicts of Arch Linux in September 2022.

use lbuild_repo::alpm::resolve::Arch;

use super::check;
use crate::alpm::oracle::{DAYS, Day};

/// Name of the case and the request.
pub const CASES: [(&str, &str); 16] = [
    ("two-firewalls", "iptables iptables-nft"),
    ("two-jacks", "jack2 pipewire-jack"),
    ("two-sound-servers", "pulseaudio pipewire-pulse"),
    ("two-session-managers", "wireplumber pipewire-media-session"),
    ("two-vims", "vim gvim"),
    ("two-emacs", "emacs emacs-nox"),
    ("two-offices", "libreoffice-fresh libreoffice-still"),
    ("two-emulators", "qemu-base qemu-full"),
    ("two-mailers", "postfix msmtp-mta"),
    ("two-drivers", "nvidia nvidia-open-dkms"),
    ("two-resolvers", "systemd-resolvconf openresolv"),
    ("misspelt", "firefx"),
    ("renamed", "iptraf"),
    ("version", "glibc>=99"),
    ("without-a-dependency", "gnome-shell -mutter"),
    ("without-a-member-of-a-group", "xorg xorg-server -libx11"),
];

#[test]
fn conflicts_of_arch_are_explained() {
    let day: &Day = DAYS.iter().find(|day| day.name == "2022-09").expect("a day");
    check(&Arch, "alpm", "x86_64", &CASES, &day.index());
}
