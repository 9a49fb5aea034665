//! A real server of S3 on a private port, which tests can take away and bring back.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// The bucket that there is.
pub const BUCKET: &str = "images";

/// How long connections may take to end with the server.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A server with one bucket.
pub struct S3 {
    root: TempDir,
    port: u16,
    running: Option<Running>,
}

/// A server in a thread of its own, so that tests with and without a runtime can have one.
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl S3 {
    /// Starts one with an empty bucket.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join(BUCKET)).expect("a bucket");
        let mut server = Self { root, port: 0, running: None };
        server.resume();
        server
    }

    /// Ends it with every connection, as a crash would. What it stored stays.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            // a thread that has ended by itself panicked, and says so here
            let _ = running.stop.send(());
            running.thread.join().expect("the server's thread");
        }
    }

    /// Starts it again at the same address, with what it stored.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        self.port = listener.local_addr().expect("its address").port();
        let service = service(self.root.path());
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = Runtime::new().expect("a runtime");
            runtime.spawn(serve(listener, service));
            // the other end is only dropped with the server
            let _ = runtime.block_on(stopped);
            runtime.shutdown_timeout(LAST_WORDS);
        });
        self.running = Some(Running { stop, thread });
    }

    /// The variables that lead a client to it.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test-secret".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// Where it keeps what was uploaded, and parts of uploads beside the bucket.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Names of the objects in the bucket, in order.
    pub fn objects(&self) -> Vec<String> {
        let mut found = Vec::new();
        let bucket = self.root.path().join(BUCKET);
        walk(&bucket, &mut |path| {
            found.push(path.strip_prefix(&bucket).expect("below it").display().to_string());
        });
        found.sort();
        found
    }

    /// Files of uploads in parts that have not ended.
    pub fn parts(&self) -> usize {
        let names =
            fs::read_dir(self.root.path()).expect("the directory").flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".upload")).count()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.stop();
    }
}

fn walk(directory: &Path, see: &mut dyn FnMut(PathBuf)) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, see) } else { see(path) }
    }
}

fn service(root: &Path) -> S3Service {
    let mut builder = S3ServiceBuilder::new(FileSystem::new(root).expect("the directory"));
    builder.set_auth(SimpleAuth::from_single("test", "test-secret"));
    builder.build()
}

async fn serve(listener: TcpListener, service: S3Service) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    while let Ok((socket, _)) = listener.accept().await {
        let connection = Builder::new(TokioExecutor::new());
        let service = service.clone();
        tokio::spawn(async move {
            // a client that goes away is no matter of the server's
            let _ = connection.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
