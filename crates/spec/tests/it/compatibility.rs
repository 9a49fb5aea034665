//! Compatibility rules: the field, the reason, the way out.

use lbuild_spec::{Format, Severity, validate};

use crate::{bad, debian, good, source};

fn on(base: &str, text: &str) -> lbuild_spec::Source {
    source(Format::Toml, &format!("name = \"t\"\nbase = \"{base}\"\n{text}"))
}

/// Specs that are refused, with the code and the pointer of the first finding.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    (
        "debian",
        "[securityFeatures]\nmac = [\"apparmor\", \"selinux\"]",
        "incompatible",
        "/securityFeatures/mac",
    ),
    (
        "debian",
        "packages = [\"selinux-basics\"]\n[securityFeatures]\nmac = \"apparmor\"",
        "incompatible",
        "/packages/0",
    ),
    ("gentoo", "[display]\ncompositor = \"hyprland\"\nserver = \"xorg\"", "incompatible", "/display/server"),
    ("debian", "[display]\ncompositor = \"sway\"\nserver = \"xorg\"", "incompatible", "/display/server"),
    ("debian", "[display]\ncompositor = \"i3\"\nserver = \"wayland\"", "incompatible", "/display/server"),
    ("debian", "[display]\ncompositor = \"bspwm\"\nserver = \"wayland\"", "incompatible", "/display/server"),
    ("debian", "[display]\ncompositor = \"gnome\"\nserver = \"none\"", "incompatible", "/display/server"),
    ("debian", "[display]\ncompositor = \"hyprland\"", "incompatible", "/display/compositor"),
    ("debian", "init = \"openrc\"", "incompatible", "/init"),
    ("alpine", "init = \"systemd\"", "incompatible", "/init"),
    ("void", "init = \"s6\"", "incompatible", "/init"),
    ("debian", "outputs = [\"iso\"]\n[kernel]\nflavor = \"none\"", "incompatible", "/kernel/flavor"),
    (
        "debian",
        "[services]\nenable = [\"ssh\"]\ndisable = [\"ssh.service\"]",
        "contradiction",
        "/services/enable/0",
    ),
    (
        "debian",
        "[[network.interfaces]]\nname = \"eth0\"\nmethod = \"static\"",
        "missing",
        "/network/interfaces/0/method",
    ),
    (
        "debian",
        "[[network.interfaces]]\nname = \"eth0\"\nmethod = \"dhcp\"\naddresses = [\"192.0.2.1/24\"]",
        "incompatible",
        "/network/interfaces/0/addresses",
    ),
    (
        "debian",
        "[[network.interfaces]]\nname = \"eth0\"\naddresses = [\"192.0.2.5/24\"]\ngateway = [\"192.0.2.1\", \"192.0.2.2\"]",
        "duplicate",
        "/network/interfaces/0/gateway/1",
    ),
    ("debian", "packages = [\"zfs-dkms/trixie-backports\"]", "incompatible", "/packages/0"),
    ("arch", "[repositories]\nkeywords = [\"~amd64\"]", "incompatible", "/repositories/keywords"),
    ("debian", "[repositories]\nlicenses = [\"*\"]", "incompatible", "/repositories/licenses"),
    (
        "debian",
        "[[repositories.sources]]\nname = \"x\"\nurl = \"http://example.org\"",
        "unsigned",
        "/repositories/sources/0",
    ),
    ("debian", "[[repositories.pins]]\npackage = \"*\"\npriority = 1", "missing", "/repositories/pins/0"),
    (
        "debian",
        "[[repositories.pins]]\npackage = \"vim\"\nversion = \"9*\"\nhost = \"a.example\"\npriority = 1",
        "contradiction",
        "/repositories/pins/0",
    ),
    (
        "debian",
        "[[repositories.pins]]\npackage = \"*\"\nversion = \"9*\"\npriority = 1",
        "incompatible",
        "/repositories/pins/0/version",
    ),
    (
        "debian",
        "[[repositories.pins]]\npackage = \"vim\"\nversion = \"9*\"\npriority = 0",
        "invalid",
        "/repositories/pins/0/priority",
    ),
    (
        "debian",
        "[[repositories.sources]]\nname = \"x\"\nurl = \"file:///srv\"\nsignedByFile = \"x.asc\"",
        "incompatible",
        "/repositories/sources/0/url",
    ),
    (
        "debian",
        "[[repositories.sources]]\nname = \"x\"\nurl = \"http://a.example\"\nsignedByFile = \"x.asc\"\nunsigned = true",
        "contradiction",
        "/repositories/sources/0/signedByFile",
    ),
    (
        "debian",
        "[[repositories.sources]]\nname = \"x\"\nurl = \"http://a.example\"\nunsigned = true\nsystem = false\nfingerprint = \"0123456789012345678901234567890123456789\"",
        "missing",
        "/repositories/sources/0/fingerprint",
    ),
    (
        "debian",
        "[[users]]\nname = \"a\"\nuid = 1001\n[[users]]\nname = \"b\"\nuid = 1001",
        "duplicate",
        "/users/1/uid",
    ),
    ("debian", "[[users]]\nname = \"a\"\n[[users]]\nname = \"a\"", "duplicate", "/users/1/name"),
    ("debian", "[[users]]\nname = \"root\"\nuid = 1001", "incompatible", "/users/0/uid"),
    ("debian", "[[users]]\nname = \"www-data\"", "reserved", "/users/0/name"),
    (
        "debian",
        "outputs = [\"disk\"]\n[filesystem.snapshots]\nenable = true",
        "incompatible",
        "/filesystem/snapshots/enable",
    ),
    (
        "debian",
        "outputs = [\"disk\"]\n[[filesystem.partitions]]\nmount = \"/boot\"\nsize = \"1GiB\"",
        "missing",
        "/filesystem/partitions/0",
    ),
    (
        "debian",
        "outputs = [\"disk\"]\n[filesystem]\nraid = { level = 5, devices = 2 }",
        "incompatible",
        "/filesystem/raid/devices",
    ),
    ("debian", "[backup]\ntool = \"restic\"", "missing", "/backup/tool"),
    (
        "debian",
        "[defaults]\nswappiness = 10\n[postInstall.systemTuning]\n\"vm.swappiness\" = \"60\"",
        "contradiction",
        "/postInstall/systemTuning/vm.swappiness",
    ),
];

#[test]
fn contradictions_are_refused_with_a_way_out() {
    for (base, text, code, pointer) in REFUSED {
        let found = bad(&on(base, text));
        let first = found.0.iter().find(|finding| finding.severity == Severity::Error).unwrap();
        assert_eq!((first.code, first.pointer.as_str()), (*code, *pointer), "{text}: {found:#?}");
        let explained = first.hint.is_some() || first.reason.is_some() || matches!(first.code, "duplicate");
        assert!(explained || first.message.contains("at least"), "{text}: {first:?}");
    }
}

#[test]
fn unwise_choices_are_warnings() {
    let cases = [
        ("gentoo", "", "slow-base", "/base"),
        ("alpine", "outputs = [\"disk\"]\n[filesystem]\nroot = \"zfs\"", "fragile", "/filesystem/root"),
        ("arch", "[securityFeatures]\nmac = \"selinux\"", "unsupported-upstream", "/securityFeatures/mac"),
        ("debian", "locale = \"de_DE\"", "legacy-locale", "/locale"),
        ("debian", "[filesystem]\nroot = \"xfs\"", "no-effect", "/filesystem/root"),
        (
            "debian",
            "[securityFeatures.ssh]\nallowUsers = [\"ada\"]",
            "unknown-user",
            "/securityFeatures/ssh/allowUsers/0",
        ),
        (
            "debian",
            "[[files]]\npath = \"/usr/bin/x\"\ntext = \"\"\nmode = \"4755\"",
            "set-id",
            "/files/0/path",
        ),
        (
            "debian",
            "[[repositories.sources]]\nname = \"x\"\nurl = \"http://example.org\"\nunsigned = true\nsystem = false",
            "unsigned",
            "/repositories/sources/0",
        ),
        (
            "debian",
            "[[network.interfaces]]\nname = \"eth0\"\naddresses = [\"192.0.2.5/28\"]\ngateway = [\"192.0.2.99\"]",
            "unreachable",
            "/network/interfaces/0/gateway/0",
        ),
    ];
    for (base, text, code, pointer) in cases {
        let blueprint = good(&on(base, text));
        let found: Vec<_> = blueprint.warnings.iter().map(|w| (w.code, w.pointer.as_str())).collect();
        assert_eq!(found, [(code, pointer)], "{text}");
    }
}

#[test]
fn the_base_is_needed() {
    let found = bad(&source(Format::Toml, "name = \"t\"\n"));
    assert_eq!(
        (found.0[0].code, found.0[0].hint.as_deref()),
        ("missing", Some("add it, for example `base = \"debian\"`"))
    );
}

#[test]
fn pointers_lead_to_the_layer_that_was_written() {
    let text = "[layers.platform.display]\ncompositor = \"sway\"\nserver = \"xorg\"\n";
    assert_eq!(bad(&debian(text)).0[0].pointer, "/layers/platform/display/server");
}

#[test]
fn defaults_are_filled_in() {
    let blueprint = good(&source(Format::Toml, "name = \"my_web.1\"\nbase = \"debian\"\n"));
    assert_eq!(blueprint.hostname, "my-web-1");
    assert_eq!((blueprint.locale.as_str(), blueprint.timezone.as_str()), ("C.UTF-8", "Etc/UTC"));
    assert_eq!(blueprint.keyboard.layout, "us");
    assert!(blueprint.repositories.suites.updates && blueprint.repositories.suites.security);
    assert!(!blueprint.repositories.suites.backports && !blueprint.repositories.recommends);
    assert_eq!(blueprint.filesystem.compression.level, Some(3));
    assert!(
        validate(&source(Format::Toml, "name = \"12\"\nbase = \"debian\"\n"))
            .unwrap()
            .hostname
            .starts_with("host-")
    );
}
