//! Accounts, ssh and mandatory access control.

use std::collections::HashMap;

use super::{System, error, warning};
use crate::model::Base;
use crate::report::{Finding, quote};
use crate::value::Node;

/// Accounts that every Debian system has (base-passwd) or that systemd makes; a person cannot have them.
const SYSTEM_ACCOUNTS: [&str; 22] = [
    "daemon",
    "bin",
    "sys",
    "sync",
    "games",
    "man",
    "lp",
    "mail",
    "news",
    "uucp",
    "proxy",
    "www-data",
    "backup",
    "list",
    "irc",
    "_apt",
    "nobody",
    "systemd-network",
    "systemd-resolve",
    "systemd-timesync",
    "messagebus",
    "sshd",
];

pub(super) fn rules(system: &System<'_>, found: &mut Vec<Finding>) {
    users(system, found);
    ssh(system, found);
    mac(system, found);
}

fn users(system: &System<'_>, found: &mut Vec<Finding>) {
    let mut ids = HashMap::new();
    for user in system.items(&["users"]) {
        let Some(name) = user.get("name").and_then(Node::text) else { continue };
        let node = user.get("name").unwrap_or(user);
        if SYSTEM_ACCOUNTS.contains(&name) {
            let message = format!("{} is an account of the system", quote(name));
            let reason = "services of the base own it and expect it as the base made it";
            found.push(error("reserved", node, message).reason(reason).hint("choose another name"));
        }
        if name == "root" {
            found.extend(root(user));
        }
        let Some(id) = user.get("uid") else { continue };
        if let Some(other) = ids.insert(id.to_json().to_string(), name) {
            let message = format!("{} has the same `uid` as {}", quote(name), quote(other));
            found.push(error("duplicate", id, message).hint("give each user a number of its own"));
        }
    }
}

fn root(user: &Node) -> Vec<Finding> {
    let fixed = ["uid", "home", "sudo"].into_iter().filter_map(|key| Some((key, user.get(key)?)));
    fixed
        .map(|(key, node)| {
            error("incompatible", node, format!("`{key}` of `root` cannot be set"))
                .reason("the base defines the account of root")
                .hint("for `root` give only `password`, `sshKeys` and `shell`")
        })
        .collect()
}

fn ssh(system: &System<'_>, found: &mut Vec<Finding>) {
    let users = system.items(&["users"]);
    let named = |name: &str| users.iter().find(|user| user.get("name").and_then(Node::text) == Some(name));
    for node in system.items(&["securityFeatures", "ssh", "allowUsers"]) {
        if let Some(name) = node.text().filter(|name| named(name).is_none()) {
            let message = format!("{} may log in over ssh, but is not under `users`", quote(name));
            found.push(warning("unknown-user", node, message).hint("add the user, or check the name"));
        }
    }
    let hashed =
        |user: &Node| user.get("password").and_then(Node::text).is_some_and(|hash| hash.starts_with('$'));
    if let Some((node, true)) = system.flag(&["securityFeatures", "ssh", "passwordAuthentication"])
        && !users.iter().any(hashed)
    {
        let message = "passwords are accepted over ssh, but no user has one";
        found.push(warning("no-effect", node, message).hint("give a user a `password`, or use keys alone"));
    }
    if let Some((node, "yes")) = system.text(&["securityFeatures", "ssh", "permitRootLogin"])
        && named("root").is_some_and(hashed)
    {
        let message = "root can log in over ssh with a password";
        let reason = "the name is known everywhere, so only the password protects the system";
        found.push(
            warning("weak-access", node, message).reason(reason).hint("use `prohibit-password` and a key"),
        );
    }
}

fn mac(system: &System<'_>, found: &mut Vec<Finding>) {
    let Some(node) = system.at(&["securityFeatures", "mac"]) else { return };
    let names: Vec<&str> =
        node.text().into_iter().chain(node.items().iter().filter_map(Node::text)).collect();
    if names.len() > 1 {
        let list = names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(" and ");
        let message = format!("a system has one mandatory access control system, not {list}");
        let reason = "the kernel runs at most one of them, and their packages set up conflicting policies";
        found.push(
            error("incompatible", node, message).reason(reason).hint(format!("keep {}", quote(names[0]))),
        );
    }
    let packages = [("selinux", "selinux-basics"), ("apparmor", "apparmor")];
    for (mac, package) in packages {
        let asked = system.packages.requests.iter().position(|request| request.value.name == package);
        if let (Some(index), false) = (asked, names.contains(&mac)) {
            let span = system.packages.spans[index];
            let message = format!(
                "{} is installed, but `securityFeatures.mac` is {}",
                quote(package),
                quote(names.first().unwrap_or(&"none"))
            );
            let finding = Finding::error("incompatible", span, "", message);
            found.push(
                finding
                    .reason("a system has one mandatory access control system")
                    .hint("remove the package or change `mac`"),
            );
        }
    }
    if names.contains(&"selinux") && system.base() == Some(Base::Arch) {
        let message = "Arch has no official SELinux packages and no policy";
        found.push(
            warning("unsupported-upstream", node, message)
                .hint("use `apparmor`, or expect to write a policy"),
        );
    }
}
