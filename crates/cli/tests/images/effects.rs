//! Every field of the configuration, in the finished image.
//!
//! The build itself proves each concern in the tree (see `lbuild_engine::configure::Probe`); here the image is read
//! again, by other means, and the programs that will read the files judge them.

use lbuild_repo::tar::Kind;

use crate::place::Place;
use crate::rootfs::Rootfs;

const HASH: &str =
    "$6$saltsaltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";

/// A spec with every field that a build for Debian supports, except those of kernels and images.
const EVERYTHING: &str = include_str!("everything.toml");

#[test]
fn privileged_every_field_of_the_configuration_has_its_effect() {
    let place = Place::shared();
    std::fs::write(place.path("beside.txt"), "from beside the spec\n").expect("a file beside the spec");
    place.spec(EVERYTHING);
    let image = Rootfs::read(&place.build().rootfs());
    identity(&image);
    accounts(&image);
    network(&image);
    services(&image);
    settings(&image);
    files(&image);
}

fn identity(image: &Rootfs) {
    assert_eq!(image.text("etc/hostname"), "web1.example.org\n");
    assert!(image.text("etc/hosts").contains("127.0.1.1\tweb1.example.org web1\n"));
    assert_eq!(image.text("etc/locale.conf"), "LANG=de_DE.UTF-8\n");
    assert_eq!(image.link("etc/default/locale"), "../locale.conf");
    assert_eq!(image.link("etc/localtime"), "/usr/share/zoneinfo/Europe/Berlin");
    assert!(image.has("usr/share/zoneinfo/Europe/Berlin"));
    let keyboard = image.text("etc/default/keyboard");
    for line in ["XKBLAYOUT=\"de\"", "XKBVARIANT=\"nodeadkeys\"", "XKBOPTIONS=\"compose:menu\""] {
        assert!(keyboard.lines().any(|found| found == line), "{keyboard}");
    }
    assert!(image.entry("etc/machine-id").content.is_empty());
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no `{start}` in {text}"))
}

fn accounts(image: &Rootfs) {
    let (passwd, shadow, group) =
        (image.text("etc/passwd"), image.text("etc/shadow"), image.text("etc/group"));
    assert_eq!(line(&passwd, "ada:"), "ada:x:1500:1500:Ada Lovelace:/srv/ada:/bin/sh");
    assert!(line(&passwd, "bob:").ends_with(":/home/bob:/bin/bash"), "{passwd}");
    assert!(line(&shadow, "root:").starts_with(&format!("root:{HASH}:")), "{shadow}");
    assert!(line(&shadow, "ada:").starts_with(&format!("ada:{HASH}:")), "{shadow}");
    assert!(line(&shadow, "bob:").starts_with("bob:!:"), "{shadow}");
    assert_eq!(image.entry("etc/shadow").mode, 0o640);
    for (name, members) in [("sudo", "ada,bob"), ("adm", "ada"), ("users", "ada")] {
        assert!(line(&group, &format!("{name}:")).ends_with(&format!(":{members}")), "{group}");
    }
    let keys = image.entry("srv/ada/.ssh/authorized_keys");
    assert_eq!((keys.mode, keys.owner), (0o600, (1500, 1500)));
    assert_eq!(keys.content, format!("{KEY}\n").into_bytes());
    let directory = image.entry("srv/ada/.ssh");
    assert_eq!((directory.mode, directory.owner), (0o700, (1500, 1500)));
    assert_eq!(image.text("etc/sudoers.d/50-lbuild-bob"), "bob ALL=(ALL:ALL) NOPASSWD: ALL\n");
    assert_eq!(image.entry("etc/sudoers.d/50-lbuild-bob").mode, 0o440);
    assert!(!image.has("etc/sudoers.d/50-lbuild-ada"));
    assert_eq!(
        image.text("root/who"),
        "uid=1500(ada) gid=1500(ada) groups=1500(ada),4(adm),27(sudo),100(users)\n"
    );
}

fn network(image: &Rootfs) {
    let unit = image.text("etc/systemd/network/50-lbuild.network");
    for line in ["Name=eth0", "MTUBytes=1400", "Address=192.0.2.10/24", "Gateway=2001:db8::1"] {
        assert!(unit.lines().any(|found| found == line), "{unit}");
    }
    let resolved = image.text("etc/systemd/resolved.conf.d/10-lbuild.conf");
    assert_eq!(resolved, "[Resolve]\nDNS=192.0.2.53\nDomains=example.org\n");
    assert_eq!(image.link("etc/resolv.conf"), "../run/systemd/resolve/stub-resolv.conf");
}

fn services(image: &Rootfs) {
    let wants = "etc/systemd/system/multi-user.target.wants";
    for unit in ["nginx", "ssh", "systemd-networkd"] {
        assert!(image.has(&format!("{wants}/{unit}.service")), "{unit}");
    }
    assert!(image.has("etc/systemd/system/getty.target.wants/console-getty.service"));
    assert!(!image.has(&format!("{wants}/cron.service")));
    // An image has no host keys, and systemd takes it for a machine that has been started before.
    assert!(image.has("etc/systemd/system/ssh.service.wants/sshd-keygen.service"));
    let condition = image.text("etc/systemd/system/sshd-keygen.service.d/10-lbuild.conf");
    assert!(condition.contains("\nConditionFirstBoot=\n"), "{condition}");
    assert!(!image.0.keys().any(|path| path.starts_with("etc/ssh/ssh_host_")));
}

fn settings(image: &Rootfs) {
    let sysctl = image.text("etc/sysctl.d/90-lbuild.conf");
    assert_eq!(sysctl, "net.core.somaxconn = 1024\nvm.swappiness = 10\n");
    assert_eq!(image.text("etc/modules-load.d/lbuild.conf"), "nbd\n");
    let grub = image.text("etc/default/grub.d/50-lbuild.cfg");
    assert_eq!(grub, "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX loglevel=4 quiet mitigations=auto\"\n");
    let sources = image.text("etc/apt/sources.list.d/debian.sources");
    assert!(
        sources.contains("Suites: trixie trixie-updates trixie-backports\nComponents: main contrib\n"),
        "{sources}"
    );
    assert!(sources.contains("Suites: trixie-security\n"), "{sources}");
    assert!(!image.has("etc/apt/sources.list"));
    let pins = image.text("etc/apt/preferences.d/lbuild");
    let expected = "Package: *\nPin: release trixie-backports\nPin-Priority: 50\n\n\
        Package: src:nginx\nPin: version 1.*\nPin-Priority: 995\n";
    assert_eq!(pins, expected);
    let status = image.text("var/lib/dpkg/status");
    assert!(!status.contains("\nPackage: tree\n") && status.contains("\nPackage: sudo\n"));
}

fn files(image: &Rootfs) {
    let of = |path: &str| (image.entry(path).mode, image.entry(path).owner);
    assert_eq!((image.text("etc/motd").as_str(), of("etc/motd")), ("hello\n", (0o644, (0, 0))));
    assert_eq!(of("srv/ada/notes"), (0o600, (1500, 1500)));
    assert_eq!(image.entry("opt/binary").content, [0, 1, 2, 255]);
    assert_eq!((image.entry("opt/binary").kind.clone(), of("opt/binary").0), (Kind::File, 0o4755));
    assert_eq!(image.text("etc/from-beside"), "from beside the spec\n");
    assert!(!image.0.keys().any(|path| path.contains("lbuild-post-install")));
}
