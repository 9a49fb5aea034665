//! A job that is running, as its caller sees it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::channel::Channel;
use crate::error::WaitError;
use crate::launcher::receive;
use crate::outcome::{Breach, Finished, Outcome};
use crate::preflight::Isolation;
use crate::wire::Reply;

/// Longest line of log in bytes; a longer one is given in pieces.
const MAX_LINE: usize = 16 << 10;

/// Where a line of log was written to. With [`crate::Output::Merged`] every line is `Stdout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A running job. Dropping it kills the job and waits until nothing of it is left.
#[derive(Debug)]
pub struct Running {
    child: Option<Child>,
    control: Arc<Channel>,
    channel: Option<Arc<Channel>>,
    logs: Vec<Log>,
    room: u64,
    overflow: bool,
    isolation: Isolation,
}

/// Stops a job from another thread.
#[derive(Debug, Clone)]
pub struct Killer(Arc<Channel>);

impl Killer {
    /// Kills every process of the job; [`Running::wait`] then returns [`Outcome::Killed`].
    pub fn kill(&self) {
        // The end of the requests is the order to stop, so a caller that dies gives it too.
        self.0.finish();
    }
}

impl Running {
    pub(crate) fn new(
        child: Child,
        control: Channel,
        channel: Option<Channel>,
        logs: Vec<(Stream, OwnedFd)>,
        room: u64,
    ) -> Self {
        let logs = logs.into_iter().map(|(stream, pipe)| Log { stream, pipe: Some(pipe), line: Vec::new() });
        Self {
            child: Some(child),
            control: Arc::new(control),
            channel: channel.map(Arc::new),
            logs: logs.collect(),
            room,
            overflow: false,
            isolation: Isolation::default(),
        }
    }

    pub(crate) fn control(&self) -> &Channel {
        &self.control
    }

    pub(crate) fn set_isolation(&mut self, isolation: Isolation) {
        self.isolation = isolation;
    }

    /// What holds this job, as its supervisor and its first process applied it.
    pub fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// The connection to the job's agent; `None` for a program. Can be used by another thread during
    /// [`Running::wait`].
    pub fn channel(&self) -> Option<Arc<Channel>> {
        self.channel.clone()
    }

    /// A handle that stops the job from another thread.
    pub fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.control))
    }

    /// Kills every process of the job.
    pub fn kill(&self) {
        self.killer().kill();
    }

    /// Follows the job to its end, giving each line of its log, without the line break and with invalid UTF-8
    /// replaced, to `on_line`. The job waits when the log is not read.
    ///
    /// # Errors
    /// When the supervisor was killed or a pipe cannot be read.
    pub fn wait(&mut self, on_line: &mut dyn FnMut(Stream, &str)) -> Result<Finished, WaitError> {
        let mut finished = None;
        while finished.is_none() || self.logs.iter().any(|log| log.pipe.is_some()) {
            let (ready, answered) = self.poll(finished.is_none())?;
            for index in ready {
                self.read(index, on_line)?;
            }
            if answered {
                finished = Some(self.answer()?);
            }
        }
        self.reap();
        let mut finished = finished.ok_or(WaitError::SupervisorDied)?;
        if self.overflow && finished.outcome == Outcome::Killed {
            finished.outcome = Outcome::Limit(Breach::Output);
        }
        Ok(finished)
    }

    /// Waits for something to read: the logs that have something, and whether the supervisor has.
    fn poll(&self, control: bool) -> Result<(Vec<usize>, bool), WaitError> {
        let open = self.logs.iter().enumerate().filter_map(|(index, log)| Some((index, log.pipe.as_ref()?)));
        let (indexes, pipes): (Vec<usize>, Vec<&OwnedFd>) = open.unzip();
        let mut fds: Vec<PollFd<'_>> =
            pipes.into_iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        if control {
            fds.push(PollFd::from_borrowed_fd(self.control.as_fd(), PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(WaitError::Read { source: errno.into() }),
        }
        let answered = control && fds.pop().is_some_and(|fd| !fd.revents().is_empty());
        let ready =
            fds.iter().zip(indexes).filter(|(fd, _)| !fd.revents().is_empty()).map(|(_, index)| index);
        Ok((ready.collect(), answered))
    }

    fn read(&mut self, index: usize, on_line: &mut dyn FnMut(Stream, &str)) -> Result<(), WaitError> {
        let mut buffer = [0_u8; 16 << 10];
        let log = &mut self.logs[index];
        let Some(pipe) = &log.pipe else { return Ok(()) };
        let count = match rustix::io::read(pipe, &mut buffer) {
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            Err(errno) => return Err(WaitError::Read { source: errno.into() }),
        };
        if count == 0 {
            log.close(on_line);
            return Ok(());
        }
        let kept = usize::try_from(self.room).unwrap_or(usize::MAX).min(count);
        self.room -= kept as u64;
        log.take(&buffer[..kept], on_line);
        if kept < count && !self.overflow {
            self.overflow = true;
            self.kill();
        }
        Ok(())
    }

    fn answer(&self) -> Result<Finished, WaitError> {
        match receive(&self.control) {
            Ok(Reply::Finished(finished)) => Ok(finished),
            Ok(other) => {
                Err(WaitError::Read { source: io::Error::other(format!("unexpected reply {other:?}")) })
            }
            Err(_) => Err(WaitError::SupervisorDied),
        }
    }

    /// Collects the supervisor process, which has said its last word or been told to stop.
    pub(crate) fn reap(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It can only fail when somebody else collected the child, and then there is nothing to do.
            let _ = child.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        self.reap();
    }
}

/// One pipe of a job's log.
#[derive(Debug)]
struct Log {
    stream: Stream,
    pipe: Option<OwnedFd>,
    line: Vec<u8>,
}

impl Log {
    fn take(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(Stream, &str)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            for part in piece.chunks(MAX_LINE) {
                self.line.extend_from_slice(part);
                if self.line.ends_with(b"\n") || self.line.len() >= MAX_LINE {
                    self.flush(on_line);
                }
            }
        }
    }

    fn flush(&mut self, on_line: &mut dyn FnMut(Stream, &str)) {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        on_line(self.stream, &String::from_utf8_lossy(line));
        self.line.clear();
    }

    fn close(&mut self, on_line: &mut dyn FnMut(Stream, &str)) {
        if !self.line.is_empty() {
            self.flush(on_line);
        }
        self.pipe = None;
    }
}
