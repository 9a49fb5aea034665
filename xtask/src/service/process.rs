//! A service as its users start it, on a port of its own.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Client;

/// How long a service may take to end.
const FAREWELL: Duration = Duration::from_secs(20);

/// A running service; it ends with this.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    pub key: String,
    /// Seconds from the start of the program to its first answer.
    pub first_answer: f64,
}

impl Service {
    /// Starts one with an empty data directory.
    pub fn start(program: &Path, data: &Path, workers: usize) -> io::Result<Self> {
        let log = std::fs::File::create(data.with_extension("log"))?;
        let began = Instant::now();
        let mut child = Command::new(program)
            .args(["--json", "serve", "--listen", "127.0.0.1:0", "--drain", "0", "--data"])
            .arg(data)
            .args(["--workers", &workers.to_string()])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut greeting = String::new();
        let mut lines = BufReader::new(output).lines();
        // what it says is one JSON object, however it is laid out
        let greeting: Value = loop {
            let Some(line) = lines.next() else {
                return Err(io::Error::other(format!("the service does not start: {greeting}")));
            };
            greeting.push_str(&line?);
            if let Ok(value) = serde_json::from_str(&greeting) {
                break value;
            }
        };
        let address = greeting["address"].as_str().and_then(|address| address.parse().ok());
        let key = greeting["adminKey"].as_str().map(str::to_owned);
        let (Some(address), Some(key)) = (address, key) else {
            return Err(io::Error::other(format!("the service says `{greeting}`")));
        };
        let live = Client::connect(address, &key)?.ask("GET", "/health/live", "", "")?;
        let first_answer = began.elapsed().as_secs_f64();
        assert_eq!(live.status, 200, "the service is alive");
        Ok(Self { child, address, key, first_answer })
    }

    /// A connection to it.
    pub fn client(&self) -> io::Result<Client> {
        Client::connect(self.address, &self.key)
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        // it stops its builds and removes what they mounted
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let until = Instant::now() + FAREWELL;
        while Instant::now() < until {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
