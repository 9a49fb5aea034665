//! What a job sees and can do in an orderly sandbox.

use lbuild_sandbox::{Outcome, Root, Spec};
use libtest_mimic::Trial;

use crate::fixture::{Bench, agent, shell, system, tmp};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial!(privileged_runs_a_program_in_layers),
        trial!(privileged_runs_an_agent_in_an_empty_tree),
        trial!(privileged_reports_a_failing_agent),
    ]
}

fn privileged_runs_a_program_in_layers() {
    let bench = Bench::new();
    let (finished, output) =
        bench.shell("one", "id -u; cat /proc/self/uid_map; echo hello > /etc-file; ls -ln /; exit 3");
    println!("{output} {finished:?}");
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
