//! A client of the service on one connection, without a library between the clock and the socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    authorization: String,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    /// Connects with a key.
    pub fn connect(address: SocketAddr, key: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), authorization: format!("Bearer {key}") })
    }

    /// Asks, and reads the whole answer.
    pub fn ask(&mut self, method: &str, path: &str, kind: &str, body: &str) -> io::Result<Answer> {
        self.send(method, path, kind, body)?;
        let (status, length) = self.head()?;
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body })
    }

    /// Begins to follow a stream of events.
    pub fn follow(&mut self, path: &str) -> io::Result<()> {
        self.send("GET", path, "", "")?;
        match self.head()? {
            (200, _) => Ok(()),
            (status, _) => Err(io::Error::other(format!("`{path}` answered {status}"))),
        }
    }

    /// Reads on until a line holds a text.
    pub fn wait_for(&mut self, text: &str) -> io::Result<()> {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn send(&mut self, method: &str, path: &str, kind: &str, body: &str) -> io::Result<()> {
        let body_head = match kind {
            "" => String::new(),
            kind => format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len()),
        };
        let authorization = &self.authorization;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: {authorization}\r\n{body_head}\r\n{body}"
        );
        self.stream.get_mut().write_all(head.as_bytes())
    }

    /// Status and length of an answer.
    fn head(&mut self) -> io::Result<(u16, Option<usize>)> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("`{}` is no answer", line.trim())))?;
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { return Ok((status, length)) };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        }
    }
}
