//! A mirror on this machine that passes on what the real mirror says, except where a test wants it to misbehave.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use lbuild_fetch::hostconfig::debian_mirrors;
use sha2::{Digest as _, Sha256};

/// How the mirror misbehaves.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Closes the connection instead of answering.
    Closes,
    /// Announces everything and sends half.
    Truncates,
    /// Changes the last byte.
    ChangesAByte,
    /// Sends a byte now and then.
    Drips,
    /// Sends this instead.
    Sends(Vec<u8>),
}

/// A running mirror. Paths that contain the pattern of a fault misbehave.
pub struct Mirror {
    address: String,
    faults: Arc<Mutex<Vec<(String, Fault)>>>,
}

impl Mirror {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let faults: Arc<Mutex<Vec<(String, Fault)>>> = Arc::default();
        let shared = Arc::clone(&faults);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let faults = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &faults));
            }
        });
        Self { address, faults }
    }

    /// Misbehaves from now on.
    pub fn fault(&self, pattern: &str, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push((pattern.to_owned(), fault));
    }

    /// The variables that make a program use this mirror.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("LBUILD_MIRROR_DEBIAN", format!("{}/debian", self.address)),
            ("LBUILD_MIRROR_DEBIAN_SECURITY", format!("{}/debian-security", self.address)),
        ]
    }
}

/// Answers every request on one connection.
fn serve(stream: &TcpStream, faults: &Mutex<Vec<(String, Fault)>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        reader.read_line(&mut request).ok()?;
        let path = request.split(' ').nth(1)?.to_owned();
        let mut header = String::new();
        while reader.read_line(&mut header).ok()? > 2 {
            header.clear();
        }
        let fault = {
            let faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
            faults.iter().find(|(pattern, _)| path.contains(pattern)).map(|(_, fault)| fault.clone())
        };
        answer(stream, &path, fault.as_ref())?;
    }
}

/// `None` ends the connection.
fn answer(mut stream: &TcpStream, path: &str, fault: Option<&Fault>) -> Option<()> {
    if let Some(Fault::Closes) = fault {
        return None;
    }
    let Some(mut body) = upstream(path) else {
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok()?;
        return Some(());
    };
    if let Some(Fault::Sends(other)) = fault {
        body.clone_from(other);
    }
    if let (Some(Fault::ChangesAByte), Some(last)) = (fault, body.last_mut()) {
        *last ^= 1;
    }
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
    match fault {
        Some(Fault::Truncates) => {
            stream.write_all(&body[..body.len() / 2]).ok()?;
            None
        }
        Some(Fault::Drips) => {
            for byte in body {
                stream.write_all(&[byte]).ok()?;
                thread::sleep(Duration::from_millis(500));
            }
            Some(())
        }
        _ => stream.write_all(&body).ok(),
    }
}

/// What the real mirror has at a path. Files are kept between runs of the tests, indexes for this run only.
pub fn upstream(path: &str) -> Option<Vec<u8>> {
    let kept = cached(path);
    if let Ok(bytes) = fs::read(&kept) {
        return Some(bytes);
    }
    let mirrors = debian_mirrors(Path::new("/")).ok()?;
    let (mirror, rest) = match path.strip_prefix("/debian-security/") {
        Some(rest) => (mirrors.debian_security.first()?, rest),
        None => (mirrors.debian.first()?, path.strip_prefix("/debian/")?),
    };
    let url = format!("{}/{rest}", mirror.trim_end_matches('/'));
    let bytes = fetch(&url)?;
    let draft = kept.with_extension(format!("{:?}", thread::current().id()));
    fs::write(&draft, &bytes).and_then(|()| fs::rename(&draft, &kept)).ok()?;
    Some(bytes)
}

/// One file of the real mirror; nothing when it has no such file. What is only a passing failure of the network between
/// here and there must not become a failure of the test.
fn fetch(url: &str) -> Option<Vec<u8>> {
    for pause in [0, 1, 2, 4, 8] {
        thread::sleep(Duration::from_secs(pause));
        match ureq::get(url).call() {
            Ok(mut response) => {
                if let Ok(bytes) = response.body_mut().with_config().limit(1 << 30).read_to_vec() {
                    return Some(bytes);
                }
            }
            Err(ureq::Error::StatusCode(404)) => return None,
            Err(_) => {}
        }
    }
    None
}

fn cached(path: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mirror");
    fs::create_dir_all(&directory).expect("a directory below the target directory");
    // a release file changes under its name; everything else is named by its version or digest
    let run = if path.ends_with("Release") { std::process::id().to_string() } else { String::new() };
    directory.join(hex::encode(Sha256::digest(format!("{run}{path}"))))
}
