//! Layers: what one job writes, the next one finds, whatever ids either ran with.

use std::path::PathBuf;

use lbuild_sandbox::{Mount, Outcome, Owner, Root, Spec};
use libtest_mimic::Trial;

use crate::fixture::{Bench, shell, system, tmp};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial!(privileged_deletions_last_when_an_upper_layer_becomes_a_lower_one),
        trial!(privileged_one_upper_layer_serves_several_jobs),
        trial!(privileged_owners_and_file_capabilities_are_the_same_for_every_job),
        trial!(privileged_a_finished_tree_is_seen_read_only_at_a_target),
        trial!(privileged_mount_points_do_not_become_part_of_a_tree),
        trial!(privileged_a_bound_directory_takes_results),
        trial!(privileged_forty_layers_are_one_file_system),
        trial!(privileged_a_link_in_the_tree_cannot_move_a_mount),
    ]
}

fn over(lowers: &[&PathBuf], upper: PathBuf) -> Root {
    let mut all = vec![system().to_owned()];
    all.extend(lowers.iter().map(|lower| (*lower).clone()));
    let work = upper.with_file_name("work");
    Root::Overlay { lowers: all, upper, work }
}

fn ok(bench: &Bench, root: Root, script: &str) -> String {
    let (finished, output) = bench.run(Spec::new(root, shell(script)));
    assert_eq!(finished.outcome, Outcome::Exited(0), "{script}: {output}");
    output
}

fn privileged_deletions_last_when_an_upper_layer_becomes_a_lower_one() {
    let bench = Bench::new();
    let (first, second, third) = (bench.tree("1"), bench.tree("2"), bench.tree("3"));
    ok(
        &bench,
        over(&[], first.clone()),
        "mkdir -p /d/e /o; echo 1 > /f; echo 2 > /d/e/g; echo 3 > /o/old; ln /f /h",
    );
    ok(
        &bench,
        over(&[&first], second.clone()),
        "rm /f; rm -r /d /o; mkdir /o; echo 4 > /o/new; mv /h /moved",
    );
    let script = "ls /; ls /o; cat /moved; test ! -e /d && test ! -e /f && test ! -e /h && test ! -e /o/old";
    let output = ok(&bench, over(&[&first, &second], third), script);
    assert!(output.contains("new\n1\n"), "{output}");
}

fn privileged_one_upper_layer_serves_several_jobs() {
    let bench = Bench::new();
    let upper = bench.tree("1");
    for round in ["one", "two", "three"] {
        ok(
            &bench,
            over(&[], upper.clone()),
            &format!("echo {round} >> /log; mkdir /{round}; rm -r /{round}"),
        );
    }
    assert_eq!(ok(&bench, over(&[], upper), "cat /log"), "one\ntwo\nthree\n");
}

fn privileged_owners_and_file_capabilities_are_the_same_for_every_job() {
    let bench = Bench::new();
    let (first, second) = (bench.tree("1"), bench.tree("2"));
    let make = "cp /bin/true /p; setcap cap_net_raw=ep /p; cp /bin/true /s; chown 7:9 /s; chmod 4755 /s; chown 65534:65535 /etc-x 2>/dev/null; cp /bin/true /edge; chown 65535:65535 /edge";
    ok(&bench, over(&[], first.clone()), &format!("{make}; true"));
    let look = "getcap /p; stat -c '%a %u %g' /p /s /edge";
    let expected = "/p cap_net_raw=ep\n755 0 0\n4755 7 9\n755 65535 65535\n";
    assert_eq!(ok(&bench, over(&[], first.clone()), look), expected, "in its own layer");
    assert_eq!(ok(&bench, over(&[&first], second.clone()), look), expected, "in a lower layer");
    ok(
        &bench,
        over(&[&first], second.clone()),
        "chmod 700 /p; chmod 755 /p; chown 1 /edge; chown 65535 /edge",
    );
    assert_eq!(ok(&bench, over(&[&first], second), look), expected, "copied up");
}

fn privileged_a_finished_tree_is_seen_read_only_at_a_target() {
    let bench = Bench::new();
    let (first, second) = (bench.tree("1"), bench.tree("2"));
    ok(&bench, over(&[], first.clone()), "echo 1 > /only-below; echo 1 > /both");
    ok(&bench, over(&[&first], second.clone()), "rm /only-below; echo 2 > /both; chown 5 /both");
    for lowers in [vec![first.clone(), second], vec![first]] {
        let layered = lowers.len() > 1;
        let mut spec = Spec::new(
            Root::ReadOnly { lowers: vec![system().to_owned()] },
            shell(
                "cat /target/both; stat -c %u /target/both; test -e /target/only-below; echo $?; touch /target/x /bin/x || echo refused; touch /tmp/x",
            ),
        );
        spec.mounts = vec![tmp(), Mount::Tree { lowers, target: "/target".into() }];
        let (finished, output) = bench.run(spec);
        assert_eq!(finished.outcome, Outcome::Exited(0), "{output}");
        let expected = if layered { "2\n5\n1\n" } else { "1\n0\n0\n" };
        assert!(output.starts_with(expected) && output.ends_with("refused\n"), "{output}");
    }
}

fn privileged_mount_points_do_not_become_part_of_a_tree() {
    let bench = Bench::new();
    let upper = bench.tree("1");
    let mut spec = Spec::new(
        over(&[], upper.clone()),
        shell("touch /a/b/c/file && ls /proc/self >/dev/null && echo x > /dev/null"),
    );
    spec.mounts = vec![Mount::Tmpfs { target: "/a/b/c".into(), size: 1 << 20 }];
    let (finished, output) = bench.run(spec);
    assert_eq!(finished.outcome, Outcome::Exited(0), "{output}");
    let mut names: Vec<_> =
        std::fs::read_dir(&upper).expect("a tree").flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, Vec::<std::ffi::OsString>::new());
}

fn privileged_a_bound_directory_takes_results() {
    let bench = Bench::new();
    let out = bench.tree("out");
    let input = bench.path("input");
    std::fs::write(&input, "from the host").expect("a file");
    let mut spec = Spec::new(
        Root::ReadOnly { lowers: vec![system().to_owned()] },
        shell(
            "cat /in/file > /out/result && chown 3:4 /out/result && ! touch /in/file 2>/dev/null && ! mkdir /in/x 2>/dev/null",
        ),
    );
    spec.mounts = vec![
        Mount::Bind { source: out.clone(), target: "/out".into(), writable: true, owner: Owner::Tree },
        Mount::Bind { source: input, target: "/in/file".into(), writable: false, owner: Owner::Host },
    ];
    let (finished, output) = bench.run(spec);
    assert_eq!(finished.outcome, Outcome::Exited(0), "{output}");
    assert_eq!(std::fs::read_to_string(out.join("result")).expect("a result"), "from the host");
}

fn privileged_a_link_in_the_tree_cannot_move_a_mount() {
    let bench = Bench::new();
    let upper = bench.tree("1");
    ok(&bench, over(&[], upper.clone()), "ln -s /bin /link; ln -s ../../../../../../etc /away");
    for target in ["/link/x", "/link", "/away/x", "/../x"] {
        let mut spec = Spec::new(over(&[], upper.clone()), shell("true"));
        spec.mounts = vec![Mount::Tmpfs { target: target.into(), size: 1 << 20 }];
        let error = bench.launcher.spawn(spec).err().unwrap_or_else(|| panic!("{target} was mounted"));
        assert!(error.to_string().contains("mount point"), "{error}");
    }
    let replaced = bench.tree("2");
    ok(&bench, over(&[], replaced.clone()), "true");
    let proc = replaced.join("proc");
    std::os::unix::fs::symlink("/etc", &proc).expect("a link");
    let error = bench.launcher.spawn(Spec::new(over(&[], replaced), shell("true"))).expect_err("refused");
    assert!(error.to_string().contains("mount point `proc`"), "{error}");
}

fn privileged_forty_layers_are_one_file_system() {
    let bench = Bench::new();
    let layers: Vec<PathBuf> = (0..40).map(|index| bench.tree(&index.to_string())).collect();
    for (index, layer) in layers.iter().enumerate() {
        std::fs::write(layer.join(index.to_string()), "").expect("a file");
    }
    let all: Vec<&PathBuf> = layers.iter().collect();
    let script = "ls / | wc -l; touch /new; ln /new /linked; stat -c %d / /bin /bin/sh /7 /39 /new /dev/.. | sed s/^/device-/; test /new -ef /linked";
    let output = ok(&bench, over(&all, bench.tree("upper")), script);
    let devices: std::collections::BTreeSet<_> =
        output.lines().filter(|line| line.starts_with("device-")).collect();
    assert_eq!(devices.len(), 1, "{output}");
    assert!(output.starts_with("46\n"), "{output}");
    let mut spec = Spec::new(
        Root::ReadOnly { lowers: vec![system().to_owned()] },
        shell("ls /target | wc -l; stat -c %d /target /target/7 /target/39"),
    );
    spec.mounts = vec![Mount::Tree { lowers: layers, target: "/target".into() }];
    let (finished, output) = bench.run(spec);
    assert_eq!(finished.outcome, Outcome::Exited(0), "{output}");
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines[0] == "40" && lines[1] == lines[2] && lines[2] == lines[3], "{output}");
}
