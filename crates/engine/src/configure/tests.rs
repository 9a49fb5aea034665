//! What each concern does, for specs and sets of packages that tell the cases apart.

use lbuild_spec::{Blueprint, Format, Source, validate};

use super::{Action, Check, Concern, Facts, concerns, marks, packages, scripts};
use crate::lock::Lock;

fn blueprint(text: &str) -> Blueprint {
    let text = format!("name = \"t\"\nbase = \"debian\"\n{text}");
    let source = Source { file: "t.toml".to_owned(), format: Format::Toml, text };
    validate(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)))
}

fn facts<'a>(blueprint: &'a Blueprint, installed: &[&'a str]) -> Facts<'a> {
    let installed = installed.iter().copied().collect();
    Facts { blueprint, release: "trixie", architecture: "amd64", automatic: Vec::new(), installed }
}

fn concern(text: &str, installed: &[&str], name: &str) -> Option<Concern> {
    let blueprint = blueprint(text);
    concerns(&facts(&blueprint, installed)).into_iter().find(|concern| concern.name == name)
}

fn written(concern: &Concern, path: &str) -> String {
    let contents = concern.actions.iter().find_map(|action| match action {
        Action::WriteFile { path: found, contents, .. } if found == path => Some(contents.clone()),
        _ => None,
    });
    String::from_utf8(contents.unwrap_or_else(|| panic!("{path} is not written: {concern:#?}"))).unwrap()
}

fn commands(concern: &Concern) -> Vec<String> {
    let run = |action: &Action| match action {
        Action::Run { argv, .. } => Some(argv.join(" ")),
        _ => None,
    };
    concern.actions.iter().filter_map(run).collect()
}

#[test]
fn hostname_with_and_without_domain() {
    let found = concern("hostname = \"web1.example.org\"", &[], "hostname").unwrap();
    assert_eq!(written(&found, "/etc/hostname"), "web1.example.org\n");
    assert!(written(&found, "/etc/hosts").contains("127.0.1.1\tweb1.example.org web1\n"));
}

#[test]
fn locales_are_generated_only_when_glibc_has_none_built_in() {
    let found = concern("locale = \"de_DE.UTF-8\"", &["locales"], "locale").unwrap();
    assert_eq!(written(&found, "/etc/locale.gen"), "de_DE.UTF-8 UTF-8\n");
    assert_eq!(commands(&found), ["locale-gen"]);
    let found = concern("", &["locales"], "locale").unwrap();
    assert_eq!(written(&found, "/etc/locale.conf"), "LANG=C.UTF-8\n");
    assert!(commands(&found).is_empty());
}

#[test]
fn time_zones_need_their_package() {
    let found = concern("timezone = \"Europe/Berlin\"", &["tzdata"], "timezone").unwrap();
    let link = Action::Symlink {
        path: "/etc/localtime".to_owned(),
        target: "/usr/share/zoneinfo/Europe/Berlin".to_owned(),
    };
    assert_eq!(found.actions, [link]);
    assert!(concern("", &[], "timezone").is_none());
    let legacy = packages(&blueprint("timezone = \"US/Eastern\""));
    assert_eq!(legacy, [("tzdata", "/timezone"), ("tzdata-legacy", "/timezone")]);
}

#[test]
fn users_get_home_groups_password_and_keys() {
    let hash = format!("$6$saltsalt${}", "a".repeat(86));
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";
    let text = format!(
        "[[users]]\nname = \"ada\"\nuid = 1500\nsudo = true\ngroups = [\"adm\"]\ncomment = \"Ada L\"\n\
         password = \"{hash}\"\nsshKeys = [\"{key}\"]\n[[users]]\nname = \"bob\"\nsudo = true\n"
    );
    let found = concern(&text, &[], "users").unwrap();
    assert_eq!(
        commands(&found)[0],
        "useradd --no-log-init --create-home --user-group --shell /bin/bash --home-dir /home/ada --uid 1500 \
         --comment Ada L --groups adm,sudo -- ada"
    );
    assert_eq!(written(&found, "/home/ada/.ssh/authorized_keys"), format!("{key}\n"));
    let password = found.actions.iter().find_map(|action| match action {
        Action::Run { argv, stdin, .. } if argv[0] == "chpasswd" => Some(stdin.clone()),
        _ => None,
    });
    assert_eq!(password.unwrap(), format!("ada:{hash}\n").into_bytes());
    assert_eq!(written(&found, "/etc/sudoers.d/50-lbuild-bob"), "bob ALL=(ALL:ALL) NOPASSWD: ALL\n");
    assert!(!found.actions.iter().any(|action| format!("{action:?}").contains("50-lbuild-ada")));
}

#[test]
fn root_is_never_added() {
    let hash = format!("$6$saltsalt${}", "a".repeat(86));
    let text = format!("[[users]]\nname = \"root\"\npassword = \"{hash}\"\n");
    assert_eq!(commands(&concern(&text, &[], "users").unwrap()), ["chpasswd --encrypted"]);
}

#[test]
fn the_network_follows_what_is_installed() {
    let path = |text: &str, installed: &[&str]| {
        let found = concern(text, installed, "network")?;
        found.actions.iter().find_map(|action| match action {
            Action::WriteFile { path, .. } => Some(path.clone()),
            _ => None,
        })
    };
    let networkd = "/etc/systemd/network/50-lbuild.network";
    assert_eq!(path("", &["systemd", "systemd-resolved", "dhcpcd-base"]).unwrap(), networkd);
    assert_eq!(
        path("", &["systemd", "ifupdown", "dhcpcd-base"]).unwrap(),
        "/etc/systemd/system/lbuild-dhcp.service"
    );
    let literal = "[[network.interfaces]]\nname = \"eth0\"\n";
    assert_eq!(path(literal, &["systemd", "ifupdown"]).unwrap(), "/etc/network/interfaces.d/lbuild");
    let explicit = "[network]\nmanager = \"networkd\"\n";
    assert_eq!(path(explicit, &["systemd", "ifupdown"]).unwrap(), networkd);
    assert_eq!(path("", &["base-files"]), None);
    assert_eq!(path("[network]\nmanager = \"none\"\n", &["systemd", "systemd-resolved"]), None);
}

const STATIC: &str = "[network]\ndns = [\"192.0.2.53\"]\nsearch = [\"example.org\"]\n[[network.interfaces]]\n\
    name = \"eth0\"\naddresses = [\"192.0.2.10/24\", \"2001:db8::10/64\"]\ngateway = [\"192.0.2.1\", \"2001:db8::1\"]\n\
    mtu = 1400\n";

#[test]
fn static_addresses_in_every_dialect() {
    let networkd = concern(STATIC, &["systemd", "systemd-resolved"], "network").unwrap();
    assert_eq!(
        written(&networkd, "/etc/systemd/network/50-lbuild.network"),
        "[Match]\nName=eth0\n\n[Link]\nMTUBytes=1400\n\n[Network]\nAddress=192.0.2.10/24\n\
         Address=2001:db8::10/64\nGateway=192.0.2.1\nGateway=2001:db8::1\n"
    );
    assert_eq!(
        written(&networkd, "/etc/systemd/resolved.conf.d/10-lbuild.conf"),
        "[Resolve]\nDNS=192.0.2.53\nDomains=example.org\n"
    );
    let ifupdown = concern(STATIC, &["systemd", "ifupdown"], "network").unwrap();
    let text = written(&ifupdown, "/etc/network/interfaces.d/lbuild");
    assert!(text.contains("iface eth0 inet static\n    address 192.0.2.10/24\n"), "{text}");
    assert!(text.contains("iface eth0 inet6 static\n    address 2001:db8::10/64\n"), "{text}");
    assert!(text.contains("    gateway 192.0.2.1\n") && text.contains("    gateway 2001:db8::1\n"), "{text}");
    assert_eq!(written(&ifupdown, "/etc/resolv.conf"), "search example.org\nnameserver 192.0.2.53\n");
    let manager = concern(STATIC, &["systemd", "network-manager"], "network").unwrap();
    let text = written(&manager, "/etc/NetworkManager/system-connections/lbuild-0.nmconnection");
    assert!(text.contains("[ipv4]\nmethod=manual\naddress1=192.0.2.10/24\ngateway=192.0.2.1\n"), "{text}");
    assert!(
        text.contains("[ipv6]\nmethod=manual\naddress1=2001:db8::10/64\ngateway=2001:db8::1\n"),
        "{text}"
    );
}

#[test]
fn ssh_settings_and_host_keys() {
    let text = "[securityFeatures.ssh]\nenable = true\nport = 2222\npermitRootLogin = \"no\"\nallowUsers = [\"ada\"]\n";
    let found = concern(text, &["openssh-server", "systemd"], "ssh").unwrap();
    assert_eq!(
        written(&found, "/etc/ssh/sshd_config.d/10-lbuild.conf"),
        "Port 2222\nPermitRootLogin no\nX11Forwarding no\nAllowUsers ada\n"
    );
    assert_eq!(commands(&found), ["systemctl enable -- ssh.service"]);
    assert!(
        written(&found, "/etc/systemd/system/sshd-keygen.service.d/10-lbuild.conf")
            .contains("ConditionFirstBoot=\n")
    );
    assert!(concern(text, &["systemd"], "ssh").is_none());
}

#[test]
fn services_are_disabled_before_others_are_enabled() {
    let found = concern("[services]\nenable = [\"a\"]\ndisable = [\"b\"]\n", &[], "services").unwrap();
    assert_eq!(commands(&found), ["systemctl disable -- b", "systemctl enable -- a"]);
}

#[test]
fn settings_of_the_kernel() {
    let text = "[kernel]\nmodules = [\"nbd\"]\n[defaults]\nswappiness = 10\n\
                [postInstall.systemTuning]\n\"net.ipv4.ip_forward\" = \"1\"\n";
    let found = concern(text, &[], "kernel").unwrap();
    assert_eq!(written(&found, "/etc/modules-load.d/lbuild.conf"), "nbd\n");
    assert_eq!(
        written(&found, "/etc/sysctl.d/90-lbuild.conf"),
        "net.ipv4.ip_forward = 1\nvm.swappiness = 10\n"
    );
}

#[test]
fn mirrors_of_the_finished_system() {
    let text = "[mirrors]\nsystem = \"http://mirror.example.org/debian\"\n\
                systemSecurity = \"http://mirror.example.org/security\"\n\
                [repositories]\ncomponents = [\"main\", \"contrib\"]\n[repositories.suites]\nbackports = true\n";
    let found = concern(text, &["apt"], "package sources").unwrap();
    let sources = written(&found, "/etc/apt/sources.list.d/debian.sources");
    assert!(
        sources.contains("Suites: trixie trixie-updates trixie-backports\nComponents: main contrib\n"),
        "{sources}"
    );
    assert!(
        sources.contains("URIs: http://mirror.example.org/security\nSuites: trixie-security\n"),
        "{sources}"
    );
    assert!(concern(text, &[], "package sources").is_none());
}

#[test]
fn apt_learns_what_came_for_the_sake_of_others() {
    let lock = Lock::parse(include_str!("../../tests/plans/sample.lock"), "sample.lock").unwrap();
    let blueprint = blueprint("");
    let found = marks::concern(&Facts::new(&blueprint, &lock));
    assert_eq!(
        written(&found, "/var/lib/apt/extended_states"),
        "Package: initramfs-tools\nArchitecture: amd64\nAuto-Installed: 1\n\n\
         Package: linux-base\nArchitecture: amd64\nAuto-Installed: 1\n\n\
         Package: linux-image-6.12.117+deb13-amd64\nArchitecture: amd64\nAuto-Installed: 1\n\n"
    );
    assert!(concern("", &["dpkg"], "package marks").is_none(), "a system without apt");
}

#[test]
fn every_probe_of_a_file_belongs_to_an_action() {
    let blueprint = blueprint(STATIC);
    let installed = ["systemd", "ifupdown", "openssh-server", "apt", "tzdata", "keyboard-configuration"];
    for concern in concerns(&facts(&blueprint, &installed)) {
        assert!(!concern.probes.is_empty(), "`{}` proves nothing", concern.name);
        for probe in &concern.probes {
            let Check::File { path, .. } = &probe.check else { continue };
            written(&concern, path);
        }
    }
}

#[test]
fn scripts_run_one_by_one() {
    let text = "[postInstall]\nservices = [\"x.timer\"]\n[[postInstall.scripts]]\nname = \"one\"\nscript = \"true\"\n";
    let groups = scripts(&blueprint(text));
    let names: Vec<_> = groups.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["post-install script one", "post-install services"]);
    assert!(matches!(
        &groups[0].1[..],
        [Action::WriteFile { .. }, Action::Run { .. }, Action::Remove { .. }]
    ));
}

#[test]
fn pins_are_written_as_they_count_those_of_higher_layers_first() {
    let text = "[[repositories.pins]]\npackage = \"vim*\"\nversion = \"9.*\"\npriority = 990\n\
        [[repositories.pins]]\npackage = \"*\"\nhost = \"deb.example.org\"\npriority = -1\n\
        [[repositories.pins]]\npackage = \"a1\"\nsuite = \"12\"\npriority = 1\n\
        [[layers.closingArgument.repositories.pins]]\npackage = \"vim\"\nsuite = \"stable\"\npriority = 1001\n";
    let found = concern(text, &["apt"], "package sources").unwrap();
    let stanzas = written(&found, "/etc/apt/preferences.d/lbuild");
    let stanzas: Vec<&str> = stanzas.split("\n\n").collect();
    assert_eq!(
        stanzas,
        [
            "Package: vim\nPin: release stable\nPin-Priority: 1001",
            "Package: vim*\nPin: version 9.*\nPin-Priority: 990",
            "Package: *\nPin: origin \"deb.example.org\"\nPin-Priority: -1",
            "Package: a1\nPin: release n=12\nPin-Priority: 1",
            "Package: a1\nPin: release a=12\nPin-Priority: 1\n",
        ]
    );
}
