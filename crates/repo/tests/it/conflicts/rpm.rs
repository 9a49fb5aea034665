//! Conflicts in the repositories of the ninth `CentOS` Stream.

use lbuild_repo::rpm::resolve::Rpm;
use lbuild_spec::model::Base;

use super::{Case, Corpus, plain};
use crate::rpm::solver::{Source, index};

const CASES: [Case; 18] = [
    ("core-programs", "coreutils coreutils-single"),
    ("curl", "curl curl-minimal"),
    ("databases", "mariadb-server mysql-server"),
    ("database-clients", "mariadb mysql"),
    ("no-libc", "openssl-libs bash -glibc"),
    ("mail-server-without-tls", "postfix -openssl-libs"),
    ("mail-servers", "postfix sendmail -procmail"),
    ("nftables", "nftables -libnftnl"),
    ("firewall", "firewalld -nftables"),
    ("package-manager", "dnf -python3"),
    ("web-server", "httpd -mailcap"),
    ("init", "NetworkManager -dbus"),
    ("login-without-init", "openssh-server -systemd"),
    ("desktop", "gnome-shell -mutter"),
    ("replaced", "systemd-standalone-sysusers"),
    ("misspelt", "bash glibc-minimal-langpak"),
    ("of-another-distribution", "apache2"),
    ("no-such-name", "tmux no-such-package"),
];

#[test]
fn centos_explains_its_conflicts() {
    let index = index(&[Source::new("cs9-appstream-2025"), Source::new("cs9-baseos-2024")], "x86_64");
    let corpus = Corpus {
        name: "rpm",
        arch: "x86_64",
        base: Base::Fedora,
        family: &Rpm,
        index: &index,
        wanted: plain,
        changing: false,
    };
    corpus.check(&CASES);
}
