//! The ssh server: what it accepts, and host keys that are made at the first boot.

use lbuild_spec::model::PermitRootLogin;

use super::probe::Check;
use super::services::systemctl;
use super::{Concern, Facts, Owner};

/// The link that starts the server at boot.
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/ssh.service";

/// Read before the package's own settings, and the first value counts.
const CONFIG: &str = "/etc/ssh/sshd_config.d/10-lbuild.conf";

/// An image has no host keys, so each machine makes its own.
const HOST_KEYS: &str = "[Unit]\nDescription=Generate missing ssh host keys\n\
    ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\nConditionPathIsReadWrite=/etc/ssh\n\
    Before=ssh.service ssh.socket\n\n\
    [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/ssh-keygen -A\n\n\
    [Install]\nWantedBy=ssh.service ssh.socket\n";

/// The unit of the package runs only at a first boot, which an image without state cannot always tell.
const CONDITION: &str = "[Unit]\nConditionFirstBoot=\nConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\n\
    ConditionPathIsReadWrite=/etc/ssh\n";

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("ssh");
    if !facts.has("openssh-server") {
        return concern;
    }
    let settings = settings(facts);
    if !settings.is_empty() {
        concern.write(CONFIG, &settings, 0o600, Owner::root());
    }
    if !facts.has("systemd") {
        return concern;
    }
    if facts.release == "bookworm" {
        concern.file("/etc/systemd/system/lbuild-ssh-host-keys.service", HOST_KEYS);
        concern.actions.push(systemctl("enable", "lbuild-ssh-host-keys.service"));
    } else {
        concern.file("/etc/systemd/system/sshd-keygen.service.d/10-lbuild.conf", CONDITION);
    }
    match facts.blueprint.security_features.ssh.enable {
        Some(true) => {
            concern.actions.push(systemctl("enable", "ssh.service"));
            concern.prove(Check::Present { path: WANTED.to_owned() });
        }
        Some(false) => {
            concern.actions.extend(["ssh.service", "ssh.socket"].map(|unit| systemctl("disable", unit)));
            concern.prove(Check::Absent { path: WANTED.to_owned() });
        }
        None => {}
    }
    concern
}

fn settings(facts: &Facts<'_>) -> String {
    use std::fmt::Write as _;
    let ssh = &facts.blueprint.security_features.ssh;
    let mut text = String::new();
    let mut set = |key: &str, value: &str| {
        let _ = writeln!(text, "{key} {value}");
    };
    if let Some(port) = ssh.port {
        set("Port", &port.to_string());
    }
    if let Some(login) = ssh.permit_root_login {
        let value = match login {
            PermitRootLogin::No => "no",
            PermitRootLogin::ProhibitPassword => "prohibit-password",
            PermitRootLogin::Yes => "yes",
        };
        set("PermitRootLogin", value);
    }
    let keys = facts.blueprint.users.iter().any(|user| !user.value.ssh_keys.is_empty());
    if let Some(passwords) = ssh.password_authentication.or(keys.then_some(false)) {
        set("PasswordAuthentication", yes_no(passwords));
    }
    if facts.blueprint.sets("/securityFeatures/ssh") {
        set("X11Forwarding", yes_no(ssh.x11_forwarding.unwrap_or(false)));
    }
    if !ssh.allow_users.is_empty() {
        set("AllowUsers", &ssh.allow_users.join(" "));
    }
    if !ssh.allow_groups.is_empty() {
        set("AllowGroups", &ssh.allow_groups.join(" "));
    }
    text
}

const fn yes_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}
