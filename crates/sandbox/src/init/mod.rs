//! The first process inside a job's namespaces: builds what the job sees, gives up every privilege, runs the task,
//! reaps orphans and reports how the task ended.

mod devices;
mod landlock;
mod lockdown;
mod mounts;
mod process;
mod root;
mod seccomp;
mod syscalls;
mod task;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::net::{SendFlags, send};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};

pub(crate) use landlock::interface as landlock_interface;
pub(crate) use lockdown::become_root;

use crate::agent::Agent;
use crate::failure::{Failure, Step};
use crate::outcome::Breach;
use crate::plan::{self, MountPlan, RootPlan, Source};
use crate::sys;
use crate::wire::Job;

/// Everything init needs; it gets its own copy by being cloned from the supervisor.
pub(crate) struct Plan<'a> {
    pub(crate) job: Job,
    pub(crate) root: RootPlan<Source>,
    pub(crate) mounts: Vec<MountPlan<Source>>,
    pub(crate) stdio: [OwnedFd; 3],
    /// The agent's end of its channel.
    pub(crate) channel: Option<OwnedFd>,
    pub(crate) fds: Vec<OwnedFd>,
    pub(crate) agents: &'a [Agent],
    /// Whether no control group limits how many processes there are.
    pub(crate) count_processes: bool,
    /// What the agent gets as its input.
    pub(crate) input: Vec<u8>,
    /// A first byte says that the ids are mapped, a second one that this process is in its control groups; the end
    /// says that the supervisor is gone.
    pub(crate) go: OwnedFd,
    /// Packets of [`Report`] to the supervisor.
    pub(crate) report: OwnedFd,
}

/// What init and an agent tell the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The sandbox is closed and the task is running.
    Started {
        /// Interface of landlock that holds it, 0 for none.
        landlock: i32,
    },
    /// A step before that failed.
    Failed(Failure),
    /// The agent returned an error.
    AgentFailed(String),
    /// The task ended with this status.
    Exited(i32),
    /// The task was killed by this signal.
    Signaled(i32),
    /// A limit that only init can see was reached.
    Breach(Breach),
}

/// Largest packet of [`Report`] in bytes; longer texts are cut.
pub(crate) const MAX_REPORT: usize = 64 << 10;

/// Runs init in the freshly cloned process.
pub(crate) fn run(plan: Plan<'_>) -> ! {
    // The only descriptor that outlives the plan, so that a failure in the middle of it can be told.
    let reporter = plan.report.as_raw_fd();
    let Ok(reporter) = rustix::io::fcntl_dupfd_cloexec(plan.report.as_fd(), reporter) else {
        sys::exit_now(1)
    };
    // Unwinding further would run the supervisor's destructors in this process.
    let ended = catch_unwind(AssertUnwindSafe(|| build_and_run(plan, reporter.as_raw_fd())));
    let ended = ended.unwrap_or_else(|_| Err(Failure::new("run init", "it panicked")));
    if let Err(failure) = ended {
        report(reporter.as_fd(), &Report::Failed(failure));
    }
    sys::exit_now(0)
}

/// Sends a report. When the supervisor is gone, so is its interest, and this process ends by its own signal.
pub(crate) fn report(socket: BorrowedFd<'_>, report: &Report) {
    if let Ok(packet) = serde_json::to_vec(report) {
        let _ = send(socket, &packet, SendFlags::NOSIGNAL);
    }
}

fn build_and_run(plan: Plan<'_>, reporter: i32) -> Result<(), Failure> {
    die_with_supervisor()?;
    wait_for_supervisor(&plan.go)?;
    // With the caller's ids still, which may be what lets this process search the way to the trees.
    let (root, mounts) = plan::taken(plan.root, plan.mounts)?;
    let devices = devices::open()?;
    lockdown::become_root()?;
    // Changing ids has undone it.
    die_with_supervisor()?;
    let entered = mounts::enter(root, mounts, &devices, plan.job.suppress_sync)?;
    process::configure(&plan.job, plan.count_processes)?;
    wait_for_supervisor(&plan.go)?;
    sys::unshare(libc::CLONE_NEWCGROUP).step("unshare the control group namespace")?;
    let launch = task::Launch {
        task: plan.job.task.clone(),
        stdio: plan.stdio,
        channel: plan.channel,
        fds: plan.fds,
        agents: plan.agents,
        input: plan.input,
        report: plan.report,
    };
    let watched = entered.tmpfs.iter().map(AsRawFd::as_raw_fd);
    let keep: Vec<i32> = launch.descriptors().into_iter().chain(watched).chain([reporter]).collect();
    let landlock = lockdown::close(&plan.job, &entered)?;
    // Before what is left is closed by number.
    drop((devices, plan.go));
    lockdown::close_descriptors(&keep)?;
    launch.supervise(&entered.tmpfs, landlock)
}

fn die_with_supervisor() -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL)).step("tie init to its supervisor")
}

/// Waits for the next byte from the supervisor. Ends this process if that is gone, also if it went before this process
/// was tied to it: the parent's number says nothing in a new process id namespace, but the pipe from it does.
fn wait_for_supervisor(go: &OwnedFd) -> Result<(), Failure> {
    let mut byte = [0_u8];
    match rustix::io::read(go, &mut byte).step("wait for the supervisor")? {
        1 => Ok(()),
        _ => sys::exit_now(1),
    }
}
