//! A real NATS server with JetStream on a private port, which tests can kill and bring back.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long the server may take to answer, on a machine that has much to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs the server beside itself and kills it at the end of its input, which is the end of the tests however they end.
const KEEPER: &str = r#"
PATH="$PATH:/usr/sbin:/sbin"
nats-server --addr 127.0.0.1 --port "$1" --jetstream --store_dir "$2" --log "$2/server.log" &
server=$!
read -r _
kill -KILL "$server"
"#;

/// A server.
pub struct Nats {
    port: u16,
    directory: TempDir,
    keeper: Option<Child>,
}

impl Nats {
    /// Starts one.
    ///
    /// # Panics
    /// When the server is not installed or does not start.
    pub fn start() -> Self {
        let port = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            listener.local_addr().expect("its address").port()
        };
        let mut server = Self { port, directory: tempfile::tempdir().expect("a directory"), keeper: None };
        server.resume();
        server
    }

    /// Where it answers.
    pub fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it, as the end of a machine would.
    ///
    /// # Panics
    /// When it does not end.
    pub fn kill(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait().expect("its end");
        }
    }

    /// Starts it again at the same address.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&mut self) {
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "nats", &self.port.to_string()])
            .arg(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        self.keeper = Some(keeper.expect("sh starts"));
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < until, "nats-server does not start: cargo xtask test installs it");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}
