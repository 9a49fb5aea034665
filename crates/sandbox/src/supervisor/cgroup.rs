//! Control groups of a job: limits and counters, and killing all of it at once.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::cgroup_path::{Hierarchy, hierarchies};
use super::record::Record;
use crate::failure::{Failure, Step};
use crate::spec::Limits;

/// How long a group may take to let go of its last process.
const EMPTY_TIMEOUT: Duration = Duration::from_secs(5);

/// The groups of one job. What the host does not offer or delegate is absent.
#[derive(Debug, Default)]
pub(super) struct Groups {
    memory: Option<Group>,
    pids: Option<Group>,
    cpu: Option<Group>,
    /// The directories of version 1, which init is put into.
    directories: Vec<PathBuf>,
    /// The version 2 group, whose processes can be killed at once.
    unified: Option<(Group, OwnedFd)>,
}

#[derive(Debug, Clone)]
struct Group {
    path: PathBuf,
    v2: bool,
}

impl Groups {
    /// Makes the job's groups below the groups of this process and sets their limits.
    pub(super) fn create(record: &Record, limits: &Limits) -> Result<Self, Failure> {
        Self::create_in(&own_hierarchies(), record, limits)
    }

    fn create_in(hierarchies: &[Hierarchy], record: &Record, limits: &Limits) -> Result<Self, Failure> {
        let mut groups = Self::default();
        for hierarchy in hierarchies {
            if hierarchy.is_v2() {
                groups.create_v2(record, hierarchy)?;
            } else {
                groups.create_v1(record, hierarchy, limits)?;
            }
        }
        groups.limit(limits);
        Ok(groups)
    }

    fn create_v1(&mut self, record: &Record, hierarchy: &Hierarchy, limits: &Limits) -> Result<(), Failure> {
        // Joining a group takes milliseconds, so only those that limit something are made.
        let wanted = |name: &String| match name.as_str() {
            "memory" | "pids" => true,
            "cpu" => limits.cpus.is_some(),
            _ => false,
        };
        if !hierarchy.controllers.iter().any(wanted) {
            return Ok(());
        }
        let path = hierarchy.own.join(&record.name);
        record.note(&path)?;
        if fs::create_dir(&path).is_err() {
            return Ok(());
        }
        self.directories.push(path.clone());
        for name in &hierarchy.controllers {
            let group = Some(Group { path: path.clone(), v2: false });
            match name.as_str() {
                "memory" => self.memory = group,
                "pids" => self.pids = group,
                "cpu" => self.cpu = group,
                _ => {}
            }
        }
        Ok(())
    }

    /// Version 2 lets a group have either processes or controllers for its children, so the place is the nearest
    /// ancestor that already hands controllers down, or else this process's own group, without limits.
    fn create_v2(&mut self, record: &Record, hierarchy: &Hierarchy) -> Result<(), Failure> {
        // Only the topmost group of a machine can have both; elsewhere this changes nothing.
        let _ = fs::write(hierarchy.mount.join("cgroup.subtree_control"), "+memory +pids +cpu");
        let places = hierarchy.own.ancestors().take_while(|path| path.starts_with(&hierarchy.mount));
        let delegating = places.filter(|path| !handed_down(path).is_empty());
        for place in delegating.chain([hierarchy.own.as_path()]) {
            let path = place.join(&record.name);
            record.note(&path)?;
            let Ok(directory) = fs::create_dir(&path).and_then(|()| File::open(&path)) else { continue };
            let group = Group { path, v2: true };
            for name in handed_down(place) {
                match name.as_str() {
                    "memory" => self.memory = Some(group.clone()),
                    "pids" => self.pids = Some(group.clone()),
                    "cpu" => self.cpu = Some(group.clone()),
                    _ => {}
                }
            }
            self.unified = Some((group, directory.into()));
            return Ok(());
        }
        Ok(())
    }

    /// Sets the limits. A group that takes no limit is as good as absent.
    fn limit(&mut self, limits: &Limits) {
        let memory = limits.memory.unwrap_or_else(three_quarters_of_memory);
        self.memory = self.memory.take().filter(|group| {
            let (limit, swap) = if group.v2 {
                ("memory.max", "memory.swap.max")
            } else {
                ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
            };
            let swap_bytes = if group.v2 { 0 } else { memory };
            let limited = group.write(limit, &memory.to_string()).is_ok();
            // Absent where the kernel does not count swap.
            let _ = group.write(swap, &swap_bytes.to_string());
            limited
        });
        self.pids =
            self.pids.take().filter(|group| group.write("pids.max", &limits.pids.to_string()).is_ok());
        self.cpu =
            self.cpu.take().filter(|group| limits.cpus.is_none_or(|cpus| group.limit_cpu(cpus).is_ok()));
    }

    /// The group to clone a process into, which needs no second step to kill it with its descendants.
    pub(super) fn kill_group(&self) -> Option<BorrowedFd<'_>> {
        self.unified.as_ref().map(|(_, directory)| directory.as_fd())
    }

    /// Puts init into the groups that it was not cloned into.
    pub(super) fn add(&self, pid: Pid) -> Result<(), Failure> {
        for path in &self.directories {
            let procs = path.join("cgroup.procs");
            fs::write(&procs, pid.to_string()).step_with(|| format!("write to `{}`", procs.display()))?;
        }
        Ok(())
    }

    /// Kills every process of the job, frozen ones too.
    pub(super) fn kill(&self) {
        if let Some((group, _)) = &self.unified {
            // Before Linux 5.14 there is no such file; the end of init kills the rest then.
            let _ = group.write("cgroup.kill", "1");
            let _ = group.write("cgroup.freeze", "0");
        }
    }

    /// How often the kernel killed a process of the job for want of memory.
    pub(super) fn memory_kills(&self) -> u64 {
        self.memory.as_ref().map_or(0, |group| {
            group.field(if group.v2 { "memory.events" } else { "memory.oom_control" }, "oom_kill")
        })
    }

    /// How often the job was refused a process.
    pub(super) fn refused_pids(&self) -> u64 {
        self.pids.as_ref().map_or(0, |group| group.field("pids.events", "max"))
    }

    /// Most memory that the job had at one time, in bytes.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        let group = self.memory.as_ref()?;
        group.number(if group.v2 { "memory.peak" } else { "memory.max_usage_in_bytes" })
    }

    /// Which of memory, pids and cpu are limited.
    pub(super) fn limited(&self) -> [bool; 3] {
        [self.memory.is_some(), self.pids.is_some(), self.cpu.is_some()]
    }
}

/// Removes the groups, whose processes are dead or dying.
impl Drop for Groups {
    fn drop(&mut self) {
        let unified = self.unified.iter().map(|(group, _)| &group.path);
        self.directories.iter().chain(unified).for_each(|path| remove_when_empty(path));
    }
}

impl Group {
    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        fs::write(self.path.join(file), text)
    }

    fn number(&self, file: &str) -> Option<u64> {
        fs::read_to_string(self.path.join(file)).ok()?.trim().parse().ok()
    }

    /// The number behind a name in a file of `name number` lines.
    fn field(&self, file: &str, name: &str) -> u64 {
        let text = fs::read_to_string(self.path.join(file)).unwrap_or_default();
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        found.unwrap_or(0)
    }

    fn limit_cpu(&self, cpus: f64) -> io::Result<()> {
        const PERIOD: u32 = 100_000;
        let quota = (cpus * f64::from(PERIOD)).round().max(1000.0);
        if self.v2 {
            return self.write("cpu.max", &format!("{quota} {PERIOD}"));
        }
        self.write("cpu.cfs_period_us", &PERIOD.to_string())?;
        self.write("cpu.cfs_quota_us", &quota.to_string())
    }
}

/// Kills and removes a group whose supervisor is gone.
pub(super) fn remove_abandoned(path: &Path) {
    let group = Group { path: path.to_owned(), v2: false };
    if !path.is_dir() {
        return;
    }
    let _ = group.write("cgroup.kill", "1");
    let _ = group.write("cgroup.freeze", "0");
    remove_when_empty(path);
}

/// A group can only be removed after its last process is gone, which takes the kernel a moment.
fn remove_when_empty(path: &Path) {
    let deadline = Instant::now() + EMPTY_TIMEOUT;
    while let Err(error) = fs::remove_dir(path) {
        if error.raw_os_error() != Some(libc::EBUSY) || Instant::now() > deadline {
            // What stays is noted in the job's record or named in no record; it holds no process that can run.
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The control group hierarchies of this process.
pub(super) fn own_hierarchies() -> Vec<Hierarchy> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    hierarchies(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
}

/// The controllers that a version 2 group hands down to its children.
fn handed_down(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path.join("cgroup.subtree_control")).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn three_quarters_of_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    total.map_or(4 << 30, |kib: u64| kib * 1024 / 4 * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(own: &Path, mount: &Path) -> [Hierarchy; 1] {
        [Hierarchy { controllers: Vec::new(), own: own.to_owned(), mount: mount.to_owned() }]
    }

    /// A version 2 hierarchy made of ordinary files: what is written can be read back.
    #[test]
    fn limits_of_version_2_are_set_below_the_nearest_group_that_hands_controllers_down() {
        let mount = tempfile::tempdir().expect("a directory");
        let record = Record::create(mount.path()).expect("a record");
        let slice = mount.path().join("user.slice");
        let own = slice.join("session.scope");
        fs::create_dir_all(&own).expect("a directory");
        fs::write(slice.join("cgroup.subtree_control"), "cpu memory pids\n").expect("a file");
        fs::write(own.join("cgroup.subtree_control"), "\n").expect("a file");
        let limits = Limits { memory: Some(1 << 20), pids: 7, cpus: Some(1.5), ..Limits::default() };
        let groups = Groups::create_in(&v2(&own, mount.path()), &record, &limits).expect("groups");
        assert_eq!(groups.limited(), [true; 3]);
        let job = slice.join(&record.name);
        let read = |name: &str| fs::read_to_string(job.join(name)).expect("a limit");
        assert_eq!(
            ["memory.max", "memory.swap.max", "pids.max", "cpu.max"].map(read),
            ["1048576", "0", "7", "150000 100000"]
        );
        fs::write(job.join("memory.events"), "oom 3\noom_kill 2\n").expect("a counter");
        fs::write(job.join("pids.events"), "max 9\n").expect("a counter");
        assert_eq!((groups.memory_kills(), groups.refused_pids()), (2, 9));
        groups.kill();
        assert_eq!(read("cgroup.kill"), "1");
    }

    #[test]
    fn without_delegation_there_is_a_group_to_kill_and_no_limit() {
        let mount = tempfile::tempdir().expect("a directory");
        let record = Record::create(mount.path()).expect("a record");
        let own = mount.path().join("own");
        fs::create_dir(&own).expect("a directory");
        fs::remove_file(mount.path().join("cgroup.subtree_control")).ok();
        fs::create_dir(mount.path().join("cgroup.subtree_control"))
            .expect("something that cannot be written to");
        let groups = Groups::create_in(&v2(&own, mount.path()), &record, &Limits::default()).expect("groups");
        assert_eq!(groups.limited(), [false; 3]);
        assert!(groups.kill_group().is_some() && own.join(&record.name).is_dir());
    }
}
