//! Conflicts in the official indexes of Alpine 3.19.

use lbuild_repo::apk::resolve::Alpine;

use super::check;
use crate::apk::resolve::alpine;

/// Name of the golden file, and the request.
const CASES: [(&str, &str); 15] = [
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
];

#[test]
fn alpine_explains_its_conflicts() {
    check(&Alpine, "apk", "x86_64", &CASES, &alpine());
}
