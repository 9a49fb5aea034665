//! A real container registry on a private port, gone when the test is.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to answer, on a machine that has much to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// The name and the password of its only user, and what it keeps of them.
pub const USER: (&str, &str) = ("user", "secret");
const KEPT: &str = "user:$2y$05$wav99k7MdHMkNaxYkEfyyu2WQUkdfD8jKNzqG.uHaonfeOPMfqLK.\n";

/// A registry.
pub struct Registry {
    server: Child,
    /// Host and port.
    pub address: String,
    _directory: TempDir,
}

/// Starts one; `locked`, only [`USER`] may use it.
///
/// # Panics
/// When the registry is not installed or does not start.
pub fn start(locked: bool) -> Registry {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().display();
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.local_addr().expect("its address").port()
    };
    let mut config = format!(
        "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {place}/data\n\
         http:\n  addr: 127.0.0.1:{port}\n"
    );
    if locked {
        config.extend(["auth:\n  htpasswd:\n    realm: test\n    path: ", &place.to_string(), "/users\n"]);
        fs::write(directory.path().join("users"), KEPT).expect("the users are written");
    }
    let path = directory.path().join("config.yml");
    fs::write(&path, config).expect("the configuration is written");
    let server = Command::new("docker-registry")
        .arg("serve")
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("docker-registry is installed: cargo xtask test does it");
    let registry = Registry { server, address: format!("127.0.0.1:{port}"), _directory: directory };
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < until, "the registry does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    registry
}

impl Drop for Registry {
    fn drop(&mut self) {
        // it may be gone already
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
