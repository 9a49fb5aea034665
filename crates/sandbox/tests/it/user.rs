//! The sandbox for an ordinary user, and what it says where something is missing.

use std::path::Path;
use std::process::Command;

use lbuild_sandbox::{Launcher, Root, Spec};
use libtest_mimic::Trial;

use crate::fixture::{self, shell};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial!(privileged_root_is_told_what_its_machine_offers),
        trial!(privileged_a_job_tells_what_holds_it),
        trial!(privileged_an_ordinary_user_runs_jobs_with_delegated_ids),
        trial!(privileged_an_ordinary_user_is_told_what_is_missing),
    ]
}

fn privileged_root_is_told_what_its_machine_offers() {
    let bench = fixture::Bench::new();
    let store = bench.path("store");
    std::fs::create_dir(&store).expect("a directory");
    let report = bench.launcher.preflight(&store).expect("a report");
    println!("{report:#?}");
    assert!(report.usable && report.isolation.root && report.isolation.unique_ids, "{report:?}");
    assert!(
        report.isolation.landlock > 0 && report.isolation.memory_limit && report.isolation.pids_limit,
        "{report:?}"
    );
    assert!(report.findings.iter().all(|finding| !finding.fatal && !finding.hint.is_empty()), "{report:?}");
    assert_eq!(std::fs::read_dir(&store).expect("the store").count(), 0, "nothing stays");
    let error = bench.launcher.preflight(&bench.path("missing")).expect("a report");
    assert!(!error.usable && error.findings[0].fatal, "{error:?}");
}

fn privileged_a_job_tells_what_holds_it() {
    let bench = fixture::Bench::new();
    let store = bench.path("store");
    std::fs::create_dir(&store).expect("a directory");
    let machine = bench.launcher.preflight(&store).expect("a report").isolation;
    let of_job = |name: &str, cpus| {
        let mut spec = Spec::new(bench.overlay(name), shell("true"));
        spec.limits.cpus = cpus;
        let mut running = bench.launcher.spawn(spec).expect("a job");
        let isolation = running.isolation().clone();
        running.wait(&mut |_, _| {}).expect("its end");
        isolation
    };
    assert_eq!(of_job("limited", Some(1.0)), machine, "all that the machine offers is made use of");
    let unlimited = of_job("unlimited", None);
    assert!(!unlimited.cpu_limit, "{unlimited:?}");
    assert_eq!(lbuild_sandbox::Isolation { cpu_limit: machine.cpu_limit, ..unlimited }, machine);
}

/// Runs this program as a user that no machine has in a mount namespace where `setup` has been run; its output.
fn as_user(uid: u32, setup: &str) -> String {
    let home = tempfile::tempdir().expect("a directory");
    std::os::unix::fs::chown(home.path(), Some(uid), Some(uid)).expect("given away");
    let files = tempfile::tempdir().expect("a directory");
    let user = format!("tester:x:{uid}:{uid}::/:/bin/sh\n");
    let passwd = std::fs::read_to_string("/etc/passwd").expect("users") + &user;
    std::fs::write(files.path().join("passwd"), passwd).expect("a file");
    std::fs::write(files.path().join("sub"), "tester:300000:65536\n").expect("a file");
    std::fs::write(files.path().join("none"), "somebody:300000:65536\n").expect("a file");
    let exe = std::env::current_exe().expect("this program");
    let script = format!(
        "set -e; cd {files}; mount --bind passwd /etc/passwd; touch /etc/subuid /etc/subgid; {setup}; \
         exec setpriv --reuid {uid} --regid {uid} --clear-groups {exe} __role user {home}",
        files = files.path().display(),
        exe = exe.display(),
        home = home.path().display(),
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().expect("unshare");
    let left: Vec<_> =
        std::fs::read_dir(home.path()).expect("a directory").flatten().map(|entry| entry.path()).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new(), "left behind");
    let _ = std::fs::remove_dir_all(format!("/tmp/lbuild-sandbox-{uid}"));
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

const DELEGATED: &str = "mount --bind sub /etc/subuid; mount --bind sub /etc/subgid";

const HIDDEN: &str = "for file in /usr/bin/newuidmap /bin/newuidmap; do \
                      if test -e $file; then mount --bind /dev/null $file; fi; done";

/// What the ordinary user does, in a directory of its own.
pub(crate) fn play(home: &Path) {
    std::fs::set_permissions(home, std::os::unix::fs::PermissionsExt::from_mode(0o711)).expect("permissions");
    let launcher = match Launcher::new() {
        Ok(launcher) => launcher,
        Err(error) => return println!("no launcher: {error:?}"),
    };
    let report = launcher.preflight(home).expect("a report");
    println!(
        "usable: {} unique: {} root: {}",
        report.usable, report.isolation.unique_ids, report.isolation.root
    );
    for finding in &report.findings {
        println!("finding: {} hint: {}", finding.what, finding.hint);
    }
    if !report.usable {
        return;
    }
    let trees = ["system", "upper", "work"].map(|name| home.join(name));
    let [system, upper, work] = &trees;
    fixture::populate_at(&launcher, system);
    launcher.make_tree_dir(upper).expect("a tree");
    let root = Root::Overlay { lowers: vec![system.clone()], upper: upper.clone(), work: work.clone() };
    let script = "cat /proc/self/uid_map; echo x > /file; chown 7:8 /file; cp /bin/true /t; setcap cap_net_raw=ep /t; \
                  mkdir -m 0 /closed; stat -c '%u %g' /file; getcap /t; rm /bin/yes; test ! -e /bin/yes; exit $?";
    let finished = launcher.run(Spec::new(root.clone(), shell(script)), &mut |_, line| println!("{line}"));
    println!("{:?}", finished.expect("a job").outcome);
    let look = "stat -c '%u %g' /file; getcap /t; test ! -e /bin/yes; exit $?";
    let finished = launcher.run(Spec::new(root, shell(look)), &mut |_, line| println!("again: {line}"));
    println!("{:?}", finished.expect("a job").outcome);
    for tree in &trees {
        launcher.delete_tree(tree).expect("deleted");
    }
}

fn privileged_an_ordinary_user_runs_jobs_with_delegated_ids() {
    let output = as_user(54_321, DELEGATED);
    println!("{output}");
    assert!(output.contains("usable: true unique: false root: false"), "{output}");
    assert!(output.contains("0     300000      65536"), "{output}");
    assert!(output.contains("7 8\n/t cap_net_raw=ep\nExited(0)"), "{output}");
    assert!(output.contains("again: 7 8\nagain: /t cap_net_raw=ep\nExited(0)"), "{output}");
}

fn privileged_an_ordinary_user_is_told_what_is_missing() {
    let output = as_user(54_322, "mount --bind none /etc/subuid; mount --bind none /etc/subgid");
    assert!(output.contains("usable: false") && output.contains("usermod --add-subuids"), "{output}");
    let output = as_user(54_322, &format!("{DELEGATED}; {HIDDEN}"));
    assert!(output.contains("usable: false") && output.contains("package `uidmap`"), "{output}");
}
