//! T09 and T10: jobs that use up everything or never end.

use std::time::{Duration, Instant};

use lbuild_sandbox::{Breach, Limits, Mount, Outcome, Running, Spec};
use libtest_mimic::Trial;

use crate::caller::{eventually, of_range};
use crate::fixture::{Bench, agent, shell};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial!(privileged_t09_a_breach_ends_the_job_by_name_and_no_other_job),
        trial!(privileged_t10_what_never_ends_is_killed_at_its_deadline),
        trial!(privileged_t10_a_frozen_job_is_killed),
        trial!(privileged_processor_time_is_limited),
        trial!(privileged_the_log_is_whole_and_the_caller_can_stop_a_job),
    ]
}

const MIB: u64 = 1 << 20;

/// A script, its limits, what it breaches.
fn breaches() -> Vec<(&'static str, Limits, Breach)> {
    let limits = || Limits { wall: Duration::from_mins(1), ..Limits::default() };
    vec![
        ("f() { f | f & }; f; sleep 60", Limits { pids: 60, ..limits() }, Breach::Pids),
        (
            "dd if=/dev/zero of=/dev/shm/x bs=1M; sleep 60",
            Limits { memory: Some(32 * MIB), ..limits() },
            Breach::Memory,
        ),
        ("dd if=/dev/zero of=/small/x bs=1M; sleep 60", limits(), Breach::Tmpfs),
        ("dd if=/dev/zero of=/dev/shm/x bs=1M; sleep 60", limits(), Breach::Tmpfs),
        ("i=0; while :; do i=$((i+1)); : > /small/$i; done", limits(), Breach::Tmpfs),
        (
            "dd if=/dev/zero of=/x bs=1M count=300; sleep 60",
            Limits { disk: 64 * MIB, ..limits() },
            Breach::Disk,
        ),
        (
            "mkdir /d; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); : > /d/$i; done; sleep 60",
            Limits { inodes: 2000, ..limits() },
            Breach::Inodes,
        ),
        ("truncate -s 1T /x; exit $?", Limits { file_size: MIB, ..limits() }, Breach::FileSize),
        (
            "exec dd if=/dev/zero of=/x bs=1M count=10",
            Limits { file_size: MIB, ..limits() },
            Breach::FileSize,
        ),
        ("yes", Limits { output_bytes: 4 * MIB, ..limits() }, Breach::Output),
        ("sleep 60", Limits { wall: Duration::from_secs(1), ..limits() }, Breach::Wall),
    ]
}

fn privileged_t09_a_breach_ends_the_job_by_name_and_no_other_job() {
    let bench = Bench::new();
    let spec =
        Spec::new(bench.overlay("bystander"), shell("while read line; do echo $line; done; echo done"));
    let (read, write) = std::io::pipe().expect("a pipe");
    let mut bystander = bench
        .launcher
        .spawn(Spec { stdin: lbuild_sandbox::Stdin::File(read.into()), ..spec })
        .expect("a job");
    for (index, (script, limits, breach)) in breaches().into_iter().enumerate() {
        let start = Instant::now();
        let mut spec = Spec::new(bench.overlay(&index.to_string()), shell(script));
        spec.limits = limits;
        spec.mounts.push(Mount::Tmpfs { target: "/small".into(), size: 4 * MIB });
        let (finished, output) = bench.run(spec);
        assert_eq!(
            finished.outcome,
            Outcome::Limit(breach),
            "{script}: {}",
            output.chars().take(300).collect::<String>()
        );
        assert!(start.elapsed() < Duration::from_secs(20), "{script} took {:?}", start.elapsed());
    }
    let mut spec = Spec::new(bench.overlay("hog"), agent("hog"));
    spec.limits.memory = Some(64 * MIB);
    let (finished, _) = bench.run(spec);
    assert_eq!(finished.outcome, Outcome::Limit(Breach::Memory));
    assert!(
        finished.usage.peak_memory > 48 * MIB && finished.usage.peak_memory <= 64 * MIB,
        "{:?}",
        finished.usage
    );
    drop(write);
    let finished = bystander.wait(&mut |_, line| assert_eq!(line, "done")).expect("an end");
    assert_eq!(finished.outcome, Outcome::Exited(0), "another job suffered");
}

/// First id of a running job, which it prints as its first line.
fn started(bench: &Bench, name: &str, script: &str, wall: Duration) -> (Running, u32) {
    let mut spec = Spec::new(bench.overlay(name), shell(script));
    spec.limits.wall = wall;
    let (read, write) = std::io::pipe().expect("a pipe");
    spec.output = lbuild_sandbox::Output::Stdout(write.into());
    let running = bench.launcher.spawn(spec).expect("a job");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(read), &mut line).expect("a line");
    let first = line.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    (running, first.unwrap_or_else(|| panic!("no ids in `{line}`")))
}

fn privileged_t10_what_never_ends_is_killed_at_its_deadline() {
    let bench = Bench::new();
    let wall = Duration::from_millis(1500);
    let scripts = [
        "sleep 1000",
        "trap '' TERM INT HUP QUIT; while :; do sleep 1; done",
        "setsid sh -c 'sleep 1000 & sleep 1000 &' & nohup sleep 1000 & wait; sleep 1000",
        "kill -STOP $$",
        "(trap '' TERM; setsid sh -c 'kill -STOP $$; sleep 1000') & sleep 1000",
    ];
    for (index, script) in scripts.iter().enumerate() {
        let start = Instant::now();
        let script = format!("head -1 /proc/self/uid_map; {script}");
        let (mut running, first) = started(&bench, &index.to_string(), &script, wall);
        assert!(!of_range(first).is_empty(), "{script}: the ids are those of the job");
        let finished = running.wait(&mut |_, _| {}).expect("an end");
        assert_eq!(finished.outcome, Outcome::Limit(Breach::Wall), "{script}");
        assert!(start.elapsed() < wall + Duration::from_secs(5), "{script} took {:?}", start.elapsed());
        assert_eq!(of_range(first), [], "{script} is still there");
    }
}

fn privileged_t10_a_frozen_job_is_killed() {
    let bench = Bench::new();
    let (mut running, first) =
        started(&bench, "one", "head -1 /proc/self/uid_map; sleep 1000", Duration::from_secs(3));
    let mut frozen = 0;
    for process in of_range(first) {
        let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", process.pid)).expect("its groups");
        for line in groups.lines() {
            let Some(path) = line.strip_prefix("0::").filter(|path| path.contains("lbuild-")) else {
                continue;
            };
            let file = format!("{}{path}/cgroup.freeze", unified());
            std::fs::write(file, "1").expect("frozen");
            frozen += 1;
        }
    }
    assert!(frozen > 0, "nothing was frozen");
    let finished = running.wait(&mut |_, _| {}).expect("an end");
    assert_eq!(finished.outcome, Outcome::Limit(Breach::Wall));
    eventually("the frozen job is gone", Duration::from_secs(5), || of_range(first).is_empty());
}

/// Where version 2 of the control groups is mounted.
fn unified() -> String {
    let mounts = std::fs::read_to_string("/proc/mounts").expect("the mounts");
    let found =
        mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|fields| fields[2] == "cgroup2");
    found.expect("control groups of version 2")[1].to_owned()
}

fn privileged_processor_time_is_limited() {
    let bench = Bench::new();
    let mut spec = Spec::new(bench.overlay("one"), shell("while :; do :; done"));
    spec.limits = Limits { cpus: Some(0.2), wall: Duration::from_secs(3), ..Limits::default() };
    let (finished, _) = bench.run(spec);
    assert_eq!(finished.outcome, Outcome::Limit(Breach::Wall));
    let share = finished.usage.cpu.as_secs_f64() / finished.usage.wall.as_secs_f64();
    assert!(share < 0.3, "it got {share:.2} processors");
}

fn privileged_the_log_is_whole_and_the_caller_can_stop_a_job() {
    let bench = Bench::new();
    let mut spec = Spec::new(bench.overlay("one"), shell("seq 1 20000; printf end >&2"));
    spec.output = lbuild_sandbox::Output::Apart;
    let mut lines = Vec::new();
    let finished =
        bench.launcher.run(spec, &mut |stream, line| lines.push((stream, line.to_owned()))).expect("a job");
    assert_eq!(finished.outcome, Outcome::Exited(0));
    let numbers = lines
        .iter()
        .filter(|(stream, _)| *stream == lbuild_sandbox::Stream::Stdout)
        .map(|(_, line)| line.as_str());
    assert!(numbers.eq((1..=20000).map(|number| number.to_string())), "a line is missing");
    assert!(lines.contains(&(lbuild_sandbox::Stream::Stderr, "end".to_owned())));

    let (mut running, first) =
        started(&bench, "two", "head -1 /proc/self/uid_map; sleep 1000", Duration::from_mins(1));
    let killer = running.killer();
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        killer.kill();
    });
    assert_eq!(running.wait(&mut |_, _| {}).expect("an end").outcome, Outcome::Killed);
    stopping.join().expect("a thread");
    assert_eq!(of_range(first), []);
    let (running, first) =
        started(&bench, "three", "head -1 /proc/self/uid_map; sleep 1000", Duration::from_mins(1));
    drop(running);
    assert_eq!(of_range(first), [], "a job outlives its handle");
}
