//! A small HTTP server on the loopback interface that misbehaves as told.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// What happens when a path is asked for.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The content; ranges and validators are honoured.
    File(Vec<u8>),
    /// The content, always from its beginning and without a validator.
    WithoutRanges(Vec<u8>),
    /// The whole length is announced, but the connection closes after so many bytes of the answer.
    Truncated(Vec<u8>, usize),
    /// As [`Reply::Truncated`] for the first so many requests, then as [`Reply::File`].
    TruncatedAtFirst(Vec<u8>, usize, usize),
    /// Zeros without end and without a length.
    Endless,
    /// A length far beyond reason.
    Announced(u64),
    /// One byte every so often.
    Trickle(Vec<u8>, Duration),
    /// Half of the content, then silence on an open connection.
    Stalled(Vec<u8>),
    /// Silence on an open connection.
    Silent,
    /// Only a status.
    Status(u16),
    /// A status for the first so many requests, then as [`Reply::File`].
    StatusAtFirst(u16, usize, Vec<u8>),
    /// A redirect.
    Redirect(String),
    /// Bytes that are not HTTP.
    Garbage,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The target of the request line.
    pub target: String,
    /// Headers by lower-case name.
    pub headers: HashMap<String, String>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// A running server. Dropping it closes the port; connections end by themselves soon after.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<HashMap<String, Reply>>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    body_bytes: AtomicUsize,
    stop: AtomicBool,
}

/// Nothing is sent for longer than this, whatever the client does.
const MAX_ENDLESS: usize = 64 << 20;

impl Server {
    pub fn start(replies: impl IntoIterator<Item = (&'static str, Reply)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let server = Self { address, shared: Arc::clone(&shared) };
        for (path, reply) in replies {
            server.set(path, reply);
        }
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if shared.stop.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&shared);
                thread::spawn(move || drop(serve(&connection, &shared)));
            }
        });
        server
    }

    pub fn set(&self, path: &str, reply: Reply) {
        self.shared.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Bytes of bodies sent so far.
    pub fn body_bytes(&self) -> usize {
        self.shared.body_bytes.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

/// An URL at which nobody listens.
pub fn dead_url(path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}{path}", listener.local_addr().unwrap())
}

fn serve(connection: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut wire = Wire { stream: connection.try_clone()?, shared };
    while let Some(request) = read_request(&mut reader)? {
        let seen = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(request.clone());
            requests.iter().filter(|other| other.target == request.target).count()
        };
        let path = request
            .target
            .strip_prefix("http://")
            .map_or(request.target.as_str(), |rest| rest.find('/').map_or("/", |slash| &rest[slash..]));
        let reply = shared.replies.lock().unwrap().get(path).cloned().unwrap_or(Reply::Status(404));
        if !wire.answer(&reply, &request, seen)? {
            return Ok(());
        }
    }
    Ok(())
}

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.by_ref().take(8192).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.by_ref().take(8192).read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Ok(Some(Request { target, headers }))
}

struct Wire<'a> {
    stream: TcpStream,
    shared: &'a Shared,
}

impl Wire<'_> {
    /// Sends the reply. `false` ends the connection.
    fn answer(&mut self, reply: &Reply, request: &Request, seen: usize) -> std::io::Result<bool> {
        match reply {
            Reply::WithoutRanges(content) => {
                self.head("200 OK", &format!("Content-Length: {}\r\n", content.len()))?;
                self.body(content)
            }
            Reply::Truncated(content, after) => self.truncated(content, *after, request),
            Reply::TruncatedAtFirst(content, after, times) if seen <= *times => {
                self.truncated(content, *after, request)
            }
            Reply::Endless => {
                self.head("200 OK", "")?;
                self.endless()
            }
            Reply::Announced(length) => {
                self.head("200 OK", &format!("Content-Length: {length}\r\n"))?;
                self.endless()
            }
            Reply::Trickle(content, pause) => {
                self.head("200 OK", &format!("Content-Length: {}\r\n", content.len()))?;
                for byte in content {
                    self.body(&[*byte])?;
                    self.wait(*pause);
                }
                Ok(true)
            }
            Reply::Stalled(content) => {
                self.head("200 OK", &format!("Content-Length: {}\r\n", content.len()))?;
                self.body(&content[..content.len() / 2])?;
                self.wait(Duration::from_secs(20));
                Ok(false)
            }
            Reply::Silent => {
                self.wait(Duration::from_secs(20));
                Ok(false)
            }
            Reply::Status(code) => self.status(*code),
            Reply::StatusAtFirst(code, times, _) if seen <= *times => self.status(*code),
            Reply::File(content)
            | Reply::TruncatedAtFirst(content, ..)
            | Reply::StatusAtFirst(_, _, content) => self.file(content, request),
            Reply::Redirect(location) => {
                self.head("302 Found", &format!("Location: {location}\r\nContent-Length: 0\r\n"))?;
                Ok(true)
            }
            Reply::Garbage => {
                self.stream.write_all(b"\x00\x01\x02 220 smtp.example ready\r\n\r\n")?;
                Ok(false)
            }
        }
    }

    fn status(&mut self, code: u16) -> std::io::Result<bool> {
        self.head(&format!("{code} Told So"), "Content-Length: 5\r\n")?;
        self.body(b"sorry")
    }

    /// The content as a good server sends it.
    fn file(&mut self, content: &[u8], request: &Request) -> std::io::Result<bool> {
        let (head, start) = range_head(content, request);
        match start {
            None => {
                self.head(&head, "Content-Length: 0\r\n")?;
                Ok(true)
            }
            Some(start) => {
                self.file_head(&head, content, start)?;
                self.body(&content[start..])
            }
        }
    }

    fn truncated(&mut self, content: &[u8], after: usize, request: &Request) -> std::io::Result<bool> {
        let (head, start) = range_head(content, request);
        let start = start.unwrap_or(0);
        self.file_head(&head, content, start)?;
        self.body(&content[start..content.len().min(start + after)])?;
        Ok(false)
    }

    fn file_head(&mut self, head: &str, content: &[u8], start: usize) -> std::io::Result<()> {
        let length = content.len() - start;
        let range =
            format!("Content-Range: bytes {start}-{}/{}\r\n", content.len().max(1) - 1, content.len());
        let range = if head.starts_with("206") { range } else { String::new() };
        self.head(head, &format!("Content-Length: {length}\r\nETag: {}\r\n{range}", etag(content)))
    }

    fn endless(&mut self) -> std::io::Result<bool> {
        let zeros = vec![0_u8; 65536];
        for _ in 0..MAX_ENDLESS / zeros.len() {
            self.body(&zeros)?;
        }
        Ok(false)
    }

    fn head(&mut self, status: &str, headers: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("HTTP/1.1 {status}\r\n{headers}\r\n").as_bytes())
    }

    fn body(&mut self, bytes: &[u8]) -> std::io::Result<bool> {
        // Counted first, so that whoever has received the bytes finds them counted.
        self.shared.body_bytes.fetch_add(bytes.len(), Ordering::SeqCst);
        self.stream.write_all(bytes)?;
        Ok(true)
    }

    /// Waits, but not longer than the server lives.
    fn wait(&self, duration: Duration) {
        let end = std::time::Instant::now() + duration;
        while std::time::Instant::now() < end && !self.shared.stop.load(Ordering::SeqCst) {
            thread::sleep(duration.min(Duration::from_millis(20)));
        }
    }
}

/// A validator that changes with the content.
fn etag(content: &[u8]) -> String {
    let sum = content.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("\"{sum:x}-{}\"", content.len())
}

/// Status and first byte of the answer; no first byte means no body.
fn range_head(content: &[u8], request: &Request) -> (String, Option<usize>) {
    if request.header("if-none-match") == Some(&etag(content)) {
        return ("304 Not Modified".into(), None);
    }
    let start = request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let same = request.header("if-range").is_none_or(|validator| validator == etag(content));
    match start {
        Some(start) if same && start < content.len() => ("206 Partial Content".into(), Some(start)),
        Some(_) if same => ("416 Range Not Satisfiable".into(), None),
        _ => ("200 OK".into(), Some(0)),
    }
}
