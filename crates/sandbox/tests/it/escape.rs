//! T11 to T16: what hostile code inside tries.

use std::io::Read;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::time::Duration;

use lbuild_sandbox::{Outcome, Root, Spec, Task};
use libtest_mimic::Trial;

use crate::fixture::{Bench, agent, shell, system, tmp};
use crate::{caller, probe, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial!(privileged_t11_dangerous_calls_are_refused),
        trial!(privileged_t12_foreign_calls_kill),
        trial!(privileged_t13_sockets_reach_nothing),
        trial!(privileged_t14_nothing_is_shared_with_the_caller_or_another_job),
        trial!(privileged_t15_no_secret_of_the_caller_is_visible),
        trial!(privileged_t16_the_kernel_cannot_be_configured),
        trial!(privileged_the_privileges_left_are_the_ten),
        trial!(privileged_t16_the_program_of_the_sandbox_cannot_be_changed),
        trial!(privileged_t16_a_given_descriptor_cannot_be_opened_again),
    ]
}

fn read_only() -> Root {
    Root::ReadOnly { lowers: vec![system().to_owned()] }
}

/// What an agent sends first.
fn answer(bench: &Bench, name: &str, suppress_sync: bool) -> String {
    let mut spec = Spec::new(read_only(), agent(name));
    spec.suppress_sync = suppress_sync;
    let mut running = bench.launcher.spawn(spec).expect("a job");
    let message = running.channel().expect("a channel").recv().expect("an answer").expect("an answer");
    let finished = running.wait(&mut |_, line| println!("{line}")).expect("an end");
    assert_eq!(finished.outcome, Outcome::Exited(0));
    String::from_utf8(message.bytes).expect("a table")
}

fn privileged_t11_dangerous_calls_are_refused() {
    let bench = Bench::new();
    let table = answer(&bench, "syscalls", true);
    assert_eq!(table, include_str!("../golden/syscalls.txt"), "with syncing suppressed");
    let table = answer(&bench, "syscalls", false);
    assert!(table.contains("fsync                       errno 9\n"), "{table}");
}

fn privileged_t12_foreign_calls_kill() {
    let bench = Bench::new();
    for kind in ["int80", "socketcall", "x32"] {
        let (finished, output) = bench.run(Spec::new(read_only(), agent(kind)));
        assert_eq!(finished.outcome, Outcome::ForbiddenAbi, "{kind} of an agent: {output}");
        let script = format!("/bin/it __role foreign {kind}; exit $?");
        let (finished, output) = bench.run(Spec::new(read_only(), shell(&script)));
        assert_eq!(finished.outcome, Outcome::ForbiddenAbi, "{kind} of a program's child: {output}");
    }
}

fn privileged_t13_sockets_reach_nothing() {
    let bench = Bench::new();
    assert_eq!(answer(&bench, "sockets", true), include_str!("../golden/sockets.txt"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let task = Task::Agent { name: "connect".to_owned(), input: port.to_string().into_bytes() };
    let mut running = bench.launcher.spawn(Spec::new(read_only(), task)).expect("a job");
    let message = running.channel().expect("a channel").recv().expect("an answer").expect("an answer");
    let expected = "public: ENETUNREACH\nmetadata: ENETUNREACH\nworker: ECONNREFUSED\nname server: ENETUNREACH\ndevices: lo\n";
    assert_eq!(String::from_utf8_lossy(&message.bytes), expected);
    assert!(running.wait(&mut |_, _| {}).expect("an end").outcome.success());
}

fn privileged_t14_nothing_is_shared_with_the_caller_or_another_job() {
    let bench = Bench::new();
    probe::leak_descriptor(100);
    let given = || OwnedFd::from(std::fs::File::open("/dev/null").expect("a file"));
    let mut spec = Spec::new(read_only(), shell("cd /proc/self/fd; echo *"));
    spec.fds = vec![given(), given()];
    let (_, output) = bench.run(spec);
    assert_eq!(output, "0 1 2 3 4 5\n", "two given ones; 5 is the shell's own, reading the directory");
    let fds: Vec<i32> =
        answer(&bench, "descriptors", true).split(' ').map(|fd| fd.parse().expect("a number")).collect();
    assert!(
        fds.starts_with(&[0, 1, 2]) && fds.len() == 5,
        "standard ones, the channel and the report: {fds:?}"
    );

    let first = bench.launcher.spawn(Spec::new(read_only(), agent("listen"))).expect("a job");
    let channel = first.channel().expect("a channel");
    let map = String::from_utf8(channel.recv().expect("a map").expect("a map").bytes).expect("a map");
    let mut second = bench.launcher.spawn(Spec::new(read_only(), agent("intrude"))).expect("a job");
    let found = second.channel().expect("a channel").recv().expect("an answer").expect("an answer").bytes;
    let found = String::from_utf8(found).expect("an answer");
    let (other, tried) = found.split_once('\n').expect("two lines");
    assert_eq!(tried, "abstract socket: ECONNREFUSED\nprocesses: 1\n");
    assert_ne!(map.trim(), other.trim(), "two running jobs share ids");
    second.wait(&mut |_, _| {}).expect("an end");
    // It killed everything that it could reach.
    channel.send(b"still there?").expect("the first job is alive");
    assert_eq!(channel.recv().expect("an answer").expect("an answer").bytes, b"yes");
}

fn privileged_t15_no_secret_of_the_caller_is_visible() {
    let canary = "canary-9f31c7d2";
    let script = "cat /proc/*/environ /proc/*/cmdline /proc/keys /proc/cmdline 2>/dev/null | tr '\\0' '\\n'; env; \
                  ls -a /run /home /root /etc /var /sys 2>/dev/null; ls /proc | tr '\\n' ' '; ls -l /proc/1/exe 2>&1; \
                  ls / | tr '\\n' ' '";
    let mut child = caller::spawn(system(), script, &[("LBUILD_TEST_SECRET", canary)]);
    let mut output = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut output).expect("its output");
    assert!(child.wait().expect("an end").success());
    assert!(output.contains("PATH=/bin"), "{output}");
    assert!(!output.contains(canary) && !output.contains("SECRET"), "{output}");
    assert!(
        !output.contains(" 1 ") && output.contains("/proc/1/exe': No such file"),
        "init is visible: {output}"
    );
    assert!(output.contains("bin dev lib lib64 proc usr"), "{output}");
}

fn privileged_t16_the_kernel_cannot_be_configured() {
    let bench = Bench::new();
    let canaries = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/swappiness"];
    let values = || canaries.map(|path| std::fs::read_to_string(path).expect("a value"));
    let before = values();
    let script = "\
        mknod /disk b 8 0 && echo made a block device
        mknod /null c 1 3 && echo made a character device
        for file in /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness /proc/sysrq-trigger /proc/sys/kernel/modprobe \
            /proc/sys/user/max_user_namespaces /proc/irq/default_smp_affinity /sys/fs/cgroup/memory/release_agent \
            /sys/kernel/uevent_helper /proc/1/oom_score_adj /proc/sys/kernel/hostname; do
            (echo 1 > $file) 2>/dev/null && echo wrote $file
        done
        for file in kcore kmsg keys timer_list interrupts; do
            test \"$(head -c 1 /proc/$file 2>/dev/null | wc -c)\" = 0 || echo read $file
        done
        hostname changed 2>/dev/null && echo renamed the host
        ls /sys 2>/dev/null
        test -e /dev/kmsg -o -e /dev/mem -o -e /dev/vda -o -e /dev/kvm && echo device
        echo done";
    let (finished, output) = bench.shell("one", script);
    assert_eq!(finished.outcome, Outcome::Exited(0), "{output}");
    let told: Vec<&str> = output.lines().filter(|line| !line.contains("Operation not permitted")).collect();
    assert_eq!(told, ["done"], "{output}");
    assert_eq!(values(), before);
}

fn privileged_the_privileges_left_are_the_ten() {
    let bench = Bench::new();
    let mut spec = Spec::new(read_only(), shell("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status"));
    spec.mounts.push(tmp());
    spec.limits.wall = Duration::from_secs(20);
    let (_, output) = bench.run(spec);
    let lines: Vec<String> =
        output.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let ten = "00000000800401fb";
    let expected = [
        "CapInh: 0000000000000000".to_owned(),
        format!("CapPrm: {ten}"),
        format!("CapEff: {ten}"),
        format!("CapBnd: {ten}"),
        "CapAmb: 0000000000000000".to_owned(),
        "NoNewPrivs: 1".to_owned(),
        "Seccomp: 2".to_owned(),
    ];
    assert_eq!(lines, expected);
}

/// The class of CVE-2019-5736.
fn privileged_t16_the_program_of_the_sandbox_cannot_be_changed() {
    let bench = Bench::new();
    let told = answer(&bench, "own-program", true);
    let expected = "/proc/self/exe: permission denied\n/proc/1/exe: entity not found\n/proc/thread-self/exe: permission denied\n";
    assert_eq!(told, expected);
}

/// Landlock at work: a file that anybody may write to, given read-only.
fn privileged_t16_a_given_descriptor_cannot_be_opened_again() {
    let bench = Bench::new();
    let path = bench.path("canary");
    std::fs::write(&path, "canary").expect("a file");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .expect("permissions");
    let mut spec = Spec::new(
        bench.overlay("one"),
        shell("cat <&3; (echo changed > /proc/self/fd/3) 2>/dev/null || echo ' refused'"),
    );
    spec.fds = vec![std::fs::File::open(&path).expect("a file").into()];
    assert_eq!(bench.run(spec).1, "canary refused\n");
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "canary");
}
