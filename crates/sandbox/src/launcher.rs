//! The caller's side: starting a supervisor process and handing a job to it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::channel::{Channel, MAX_FDS};
use crate::error::LaunchError;
use crate::failure::Failure;
use crate::outcome::Finished;
use crate::preflight::Report;
use crate::running::{Running, Stream};
use crate::spec::{Output, Spec, Stdin, Task};
use crate::wire::{Job, Reply, Request, SUBCOMMAND};

/// How often somebody who waits for a deletion looks whether to stop it.
const STOP_POLL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Starts jobs. Cheap to clone and to share between threads.
#[derive(Debug, Clone)]
pub struct Launcher {
    exe: PathBuf,
    state: PathBuf,
}

impl Launcher {
    /// A launcher whose supervisor is this very program, which therefore must call [`crate::dispatch()`] first in its
    /// `main`. Removes what supervisors that were killed have left behind.
    ///
    /// # Errors
    /// When the supervisor does not start or its state directory cannot be used.
    pub fn new() -> Result<Self, LaunchError> {
        Self::with_exe(PathBuf::from("/proc/self/exe"))
    }

    /// Like [`Launcher::new`] with another program as the supervisor.
    ///
    /// # Errors
    /// As [`Launcher::new`].
    pub fn with_exe(exe: PathBuf) -> Result<Self, LaunchError> {
        let launcher = Self { exe, state: crate::state::directory()? };
        launcher.ask(&Request::Sweep { state: launcher.state.clone() })?;
        Ok(launcher)
    }

    /// Starts a job. Returns when its task is running, with the sandbox closed around it.
    ///
    /// # Errors
    /// When the request is invalid or a step of the set-up fails; nothing is left behind then.
    pub fn spawn(&self, mut spec: Spec) -> Result<Running, LaunchError> {
        let Wiring { descriptors, logs, channel } = Wiring::new(&spec.task, spec.stdin, spec.output)?;
        let input = match &mut spec.task {
            Task::Agent { input, .. } => std::mem::take(input),
            Task::Exec { .. } => Vec::new(),
        };
        let job = Box::new(Job {
            root: spec.root,
            mounts: spec.mounts,
            hostname: spec.hostname,
            limits: spec.limits,
            task: spec.task,
            suppress_sync: spec.suppress_sync,
            fds: spec.fds.len(),
        });
        let output_bytes = job.limits.output_bytes;
        let (child, control) = self.start()?;
        let given: Vec<BorrowedFd<'_>> = descriptors.iter().chain(&spec.fds).map(AsFd::as_fd).collect();
        let mut running = Running::new(child, control, channel, logs, output_bytes);
        send(running.control(), &Request::Run { job, state: self.state.clone() }, &given)
            .and_then(|()| running.control().send(&input))
            .map_err(lost)?;
        match receive(running.control()).map_err(lost)? {
            Reply::Started(isolation) => {
                running.set_isolation(isolation);
                Ok(running)
            }
            Reply::Failed(failure) => {
                running.reap();
                Err(setup(failure))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a job and follows it to its end, giving each line of its log to `on_line`.
    ///
    /// # Errors
    /// As [`Launcher::spawn`]; `Lost` when the job could not be followed.
    pub fn run(&self, spec: Spec, on_line: &mut dyn FnMut(Stream, &str)) -> Result<Finished, LaunchError> {
        let mut running = self.spawn(spec)?;
        running.wait(on_line).map_err(LaunchError::from)
    }

    /// Makes an empty directory that can be a tree: owned by the first id of the range that trees have at rest.
    ///
    /// # Errors
    /// When it exists already or cannot be made.
    pub fn make_tree_dir(&self, path: &Path) -> Result<(), LaunchError> {
        self.ask(&Request::MakeTree { path: absolute(path)? }).map(drop)
    }

    /// Deletes a tree with all that is in it. Runs with the ids of the tree and no others, by directory descriptors,
    /// and never follows a symbolic link. A path that does not exist is no error.
    ///
    /// # Errors
    /// When something in it cannot be deleted.
    pub fn delete_tree(&self, path: &Path) -> Result<(), LaunchError> {
        self.delete_tree_unless(path, &|| false)
    }

    /// Like [`Launcher::delete_tree`], as long as `stop` does not hold. What is left then can be deleted another time.
    ///
    /// # Errors
    /// As [`Launcher::delete_tree`]; `Stopped` when it was stopped before its end.
    pub fn delete_tree_unless(&self, path: &Path, stop: &dyn Fn() -> bool) -> Result<(), LaunchError> {
        self.ask_unless(&Request::DeleteTree { path: absolute(path)? }, stop).map(drop)
    }

    /// The part of the preflight that needs no job.
    pub(crate) fn look(&self) -> Result<Report, LaunchError> {
        match self.ask(&Request::Look { state: self.state.clone() })? {
            Reply::Report(report) => Ok(report),
            other => Err(unexpected(&other)),
        }
    }

    fn start(&self) -> Result<(Child, Channel), LaunchError> {
        let failed = |source| LaunchError::Supervisor { exe: self.exe.clone(), source };
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(|errno| failed(errno.into()))?;
        let child = Command::new(&self.exe)
            .arg(SUBCOMMAND)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok((child, Channel::new(ours, false)))
    }

    fn ask(&self, request: &Request) -> Result<Reply, LaunchError> {
        self.ask_unless(request, &|| false)
    }

    /// Tells the supervisor that nobody wants an answer any more once `stop` holds.
    fn ask_unless(&self, request: &Request, stop: &dyn Fn() -> bool) -> Result<Reply, LaunchError> {
        let (mut child, control) = self.start()?;
        let reply = send(&control, request, &[]).and_then(|()| {
            let stopped = wait_unless(&control, stop)?;
            if stopped {
                control.finish();
            }
            Ok((receive(&control)?, stopped))
        });
        // The supervisor ends by itself after its one answer.
        let ended = child.wait();
        match reply.map_err(lost)? {
            (Reply::Failed(_), true) => Err(LaunchError::Stopped),
            (Reply::Failed(failure), false) => Err(setup(failure)),
            (reply, _) => ended.map(|_| reply).map_err(lost),
        }
    }
}

/// The descriptors of a job, on both sides.
struct Wiring {
    descriptors: Vec<OwnedFd>,
    logs: Vec<(Stream, OwnedFd)>,
    channel: Option<Channel>,
}

impl Wiring {
    fn new(task: &Task, stdin: Stdin, output: Output) -> Result<Self, LaunchError> {
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| lost(errno.into()));
        let stdin = match stdin {
            Stdin::File(file) => file,
            Stdin::Empty => std::fs::File::open("/dev/null").map_err(lost)?.into(),
        };
        let (read, write) = pipe()?;
        let (stdout, stderr, logs) = match output {
            Output::Merged => {
                let again = write.try_clone().map_err(lost)?;
                (write, again, vec![(Stream::Stdout, read)])
            }
            Output::Stdout(file) => (file, write, vec![(Stream::Stderr, read)]),
            Output::Apart => {
                let (read_error, write_error) = pipe()?;
                (write, write_error, vec![(Stream::Stdout, read), (Stream::Stderr, read_error)])
            }
        };
        let mut descriptors = vec![stdin, stdout, stderr];
        let mut channel = None;
        if matches!(task, Task::Agent { .. }) {
            let (ours, theirs) = Channel::pair().map_err(lost)?;
            descriptors.push(theirs);
            channel = Some(ours);
        }
        Ok(Self { descriptors, logs, channel })
    }
}

fn send(control: &Channel, request: &Request, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    control.send(&serde_json::to_vec(request).map_err(io::Error::other)?)?;
    fds.chunks(MAX_FDS).try_for_each(|chunk| control.send_with(&[], chunk))
}

pub(crate) fn receive(control: &Channel) -> io::Result<Reply> {
    let message = control.recv()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    serde_json::from_slice(&message.bytes).map_err(io::Error::other)
}

/// Waits for an answer; whether `stop` held before it came.
fn wait_unless(control: &Channel, stop: &dyn Fn() -> bool) -> io::Result<bool> {
    while !stop() {
        match poll(&mut [PollFd::new(control, PollFlags::IN)], Some(&STOP_POLL)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(true)
}

fn absolute(path: &Path) -> Result<PathBuf, LaunchError> {
    std::path::absolute(path).map_err(|error| LaunchError::Invalid { reason: error.to_string() })
}

fn lost(source: io::Error) -> LaunchError {
    LaunchError::Lost { source }
}

fn setup(failure: Failure) -> LaunchError {
    let (step, hint, source) = failure.into_parts();
    LaunchError::Setup { step, hint, source }
}

fn unexpected(reply: &Reply) -> LaunchError {
    lost(io::Error::other(format!("unexpected reply {reply:?}")))
}
