//! Conflicts of Debian, in the indexes of today.
//!
//! They are those that a spec sees: of the components only `main` is used, and backports are off.

use lbuild_repo::deb::resolve::Debian;
use lbuild_spec::model::Base;

use super::{Case, Corpus};
use crate::apt;

const CASES: [Case; 38] = [
    ("mail-servers", "exim4 postfix"),
    ("mail-server-and-relay", "opensmtpd nullmailer"),
    ("exim-daemons", "exim4-daemon-heavy exim4-daemon-light"),
    ("init-systems", "systemd-sysv sysvinit-core"),
    ("no-init", "cockpit-ws -systemd"),
    ("no-libc", "bash -libc6"),
    ("no-shell", "+base -bash"),
    ("time-servers", "chrony ntpsec"),
    ("time-client", "systemd-timesyncd chrony"),
    ("cron", "cronie cron"),
    ("cron-of-systemd", "systemd-cron cron"),
    ("logging", "rsyslog syslog-ng-core"),
    ("resolvers", "systemd-resolved resolvconf"),
    ("sound-servers", "pipewire-audio pulseaudio"),
    ("curl-headers", "libcurl4-openssl-dev libcurl4-gnutls-dev"),
    ("editors", "emacs-nox emacs-gtk"),
    ("firewalls", "ufw iptables-persistent"),
    ("nftables", "nftables -libnftables1"),
    ("web-server-module", "libapache2-mod-php8.4 -apache2-bin"),
    ("containers", "podman-docker docker.io"),
    ("databases", "mariadb-server mysql-server"),
    ("database-clients", "postgresql-17 -postgresql-client-17"),
    ("old-database", "postgresql-15"),
    ("old-language", "php7.4"),
    ("old-library", "libssl1.1"),
    ("renamed", "python"),
    ("of-another-distribution", "openssh"),
    ("misspelt", "neovm"),
    ("two-misspelt", "fierfox-esr htpo"),
    ("firmware", "firmware-iwlwifi"),
    ("closed-driver", "nvidia-driver"),
    ("wrong-architecture", "curl:arm64"),
    ("two-architectures", "wine32:i386"),
    ("version", "bash=99.1"),
    ("mixed-releases", "curl/trixie-backports libcurl4t64/trixie"),
    ("desktop-without-its-shell", "gnome-core -gnome-shell"),
    ("desktop-without-its-login", "task-kde-desktop -sddm"),
    ("vital-through-others", "+base -libselinux1"),
];

#[test]
fn debian_explains_its_conflicts() {
    let corpus = Corpus {
        name: "deb",
        arch: "amd64",
        base: Base::Debian,
        family: &Debian,
        index: &apt::switched_index(),
        wanted: apt::wanted,
        changing: true,
    };
    corpus.check(&CASES);
}
