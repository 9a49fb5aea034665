//! How long a job takes that does nothing: from the request until its task runs, and until nothing of it is left.

use std::time::{Duration, Instant};

use lbuild_sandbox::{Agent, Launcher, Root, Spec, Task};

const ROUNDS: usize = 60;

fn main() {
    lbuild_sandbox::dispatch(&[Agent { name: "nothing", run: |_| Ok(()) }]);
    let launcher = Launcher::new().expect("a launcher");
    let directory = tempfile::tempdir().expect("a directory");
    let opened = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), opened).expect("permissions");
    let (lower, upper) = (directory.path().join("lower"), directory.path().join("upper"));
    let work = directory.path().join("work");
    for tree in [&lower, &upper] {
        launcher.make_tree_dir(tree).expect("a tree");
    }
    let root = Root::Overlay { lowers: vec![lower.clone()], upper: upper.clone(), work: work.clone() };
    let mut running = Vec::new();
    let mut ended = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let task = Task::Agent { name: "nothing".to_owned(), input: Vec::new() };
        let mut job = launcher.spawn(Spec::new(root.clone(), task)).expect("a job");
        running.push(start.elapsed());
        job.wait(&mut |_, _| {}).expect("an end");
        ended.push(start.elapsed());
    }
    for tree in [&lower, &upper, &work] {
        launcher.delete_tree(tree).expect("deleted");
    }
    print("until its task runs", running);
    print("until nothing is left", ended);
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    println!(
        "{what}: median {:.1?}, best {:.1?}, worst {:.1?}",
        times[times.len() / 2],
        times[0],
        times[times.len() - 1]
    );
}
