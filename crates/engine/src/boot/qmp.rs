//! The machine protocol of QEMU: line-delimited JSON over an inherited socket.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use lbuild_store::Cancel;
use serde::Deserialize;
use serde_json::{Value, json};

/// How long QEMU may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a wait looks at the request to stop.
const TICK: Duration = Duration::from_millis(100);

/// Longest answer in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A connection to one QEMU.
#[derive(Debug)]
pub(super) struct Qmp {
    stream: UnixStream,
    received: Vec<u8>,
    version: String,
    stop: Option<String>,
}

/// What went wrong with the protocol.
#[derive(Debug, thiserror::Error)]
pub(super) enum QmpError {
    #[error("QEMU closed its control connection")]
    Closed,
    #[error("QEMU did not answer `{command}` within {} seconds", PATIENCE.as_secs())]
    Late { command: String },
    #[error("QEMU refused `{command}`: {reason}")]
    Refused { command: String, reason: String },
    #[error("QEMU sent something that is not its protocol")]
    Nonsense,
    #[error("cannot talk to QEMU")]
    Io(#[from] io::Error),
    #[error("stopped on request")]
    Cancelled,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "QMP")]
    greeting: Option<Greeting>,
    #[serde(rename = "return")]
    result: Option<Value>,
    error: Option<Refusal>,
    event: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Greeting {
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    qemu: Numbers,
    #[serde(default)]
    package: String,
}

#[derive(Deserialize)]
struct Numbers {
    major: u32,
    minor: u32,
    micro: u32,
}

#[derive(Deserialize)]
struct Refusal {
    desc: String,
}

impl Qmp {
    /// Waits for the greeting and takes control.
    pub(super) fn connect(stream: UnixStream, cancel: &Cancel) -> Result<Self, QmpError> {
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut qmp = Self { stream, received: Vec::new(), version: String::new(), stop: None };
        let Version { qemu, package } =
            qmp.wait("greeting", cancel, |answer| answer.greeting.map(|greeting| Ok(greeting.version)))?;
        qmp.version = format!("{}.{}.{}", qemu.major, qemu.minor, qemu.micro);
        if !package.is_empty() {
            qmp.version = format!("{} ({package})", qmp.version);
        }
        qmp.execute("qmp_capabilities", &json!({}), cancel)?;
        Ok(qmp)
    }

    /// QEMU's version, with that of its package where it tells.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Why the guest stopped, once it has: QEMU's word for it, such as `guest-reset`.
    pub(super) fn stopped(&self) -> Option<&str> {
        self.stop.as_deref()
    }

    /// Runs one command to its answer.
    pub(super) fn execute(
        &mut self,
        command: &str,
        arguments: &Value,
        cancel: &Cancel,
    ) -> Result<(), QmpError> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.stream.write_all(format!("{request}\n").as_bytes())?;
        self.wait(command, cancel, |answer| match (answer.result, answer.error) {
            (Some(_), _) => Some(Ok(())),
            (None, Some(refusal)) => {
                Some(Err(QmpError::Refused { command: command.to_owned(), reason: refusal.desc }))
            }
            (None, None) => None,
        })
    }

    /// Takes what has arrived, when the connection is readable.
    pub(super) fn take_events(&mut self) -> Result<(), QmpError> {
        self.receive()?;
        while let Some(answer) = self.next()? {
            self.note(&answer);
        }
        Ok(())
    }

    fn wait<T>(
        &mut self,
        command: &str,
        cancel: &Cancel,
        mut wanted: impl FnMut(Answer) -> Option<Result<T, QmpError>>,
    ) -> Result<T, QmpError> {
        let start = Instant::now();
        loop {
            while let Some(answer) = self.next()? {
                self.note(&answer);
                if let Some(result) = wanted(answer) {
                    return result;
                }
            }
            if cancel.is_cancelled() {
                return Err(QmpError::Cancelled);
            }
            if start.elapsed() >= PATIENCE {
                return Err(QmpError::Late { command: command.to_owned() });
            }
            self.receive()?;
        }
    }

    fn note(&mut self, answer: &Answer) {
        if answer.event.as_deref() == Some("SHUTDOWN") {
            self.stop = Some(answer.data["reason"].as_str().unwrap_or("unknown").to_owned());
        }
    }

    /// Reads once; nothing within a tick is no error.
    fn receive(&mut self) -> Result<(), QmpError> {
        let mut buffer = [0_u8; 8192];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(QmpError::Closed),
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                if self.received.len() > MAX_ANSWER { Err(QmpError::Nonsense) } else { Ok(()) }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(QmpError::Closed),
            Err(error) => Err(error.into()),
        }
    }

    fn next(&mut self) -> Result<Option<Answer>, QmpError> {
        let Some(end) = self.received.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
        let line: Vec<u8> = self.received.drain(..=end).collect();
        serde_json::from_slice(&line).map(Some).map_err(|_| QmpError::Nonsense)
    }
}

impl AsFd for Qmp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 3, "minor": 0, "major": 10}, "package": ""}, "capabilities": []}}"#;

    fn talk(answers: &str) -> Result<Qmp, QmpError> {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        theirs.write_all(answers.as_bytes()).expect("the socket takes a few bytes");
        theirs.shutdown(std::net::Shutdown::Write).expect("a connected socket");
        Qmp::connect(ours, &Cancel::new())
    }

    #[test]
    fn the_greeting_tells_the_version() {
        let qmp = talk(&format!("{GREETING}\r\n{{\"return\": {{}}}}\r\n")).expect("a good greeting");
        assert_eq!(qmp.version(), "10.0.3");
        assert_eq!(qmp.stopped(), None);
    }

    #[test]
    fn an_event_between_command_and_answer_is_kept() {
        let event = r#"{"timestamp": {"seconds": 1}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}"#;
        let qmp = talk(&format!("{GREETING}\n{event}\n{{\"return\": {{}}}}\n")).expect("a good greeting");
        assert_eq!(qmp.stopped(), Some("guest-reset"));
    }

    #[test]
    fn a_refusal_names_the_command() {
        let refusal = r#"{"error": {"class": "GenericError", "desc": "no"}}"#;
        let error = talk(&format!("{GREETING}\n{refusal}\n")).expect_err("a refusal");
        assert_eq!(error.to_string(), "QEMU refused `qmp_capabilities`: no");
    }

    #[test]
    fn a_dead_qemu_and_a_strange_one_are_told_apart() {
        assert!(matches!(talk(""), Err(QmpError::Closed)));
        assert!(matches!(talk("hello\n"), Err(QmpError::Nonsense)));
    }
}
