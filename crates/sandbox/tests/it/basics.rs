//! What a job sees and can do in an orderly sandbox.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use lbuild_sandbox::{Outcome, Root, Spec, Stdin, Task};
use libtest_mimic::Trial;

use crate::fixture::{Bench, agent, shell, system, tmp};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial!(privileged_runs_a_program_in_layers),
        trial!(privileged_runs_an_agent_in_an_empty_tree),
        trial!(privileged_reports_a_failing_agent),
        trial!(privileged_descriptors_arrive_in_any_number_and_while_running),
        trial!(privileged_an_agent_may_start_threads),
        trial!(privileged_jobs_run_at_once_and_outlive_the_thread_that_started_them),
        trial!(privileged_a_request_that_cannot_work_says_why),
    ]
}

fn privileged_runs_a_program_in_layers() {
    let bench = Bench::new();
    let (finished, output) =
        bench.shell("one", "id -u; cat /proc/self/uid_map; echo hello > /etc-file; ls -ln /; exit 3");
    assert_eq!(finished.outcome, Outcome::Exited(3));
    assert!(output.starts_with("0\n"), "{output}");
    assert!(bench.path("one/root/etc-file").exists());
}

fn privileged_runs_an_agent_in_an_empty_tree() {
    let bench = Bench::new();
    let spec = Spec::new(Root::Directory { tree: bench.tree("empty") }, agent("echo"));
    let mut running = bench.launcher.spawn(spec).expect("a job");
    let channel = running.channel().expect("a channel");
    channel.send(b"hello").expect("sent");
    assert_eq!(channel.recv().expect("an answer").expect("an answer").bytes, b"hello");
    channel.finish();
    let finished = running.wait(&mut |_, line| println!("{line}")).expect("an end");
    assert_eq!(finished.outcome, Outcome::Exited(0));
}

fn privileged_reports_a_failing_agent() {
    let bench = Bench::new();
    let root = || Root::ReadOnly { lowers: vec![system().to_owned()] };
    let mut spec = Spec::new(root(), agent("fail"));
    spec.mounts.push(tmp());
    assert_eq!(bench.run(spec).0.outcome, Outcome::AgentFailed("no luck".to_owned()));
    let (finished, output) = bench.run(Spec::new(root(), agent("panic")));
    assert_eq!(finished.outcome, Outcome::AgentFailed("the agent `panic` panicked".to_owned()));
    assert!(output.contains("on purpose"), "{output}");
    let (finished, _) = bench.run(Spec::new(root(), shell("kill -9 $$")));
    assert_eq!(finished.outcome, Outcome::Signaled(9));
}

/// A file of the host with this content, which has no name any more.
fn file(content: &str) -> OwnedFd {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(content.as_bytes()).and_then(|()| file.rewind()).expect("written");
    file.into()
}

fn privileged_descriptors_arrive_in_any_number_and_while_running() {
    let bench = Bench::new();
    let mut spec = Spec::new(bench.overlay("many"), agent("count"));
    spec.fds = (0..600).map(|_| OwnedFd::from(File::open("/dev/null").expect("a file"))).collect();
    let mut running = bench.launcher.spawn(spec).expect("a job");
    let channel = running.channel().expect("a channel");
    assert_eq!(channel.recv().expect("an answer").expect("an answer").bytes, b"600");
    assert_eq!(running.wait(&mut |_, _| {}).expect("an end").outcome, Outcome::Exited(0));

    let mut running = bench.launcher.spawn(Spec::new(bench.overlay("stream"), agent("echo"))).expect("a job");
    let channel = running.channel().expect("a channel");
    for round in 0..50 {
        let sent = file(&format!("file {round}"));
        channel.send_with(b"got ", &[sent.as_fd()]).expect("sent");
        let answer = channel.recv().expect("an answer").expect("an answer").bytes;
        assert_eq!(String::from_utf8_lossy(&answer), format!("got file {round}"));
    }
    let large = vec![7_u8; 3 << 20];
    channel.send(&large).expect("sent");
    assert_eq!(channel.recv().expect("an answer").expect("an answer").bytes, large);
    channel.finish();
    assert_eq!(running.wait(&mut |_, _| {}).expect("an end").outcome, Outcome::Exited(0));

    let mut spec = Spec::new(bench.overlay("program"), shell("cat <&3; cat <&4; cat"));
    spec.fds = vec![file("first "), file("second ")];
    spec.stdin = Stdin::File(file("input"));
    assert_eq!(bench.run(spec).1, "first second input\n");
}

fn privileged_an_agent_may_start_threads() {
    let bench = Bench::new();
    let spec = Spec::new(Root::Directory { tree: bench.tree("one") }, agent("threads"));
    let (finished, output) = bench.run(spec);
    assert_eq!(finished.outcome, Outcome::Exited(0), "{output}");
    let written = std::fs::read_dir(bench.path("one/root")).expect("a tree").flatten();
    assert_eq!(written.filter(|entry| entry.file_name().to_string_lossy().starts_with("thread")).count(), 8);
}

fn privileged_jobs_run_at_once_and_outlive_the_thread_that_started_them() {
    let bench = Bench::new();
    let roots: Vec<Root> = (0..8).map(|index| bench.overlay(&index.to_string())).collect();
    let start = |root| {
        let launcher = bench.launcher.clone();
        let task = shell("head -1 /proc/self/uid_map; sleep 0.3; echo alive");
        std::thread::spawn(move || launcher.spawn(Spec::new(root, task)).expect("a job"))
            .join()
            .expect("a thread")
    };
    let running: Vec<_> = roots.into_iter().map(start).collect();
    let mut ids = std::collections::BTreeSet::new();
    for mut job in running {
        let mut lines = Vec::new();
        let finished = job.wait(&mut |_, line| lines.push(line.to_owned())).expect("an end");
        assert_eq!((finished.outcome, lines[1].as_str()), (Outcome::Exited(0), "alive"));
        ids.insert(lines[0].clone());
    }
    assert_eq!(ids.len(), 8, "two running jobs share ids");
}

fn privileged_a_request_that_cannot_work_says_why() {
    let bench = Bench::new();
    let root = bench.overlay("one");
    let program = |argv: &str| Task::Exec { argv: vec![argv.to_owned()], env: Vec::new(), cwd: "/".into() };
    let nowhere = Root::ReadOnly { lowers: vec![PathBuf::from("/nonexistent/tree")] };
    let apart = Root::Overlay { lowers: Vec::new(), upper: bench.tree("two"), work: bench.path("work") };
    let cases = [
        (root.clone(), program("/bin/missing"), "execute `/bin/missing`"),
        (root.clone(), program("sh"), "start the task"),
        (root.clone(), agent("nobody"), "find the agent `nobody`"),
        (
            root,
            Task::Exec { argv: vec!["/bin/sh".to_owned()], env: Vec::new(), cwd: "/missing".into() },
            "in `/missing`",
        ),
        (nowhere, shell("true"), "open `/nonexistent/tree`"),
        (apart, shell("true"), "check the request"),
    ];
    for (root, task, expected) in cases {
        let error = bench.launcher.spawn(Spec::new(root, task)).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
