//! The supervisor process: one request, one answer.

mod cgroup;
mod cgroup_path;
mod disk;
mod look;
mod record;
mod run;
mod tree;
mod watch;

use std::os::fd::OwnedFd;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid, umask};

use crate::agent::Agent;
use crate::channel::Channel;
use crate::failure::{Failure, Step};
use crate::ids::Ids;
use crate::wire::{Reply, Request};

/// Serves the one request that comes over `control`; the status to exit with.
pub(crate) fn serve(control: &Channel, agents: &[Agent]) -> i32 {
    // Away from the caller's terminal: Ctrl-C is for the caller, who then stops this process in an orderly way.
    let _ = setsid();
    // Trees, mount points in them and whatever a job makes look the same whoever called.
    umask(Mode::from_raw_mode(0o022));
    allow_many_files();
    let Ok(Some(message)) = control.recv() else { return 1 };
    let reply = match serde_json::from_slice(&message.bytes) {
        Ok(request) => answer(request, control, agents).unwrap_or_else(Reply::Failed),
        Err(error) => Reply::Failed(Failure::new("read the request", error.to_string())),
    };
    i32::from(send(control, &reply).is_err())
}

fn answer(request: Request, control: &Channel, agents: &[Agent]) -> Result<Reply, Failure> {
    match request {
        Request::Run { job, state } => {
            let given = receive_descriptors(control, &job)?;
            run::run(*job, given, &state, control, agents).map(Reply::Finished)
        }
        Request::MakeTree { path } => tree::make(Ids::detect()?, &path).map(|()| Reply::Done),
        Request::DeleteTree { path } => tree::delete(&path, control).map(|()| Reply::Done),
        Request::Sweep { state } => record::sweep(&state).map(|()| Reply::Done),
        Request::Look { state } => look::look(&state).map(Reply::Report),
    }
}

fn send(control: &Channel, reply: &Reply) -> std::io::Result<()> {
    control.send(&serde_json::to_vec(reply).map_err(std::io::Error::other)?)
}

/// The descriptors and the input of a job.
struct Given {
    fds: Vec<OwnedFd>,
    input: Vec<u8>,
}

fn receive_descriptors(control: &Channel, job: &crate::wire::Job) -> Result<Given, Failure> {
    let wanted = 3 + usize::from(job.task.is_agent()) + job.fds;
    let mut fds = Vec::new();
    let receive = || {
        let message = control.recv().step("receive the job")?;
        message.ok_or_else(|| Failure::new("receive the job", "the caller is gone"))
    };
    while fds.len() < wanted {
        fds.extend(receive()?.fds);
    }
    Ok(Given { fds, input: receive()?.bytes })
}

/// A job can come with a descriptor per package.
fn allow_many_files() {
    let now = getrlimit(Resource::Nofile);
    // Without it the caller's limit stays, and a job that needs more fails with that reason.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum });
}
