//! The gate on a real Debian system.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use lbuild_image::exclude::Excludes;
use lbuild_image::hygiene::{Policy, Rule, Scope, check, clean, privileged};

use crate::debian;
use crate::machine::output;

fn rules(tree: &Path, policy: &Policy) -> Vec<(String, Rule)> {
    let violations = check(File::open(tree).unwrap().as_fd(), policy).unwrap();
    violations.into_iter().map(|violation| (violation.path, violation.rule)).collect()
}

#[test]
fn privileged_t26_a_debian_system_is_cleaned_until_it_passes() {
    let work = tempfile::tempdir().unwrap();
    let tree = work.path().join("tree");
    output(Command::new("cp").arg("-a").arg(debian::tree()).arg(&tree));
    let excludes = Excludes::runtime();
    let brought = privileged(File::open(&tree).unwrap().as_fd(), &excludes).unwrap();
    assert!(
        brought.iter().any(|program| program.path == "usr/bin/su" && program.mode == 0o4755),
        "{brought:?}"
    );
    let policy = Policy { excludes, privileged: brought, ..Policy::default() };
    let found = rules(&tree, &policy);
    assert!(found.contains(&("/etc/ssh/ssh_host_ed25519_key".to_owned(), Rule::GeneratedKey)), "{found:?}");
    let cleaned = clean(File::open(&tree).unwrap().as_fd(), &policy, Scope::Everything).unwrap();
    assert_eq!(cleaned.len(), found.len(), "{cleaned:?} {found:?}");
    assert_eq!(rules(&tree, &policy), []);
    // dpkg misses nothing of what was removed.
    let mut dpkg = Command::new("dpkg");
    assert_eq!(output(dpkg.args(["--audit", "--root"]).arg(&tree)), "");
}

#[test]
fn privileged_t26_foreign_owners_capabilities_and_whiteouts_are_found() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    std::fs::create_dir(root.join("usr")).unwrap();
    for name in ["owned", "ping", "plain"] {
        std::fs::write(root.join("usr").join(name), name).unwrap();
    }
    let script = "chown 1000033:5 usr/owned; mknod usr/gone c 0 0; chmod 755 usr/ping usr/plain
                  setcap cap_net_raw+ep usr/plain; setcap -n 100000 cap_net_raw+ep usr/ping";
    drop(crate::machine::program("setcap", "libcap2-bin"));
    output(Command::new("sh").args(["-ec", script]).current_dir(root));
    let expected = [
        ("/usr/gone".to_owned(), Rule::Whiteout),
        ("/usr/owned".to_owned(), Rule::ForeignOwner),
        ("/usr/ping".to_owned(), Rule::NamespacedCapability),
        ("/usr/ping".to_owned(), Rule::PrivilegedProgram),
        ("/usr/plain".to_owned(), Rule::PrivilegedProgram),
    ];
    assert_eq!(rules(root, &Policy::default()), expected);
}
