//! Post-install scripts.

use lbuild_spec::Blueprint;

use super::services::systemctl;
use super::{Action, Owner};

/// Each script as a group of its own, then the services that are enabled after them.
pub(super) fn groups(blueprint: &Blueprint) -> Vec<(String, Vec<Action>)> {
    let scripts = blueprint.post_install.scripts.iter().enumerate();
    let mut groups: Vec<_> = scripts
        .map(|(index, script)| {
            let path = format!("/tmp/lbuild-post-install-{index}");
            let actions = vec![
                Action::WriteFile {
                    path: path.clone(),
                    contents: script.value.script.as_bytes().to_vec(),
                    mode: 0o700,
                    owner: Owner::root(),
                },
                Action::Run {
                    purpose: format!("the post-install script `{}`", script.value.name),
                    argv: argv(&script.value.script, &path),
                    stdin: Vec::new(),
                    env: vec![("SYSTEMD_OFFLINE".to_owned(), "1".to_owned())],
                },
                Action::Remove { path },
            ];
            (format!("post-install script {}", script.value.name), actions)
        })
        .collect();
    let services: Vec<_> =
        blueprint.post_install.services.iter().map(|name| systemctl("enable", &name.value)).collect();
    if !services.is_empty() {
        groups.push(("post-install services".to_owned(), services));
    }
    groups
}

/// The interpreter is named outright, so that the script runs where programs in `/tmp` must not.
fn argv(script: &str, path: &str) -> Vec<String> {
    let interpreter = script.lines().next().and_then(|line| line.strip_prefix("#!")).map(str::trim);
    let Some(interpreter) = interpreter.filter(|line| !line.is_empty()) else {
        return ["/bin/sh", "-e", path].map(str::to_owned).to_vec();
    };
    // As the kernel does: one program and at most one argument.
    let (program, argument) = interpreter.split_once([' ', '\t']).unwrap_or((interpreter, ""));
    let argument = Some(argument.trim()).filter(|argument| !argument.is_empty());
    [Some(program), argument, Some(path)].into_iter().flatten().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_named_outright() {
        assert_eq!(argv("echo", "/tmp/x"), ["/bin/sh", "-e", "/tmp/x"]);
        assert_eq!(argv("#!/bin/bash\necho", "/tmp/x"), ["/bin/bash", "/tmp/x"]);
        assert_eq!(argv("#! /usr/bin/env -S python3 -u\r\n", "/x"), ["/usr/bin/env", "-S python3 -u", "/x"]);
    }
}
