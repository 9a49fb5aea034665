//! Accounts, passwords, keys and sudo.

use lbuild_spec::model::User;

use super::probe::Check;
use super::{Action, Concern, Facts, Owner};

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("users");
    for user in &facts.blueprint.users {
        account(&mut concern, &user.value);
        password(&mut concern, &user.value);
        keys(&mut concern, &user.value);
        sudo(&mut concern, &user.value);
    }
    concern
}

fn account(concern: &mut Concern, user: &User) {
    let name = user.name.as_str();
    if name == "root" {
        if let Some(shell) = &user.shell {
            concern.run("setting the shell of `root`", &["usermod", "--shell", shell, "--", "root"]);
        }
        return;
    }
    let shell = user.shell.as_deref().unwrap_or("/bin/bash");
    let home = home(user);
    let mut argv = vec!["useradd", "--no-log-init", "--create-home", "--user-group"];
    argv.extend(["--shell", shell, "--home-dir", &home]);
    let uid = user.uid.map(|uid| uid.to_string());
    if let Some(uid) = &uid {
        argv.extend(["--uid", uid]);
    }
    if let Some(comment) = &user.comment {
        argv.extend(["--comment", comment]);
    }
    let mut groups = user.groups.clone();
    if user.sudo && !groups.iter().any(|group| group == "sudo") {
        groups.push("sudo".to_owned());
    }
    let groups = groups.join(",");
    if !groups.is_empty() {
        argv.extend(["--groups", &groups]);
    }
    argv.extend(["--", name]);
    concern.run(&format!("making the account `{name}`"), &argv);
    let id = uid.map(|uid| format!("{uid}:")).unwrap_or_default();
    concern.prove(Check::LineStart { path: "/etc/passwd".to_owned(), start: format!("{name}:x:{id}") });
}

fn password(concern: &mut Concern, user: &User) {
    let Some(hash) = &user.password else { return };
    concern.actions.push(Action::Run {
        purpose: format!("setting the password of `{}`", user.name),
        argv: vec!["chpasswd".to_owned(), "--encrypted".to_owned()],
        stdin: format!("{}:{hash}\n", user.name).into_bytes(),
        env: Vec::new(),
    });
    concern
        .prove(Check::LineStart { path: "/etc/shadow".to_owned(), start: format!("{}:{hash}:", user.name) });
}

fn keys(concern: &mut Concern, user: &User) {
    if user.ssh_keys.is_empty() {
        return;
    }
    let directory = format!("{}/.ssh", home(user));
    let owner = Owner { user: user.name.clone(), group: user.name.clone() };
    concern.actions.push(Action::Directory { path: directory.clone(), mode: 0o700, owner: owner.clone() });
    let lines = user.ssh_keys.iter().fold(String::new(), |text, key| text + key + "\n");
    concern.write(&format!("{directory}/authorized_keys"), &lines, 0o600, owner);
}

/// Membership in `sudo` is enough for a user with a password; without one sudo must not ask.
fn sudo(concern: &mut Concern, user: &User) {
    let hashed = user.password.as_ref().is_some_and(|hash| hash.starts_with('$'));
    if !user.sudo || hashed {
        return;
    }
    // sudo ignores files with a dot in their name; user names have none.
    let path = format!("/etc/sudoers.d/50-lbuild-{}", user.name);
    let rule = format!("{} ALL=(ALL:ALL) NOPASSWD: ALL\n", user.name);
    concern.write(&path, &rule, 0o440, Owner::root());
}

fn home(user: &User) -> String {
    match &user.home {
        Some(home) => home.clone(),
        None if user.name == "root" => "/root".to_owned(),
        None => format!("/home/{}", user.name),
    }
}
