//! T18 and the end of everything: deleting trees, and what is left when a process is killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lbuild_sandbox::{LaunchError, Launcher, Outcome, Root, Spec};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::caller::{self, eventually, of_range, processes};
use crate::fixture::{Bench, shell, system};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial!(privileged_t18_a_swapped_directory_is_never_followed),
        trial!(privileged_a_tree_of_any_shape_is_deleted),
        trial!(privileged_a_deletion_that_is_stopped_goes_on_another_time),
        trial!(privileged_killing_any_process_removes_the_job),
    ]
}

/// Every path below a directory with what it contains.
fn listing(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(listing(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).expect("a file")));
        }
    }
    found.sort();
    found
}

fn privileged_t18_a_swapped_directory_is_never_followed() {
    let bench = Bench::new();
    // The canary has the same ids as what is deleted, so that only the way of walking protects it.
    let canary = bench.tree("canary");
    let script = "mkdir -p /c/sub; for i in 1 2 3 4 5 6 7 8; do echo $i > /c/$i; echo $i > /c/sub/$i; done";
    let grow = |tree: &Path, script: &str| {
        let work = tree.with_file_name("work");
        let root = Root::Overlay { lowers: vec![system().to_owned()], upper: tree.to_owned(), work };
        assert_eq!(bench.run(Spec::new(root, shell(script))).0.outcome, Outcome::Exited(0));
    };
    grow(&canary, script);
    let before = listing(&canary);
    assert_eq!(before.len(), 16);
    let victim = bench.tree("victim");
    let target = canary.join("c");
    let swaps = AtomicUsize::new(0);
    for round in 0.. {
        if round >= 100 && swaps.load(Ordering::Relaxed) >= 1000 {
            break;
        }
        if round > 0 {
            bench.launcher.make_tree_dir(&victim).expect("a tree");
        }
        plant(&victim);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (real, aside, link) = (victim.join("d"), victim.join("aside"), victim.join("link"));
                while !done.load(Ordering::Relaxed) {
                    let _ = std::fs::rename(&real, &aside);
                    let _ = std::os::unix::fs::symlink(&target, &link);
                    let swapped = std::fs::rename(&link, &real).is_ok();
                    swaps.fetch_add(usize::from(swapped), Ordering::Relaxed);
                    let _ = std::fs::remove_file(&real);
                    let _ = std::fs::rename(&aside, &real);
                }
            });
            let result = bench.launcher.delete_tree(&victim);
            done.store(true, Ordering::Relaxed);
            // A link that is made between the last look and the removal leaves the tree; then it is deleted again.
            if let Err(error) = result {
                assert!(error.to_string().contains("tree `"), "{error}");
            }
        });
        bench.launcher.delete_tree(&victim).expect("deleted");
        assert!(!victim.exists());
    }
    assert_eq!(listing(&canary), before);
}

/// Directories and files with the ids of trees.
fn plant(tree: &Path) {
    use std::os::unix::fs::{MetadataExt, lchown};
    let ids = tree.metadata().expect("a tree");
    let own = |path: &Path| lchown(path, Some(ids.uid()), Some(ids.gid())).expect("given away");
    for directory in ["d", "d/sub", "d/sub/deep"] {
        let path = tree.join(directory);
        std::fs::create_dir(&path).expect("a directory");
        own(&path);
        for file in ["1", "2", "3"] {
            std::fs::write(path.join(file), file).expect("a file");
            own(&path.join(file));
        }
    }
}

fn privileged_a_tree_of_any_shape_is_deleted() {
    let bench = Bench::new();
    let tree = bench.tree("one");
    let root = Root::Overlay {
        lowers: vec![system().to_owned()],
        upper: tree.clone(),
        work: tree.with_file_name("work"),
    };
    let script = "\
        mkfifo /fifo; ln -s / /top; ln -s /etc/passwd /link; mkdir -p /closed/in; chmod 0 /closed/in /closed
        touch -- '/-rf' '/new
line'; chown 77:78 /closed; i=0; while [ $i -lt 400 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done; echo x > bottom";
    let (finished, output) = bench.run(Spec::new(root, shell(script)));
    assert_eq!(finished.outcome, Outcome::Exited(0), "{output}");
    bench.launcher.delete_tree(&tree).expect("deleted");
    assert!(!tree.exists());
    bench.launcher.delete_tree(&tree).expect("what is not there is deleted");
    let foreign = bench.tree("two");
    std::fs::write(foreign.join("of-the-host"), "").expect("a file");
    std::fs::create_dir(foreign.join("dir")).expect("a directory");
    std::fs::write(foreign.join("dir/of-the-host"), "").expect("a file");
    let error = bench.launcher.delete_tree(&foreign).expect_err("it has no right to");
    assert!(error.to_string().contains("of-the-host"), "{error}");
    std::fs::remove_dir_all(foreign.join("dir")).expect("deleted");
}

/// Which process of a running job is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Caller,
    Supervisor,
    Init,
    Task,
}

fn privileged_a_deletion_that_is_stopped_goes_on_another_time() {
    let bench = Bench::new();
    let tree = bench.tree("one");
    let root = Root::Overlay {
        lowers: vec![system().to_owned()],
        upper: tree.clone(),
        work: tree.with_file_name("work"),
    };
    let script = "mkdir /many; cd /many; i=0; while [ $i -lt 20000 ]; do : > $i; i=$((i+1)); done";
    assert_eq!(bench.run(Spec::new(root, shell(script))).0.outcome, Outcome::Exited(0));
    let stop = AtomicBool::new(true);
    let error = bench
        .launcher
        .delete_tree_unless(&tree, &|| stop.load(Ordering::Relaxed))
        .expect_err("it was stopped");
    assert!(matches!(error, LaunchError::Stopped), "{error}");
    assert!(std::fs::read_dir(tree.join("many")).expect("the directory").count() > 0, "something is left");
    bench.launcher.delete_tree(&tree).expect("deleted");
    assert!(!tree.exists());
}

fn privileged_killing_any_process_removes_the_job() {
    for victim in [Victim::Caller, Victim::Supervisor, Victim::Init, Victim::Task] {
        let script = "head -1 /proc/self/uid_map; setsid sleep 1000 & nohup sleep 1000 & sleep 1000";
        let mut caller = caller::spawn(system(), script, &[]);
        let mut output = BufReader::new(caller.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let first: u32 =
            line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("the job's ids");
        eventually("the job runs", Duration::from_secs(5), || of_range(first).len() >= 5);
        let caller_pid = i32::try_from(caller.id()).expect("a pid");
        let supervisor =
            processes().into_iter().find(|process| process.parent == caller_pid).expect("a supervisor").pid;
        let init =
            of_range(first).into_iter().find(|process| process.parent == supervisor).expect("an init").pid;
        let task = of_range(first).into_iter().find(|process| process.parent == init).expect("a task").pid;
        let pid = match victim {
            Victim::Caller => caller_pid,
            Victim::Supervisor => supervisor,
            Victim::Init => init,
            Victim::Task => task,
        };
        kill_process(Pid::from_raw(pid).expect("a pid"), Signal::KILL).expect("killed");
        eventually(&format!("{victim:?} took the job along"), Duration::from_secs(5), || {
            of_range(first).is_empty()
        });
        eventually("the supervisor ends", Duration::from_secs(5), || {
            processes().iter().all(|process| process.pid != supervisor)
        });
        let mut told = String::new();
        std::io::Read::read_to_string(&mut output, &mut told).expect("the rest");
        caller.wait().expect("an end");
        let expected = match victim {
            Victim::Caller => "",
            Victim::Supervisor => "SupervisorDied",
            Victim::Init | Victim::Task => "Signaled(9)",
        };
        assert!(told.contains(expected) && (!expected.is_empty() || told.is_empty()), "{victim:?}: {told}");
        // The next start removes what a killed supervisor could not.
        Launcher::new().expect("a launcher");
        assert_eq!(groups_of(supervisor), Vec::<PathBuf>::new(), "{victim:?}");
        assert_eq!(records_of(supervisor), 0, "{victim:?}");
    }
}

/// Control groups of a supervisor's job.
fn groups_of(supervisor: i32) -> Vec<PathBuf> {
    fn search(directory: &Path, prefix: &str, depth: usize, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                found.push(entry.path());
            } else if depth < 6 {
                search(&entry.path(), prefix, depth + 1, found);
            }
        }
    }
    let mut found = Vec::new();
    search(Path::new("/sys/fs/cgroup"), &format!("lbuild-{supervisor}-"), 0, &mut found);
    found
}

fn records_of(supervisor: i32) -> usize {
    let prefix = format!("lbuild-{supervisor}-");
    let records = std::fs::read_dir("/run/lbuild-sandbox/jobs").expect("records").flatten();
    records.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)).count()
}
