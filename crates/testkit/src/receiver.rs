//! A small HTTP server on the loopback interface that takes messages and answers them as told.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How a message is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status and no body.
    Status(u16),
    /// A status, and a header besides.
    Header(u16, String),
    /// A body without end, as long as anybody reads it.
    Endless,
    /// Nothing, for so long.
    Silence(Duration),
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Target of the request line.
    pub target: String,
    /// Headers by lower-case name.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Inner {
    replies: Vec<Reply>,
    received: Vec<Received>,
}

/// The server; it listens until the process ends.
#[derive(Debug, Clone)]
pub struct Receiver {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

impl Receiver {
    /// Starts a server that gives these answers one after the other, and then 204.
    ///
    /// # Panics
    /// When the loopback interface has no port left.
    pub fn start(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let replies = replies.iter().rev().cloned().collect();
        let inner = Arc::new(Mutex::new(Inner { replies, received: Vec::new() }));
        let shared = Arc::clone(&inner);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // a client that leaves in the middle is no fault of the server
                thread::spawn(move || drop(answer(&stream, &shared)));
            }
        });
        Self { address, inner }
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every message that came, in order.
    pub fn received(&self) -> Vec<Received> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).received.clone()
    }
}

fn answer(stream: &TcpStream, inner: &Mutex<Inner>) -> std::io::Result<()> {
    let received = read(stream)?;
    let reply = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.received.push(received);
        inner.replies.pop().unwrap_or(Reply::Status(204))
    };
    let mut stream = stream;
    match reply {
        Reply::Status(status) => {
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Reply::Header(status, header) => {
            write!(
                stream,
                "HTTP/1.1 {status} x\r\n{header}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        }
        Reply::Endless => {
            write!(stream, "HTTP/1.1 200 x\r\nconnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        }
        Reply::Silence(time) => {
            thread::sleep(time);
            Ok(())
        }
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Received> {
    let mut lines = BufReader::new(stream);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    Ok(Received { target, headers, body })
}
