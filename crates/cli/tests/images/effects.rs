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

/// Every field that a build for Debian supports, except those of kernels and images.
fn everything() -> String {
    format!(
        r#"
name = "everything"
base = "debian"
release = "trixie"
architecture = "x86_64"
outputs = ["rootfs"]
hostname = "web1.example.org"
locale = "de_DE.UTF-8"
timezone = "Europe/Berlin"
init = "systemd"

[keyboard]
layout = "de"
variant = "nodeadkeys"
options = ["compose:menu"]

[network]
manager = "networkd"
dns = ["192.0.2.53"]
search = ["example.org"]
[[network.interfaces]]
name = "eth0"
method = "static"
addresses = ["192.0.2.10/24", "2001:db8::10/64"]
gateway = ["192.0.2.1", "2001:db8::1"]
mtu = 1400

[kernel]
flavor = "none"
modules = ["nbd"]
parameters = ["quiet", "mitigations=auto"]

[repositories]
priority = "required"
components = ["main", "contrib"]
recommends = false
suites = {{ updates = true, security = true, backports = true }}
[[repositories.pins]]
package = "*"
suite = "trixie-backports"
priority = 50

[packages]
base = ["apt", "locales", "systemd-sysv", "systemd-resolved", "openssh-server", "sudo", "console-setup", "cron"]
utils = ["tree", "nginx-light", "grub2-common"]

[layers.closingArgument]
remove = ["tree"]

[securityFeatures.ssh]
enable = true
port = 2222
permitRootLogin = "no"
passwordAuthentication = false
x11Forwarding = false
allowUsers = ["ada", "bob"]
allowGroups = ["users"]

[services]
enable = ["nginx"]
disable = ["cron"]

[defaults]
swappiness = 10
kernelParams = ["loglevel=4"]

[[users]]
name = "root"
password = "{HASH}"
[[users]]
name = "ada"
uid = 1500
comment = "Ada Lovelace"
shell = "/bin/sh"
home = "/srv/ada"
sudo = true
groups = ["adm", "users"]
password = "{HASH}"
sshKeys = ["{KEY}"]
[[users]]
name = "bob"
sudo = true

[[files]]
path = "/etc/motd"
text = "hello\n"
[[files]]
path = "/srv/ada/notes"
text = "private"
owner = "ada"
group = "ada"
mode = "0600"
[[files]]
path = "/opt/binary"
base64 = "AAEC/w=="
mode = "4755"
[[files]]
path = "/etc/from-beside"
source = "beside.txt"

[postInstall]
services = ["console-getty.service"]
systemTuning = {{ "net.core.somaxconn" = "1024" }}
[[postInstall.scripts]]
name = "judge"
script = '''
#!/bin/bash
set -eux
visudo --check --strict
sudo --list --other-user bob | grep --quiet 'NOPASSWD: ALL'
sudo --list --other-user ada | grep --quiet '(ALL : ALL) ALL'
apt-get update --print-uris >/tmp/targets
for suite in trixie trixie-updates trixie-backports trixie-security; do
    grep --quiet "/dists/$suite/InRelease' " /tmp/targets
done
grep --quiet '/dists/trixie/contrib/binary-amd64/' /tmp/targets
apt-cache policy >/dev/null
LC_ALL=de_DE.UTF-8 date +%B --date 2026-03-01 | grep --quiet März
test "$(env --unset TZ date --date @1789199741 +%Z)" = CEST
systemctl is-enabled nginx ssh systemd-networkd systemd-resolved
! systemctl is-enabled cron
systemd-analyze verify sshd-keygen.service
networkctl --version >/dev/null
mkdir -p /run/sshd
ssh-keygen -A
sshd -T -C user=ada >/tmp/sshd
rm /etc/ssh/ssh_host_*
grep --quiet '^port 2222$' /tmp/sshd
grep --quiet '^permitrootlogin no$' /tmp/sshd
grep --quiet '^passwordauthentication no$' /tmp/sshd
grep --quiet '^allowusers ada$' /tmp/sshd
systemd-analyze cat-config sysctl.d | grep --quiet '^vm.swappiness = 10$'
systemd-analyze cat-config modules-load.d | grep --quiet '^nbd$'
id ada >/root/who
'''
"#
    )
}

#[test]
fn privileged_every_field_of_the_configuration_has_its_effect() {
    let place = Place::shared();
    std::fs::write(place.path("beside.txt"), "from beside the spec\n").expect("a file beside the spec");
    place.spec(&everything());
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
    let sources = image.text("etc/apt/sources.list.d/debian.sources");
    assert!(
        sources.contains("Suites: trixie trixie-updates trixie-backports\nComponents: main contrib\n"),
        "{sources}"
    );
    assert!(sources.contains("Suites: trixie-security\n"), "{sources}");
    assert!(!image.has("etc/apt/sources.list"));
    let pins = image.text("etc/apt/preferences.d/lbuild");
    assert_eq!(pins, "Package: *\nPin: release n=trixie-backports\nPin-Priority: 50\n");
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
