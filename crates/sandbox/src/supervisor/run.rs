//! One job from its request to its end.

use std::io::{PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};

use super::cgroup::Groups;
use super::disk::Disk;
use super::record::Record;
use super::watch::Watch;
use super::{Given, send, tree};
use crate::agent::Agent;
use crate::channel::Channel;
use crate::failure::{Failure, Step};
use crate::ids::{self, Ids, Slot};
use crate::init::{self, MAX_REPORT, Report};
use crate::outcome::Finished;
use crate::plan::{self, MountPlan, RootPlan, Source};
use crate::preflight::{Isolation, NAMESPACES_LEVEL};
use crate::spec::{Owner, Root};
use crate::sys::{self, Child, Side};
use crate::wire::{Job, Reply};

const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWNET;

/// The first process of a job, as its supervisor holds it.
pub(super) struct Init {
    pub(super) child: Child,
    /// Packets from it.
    pub(super) report: OwnedFd,
    /// Open as long as this process lives, which init watches.
    _release: PipeWriter,
}

impl Init {
    /// What init or an agent reports next; waits for it.
    pub(super) fn next_report(&self) -> Result<Report, Failure> {
        let mut packet = vec![0_u8; MAX_REPORT];
        let (_, length) =
            recv(&self.report, packet.as_mut_slice(), RecvFlags::empty()).step("read a report")?;
        if length == 0 {
            // Init ended without a word: somebody killed it.
            return Ok(Report::Signaled(Signal::KILL.as_raw()));
        }
        let report = packet.get(..length).and_then(|packet| serde_json::from_slice(packet).ok());
        report.ok_or_else(|| Failure::new("read a report", "it is not in the form of one"))
    }

    /// Kills init and waits for its end.
    pub(super) fn kill(&self) {
        let _ = pidfd_send_signal(&self.child.pidfd, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.child.pidfd.as_fd()), WaitIdOptions::EXITED);
    }

    /// Ends a job whose start failed, perhaps because init had failed before; the first cause.
    fn give_up(&self, failure: Failure) -> Failure {
        self.kill();
        match self.next_report() {
            Ok(Report::Failed(first)) => first,
            _ => failure,
        }
    }
}

/// The ids of one job.
struct Identity {
    ids: Ids,
    /// A range of its own, and the namespace that maps trees at rest to it.
    unique: Option<(Slot, OwnedFd)>,
}

/// Runs a job to its end. Nothing of it is left when this returns, whether well or not.
pub(super) fn run(
    job: Job,
    given: Given,
    state: &Path,
    control: &Channel,
    agents: &[Agent],
) -> Result<Finished, Failure> {
    let start = Instant::now();
    prepare_work(&job.root)?;
    let (identity, sources) = identify(&job, state)?;
    let record = Record::create(state)?;
    let groups = Groups::create(&record, &job.limits)?;
    let limits = job.limits.clone();
    let disk = Disk::of(&job.root)?;
    let init = clone_init(job, given, &identity, sources, &groups, agents, control)?;
    let applied = |landlock| {
        let [memory_limit, pids_limit, cpu_group] = groups.limited();
        Isolation {
            level: NAMESPACES_LEVEL.to_owned(),
            root: matches!(identity.ids, Ids::Root),
            unique_ids: identity.unique.is_some(),
            landlock,
            memory_limit,
            pids_limit,
            cpu_limit: cpu_group && limits.cpus.is_some(),
        }
    };
    let mut watch = Watch { init, control, groups: &groups, disk, limits: &limits, start };
    let ended = watch
        .follow(&mut |landlock| send(control, &Reply::Started(applied(landlock))).step("tell the caller"));
    let usage = watch.end();
    ended.map(|outcome| Finished { outcome, usage })
}

/// Clones init, maps its ids, puts it into its control groups and lets it go.
fn clone_init(
    job: Job,
    given: Given,
    identity: &Identity,
    sources: Sources,
    groups: &Groups,
    agents: &[Agent],
    control: &Channel,
) -> Result<Init, Failure> {
    let (root, mounts) = sources;
    let (go, release) = std::io::pipe().step("make a pipe")?;
    let (report, reporter) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .step("make a socket pair")?;
    let mut fds = given.fds.into_iter();
    let missing = || Failure::new("receive the job", "a descriptor is missing");
    let mut next = || fds.next().ok_or_else(missing);
    let stdio = [next()?, next()?, next()?];
    let channel = if job.task.is_agent() { Some(next()?) } else { None };
    let go = OwnedFd::from(go);
    let plan = init::Plan {
        job,
        root,
        mounts,
        stdio,
        channel,
        fds: fds.collect(),
        agents,
        count_processes: !groups.limited()[1],
        input: given.input,
        go,
        report: reporter,
    };
    match sys::clone_process(NAMESPACES, groups.kill_group())
        .step("clone the job's namespaces")
        .map_err(userns_hint)?
    {
        Side::Child => {
            // The supervisor's ends, whose closing must be noticed by the other side.
            drop((release, report));
            control.close_copy();
            init::run(plan)
        }
        Side::Parent(child) => {
            drop(plan);
            // Init builds its view while it is being put into its control groups, which takes as long.
            let go_on = || (&release).write_all(&[1]).step("release init");
            let joined = identity
                .map(&child)
                .and_then(|()| go_on())
                .and_then(|()| groups.add(child.pid))
                .and_then(|()| go_on());
            let init = Init { child, report, _release: release };
            joined.map_err(|failure| init.give_up(failure)).map(|()| init)
        }
    }
}

/// The job's root and mounts, ready for init.
type Sources = (RootPlan<Source>, Vec<MountPlan<Source>>);

impl Identity {
    fn map(&self, child: &Child) -> Result<(), Failure> {
        match &self.unique {
            Some((slot, _)) => slot.map(child.pid),
            None => self.ids.map_tree(child.pid, false),
        }
    }

    fn sources(&self, job: &Job) -> Result<Sources, Failure> {
        let make = |path: &Path, writable: bool, owner: Owner| self.source(path, writable, owner);
        Ok((plan::root(&job.root, &make)?, plan::mounts(&job.mounts, &make)?))
    }

    fn source(&self, path: &Path, writable: bool, owner: Owner) -> Result<Source, Failure> {
        if !matches!(self.ids, Ids::Root) {
            return Ok(Source::Path { path: path.to_owned(), writable });
        }
        let idmap =
            self.unique.as_ref().filter(|_| owner == Owner::Tree).map(|(_, namespace)| namespace.as_fd());
        Source::mount(path, writable, idmap).map(Source::Ready)
    }
}

/// Root gives a job a range of its own and maps its trees to it. Where a file system cannot map ids, the job runs with
/// the ids of trees at rest.
fn identify(job: &Job, state: &Path) -> Result<(Identity, Sources), Failure> {
    let ids = Ids::detect()?;
    let mut identity = Identity { ids, unique: None };
    if ids == Ids::Root {
        let slot = Slot::claim(state)?;
        let namespace = ids::mapping_namespace(ids.tree().0, slot.first)?;
        identity.unique = Some((slot, namespace));
        match identity.sources(job) {
            Err(failure) if matches!(failure.errno, Some(libc::EINVAL | libc::EOPNOTSUPP | libc::EPERM)) => {
                identity.unique = None;
            }
            sources => return sources.map(|sources| (identity, sources)),
        }
    }
    identity.sources(job).map(|sources| (identity, sources))
}

/// Makes overlayfs's scratch directory, and checks what the job's root will need of the directory above.
fn prepare_work(root: &Root) -> Result<(), Failure> {
    let Root::Overlay { upper, work, .. } = root else { return Ok(()) };
    let parent = upper.parent().unwrap_or(Path::new("/"));
    let found = parent.metadata().step_with(|| format!("look at `{}`", parent.display()))?;
    if found.mode() & 0o001 == 0 {
        let step = format!("check the directory `{}`", parent.display());
        return Err(Failure::new(step, "the job's ids cannot search it").with_hint("chmod o+x it"));
    }
    if work.symlink_metadata().is_ok() { Ok(()) } else { tree::make(Ids::detect()?, work) }
}

fn userns_hint(failure: Failure) -> Failure {
    match failure.errno {
        Some(libc::EPERM | libc::ENOSPC | libc::EUSERS) => failure.with_hint(
            "user namespaces are switched off: set user.max_user_namespaces (and kernel.unprivileged_userns_clone or \
             kernel.apparmor_restrict_unprivileged_userns where they exist) with sysctl, or run as root",
        ),
        _ => failure,
    }
}
