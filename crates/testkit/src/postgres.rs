//! Real PostgreSQL servers on private ports, gone when the tests are.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long the server may take to answer, on a machine that has much to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs the server beside itself and waits for the end of its input, which is the end of the tests however they end.
/// PostgreSQL refuses to run as root, so root hands it to `nobody`.
const KEEPER: &str = r#"
set -u
directory=$(mktemp -d "${TMPDIR:-/tmp}/lbuild-postgres.XXXXXX") || exit 1
as=
if [ "$(id -u)" = 0 ]; then
    chown 65534:65534 "$directory"
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
fi
cd "$directory" || exit 1
$as "$1/initdb" --pgdata=data --username=test --auth=trust --no-sync >init.log 2>&1 || { cat init.log >&2; exit 1; }
start() {
    $as "$1/postgres" -D data -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c max_connections=300 >>server.log 2>&1 &
    server=$!
}
start "$1" "$2"
echo "$directory"
while read -r order; do
    case $order in
    # what is left of it needs a moment to see that it is gone
    kill) kill -KILL "$server"; wait "$server"; sleep 1 ;;
    start) start "$1" "$2" ;;
    esac
    echo "$order"
done
kill -INT "$server"
wait "$server"
cd / || exit 1
rm -rf "$directory"
"#;

/// A server, for tests that take it away.
pub struct Server {
    port: u16,
    /// Its input is closed by the end of this process, which ends the server.
    keeper: Child,
    answers: BufReader<ChildStdout>,
}

/// The address of a new, empty database.
///
/// # Panics
/// When PostgreSQL is not installed or does not start.
pub fn database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start).database()
}

impl Server {
    /// Starts one of its own.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> Self {
        let port = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            listener.local_addr().expect("its address").port()
        };
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "postgres"])
            .arg(programs())
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let answers = BufReader::new(keeper.stdout.take().expect("its output"));
        let mut server = Self { port, keeper, answers };
        server.answer();
        server.wait();
        server
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The address of a new, empty database.
    ///
    /// # Panics
    /// When the server does not make one.
    pub fn database(&self) -> String {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        let made = Command::new(programs().join("createdb"))
            .args(["--host=127.0.0.1", "--username=test", "--template=template0", "--port", &port, &name])
            .status()
            .expect("createdb starts");
        assert!(made.success(), "createdb makes a database");
        format!("postgres://test@127.0.0.1:{port}/{name}")
    }

    /// Kills it, as the end of a machine would.
    ///
    /// # Panics
    /// When that fails.
    pub fn kill(&mut self) {
        self.order("kill");
    }

    /// Starts it again.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&mut self) {
        self.order("start");
        self.wait();
    }

    fn order(&mut self, order: &str) {
        let input = self.keeper.stdin.as_mut().expect("its input");
        writeln!(input, "{order}").expect("it reads");
        assert_eq!(self.answer().trim_end(), order);
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("what it says");
        line
    }

    /// Whether it takes work: its port is open before that.
    fn answers(&self) -> bool {
        let mut asked = Command::new(programs().join("pg_isready"));
        asked.args(["--host=127.0.0.1", "--quiet", "--port", &self.port.to_string()]);
        asked.status().is_ok_and(|status| status.success())
    }

    fn wait(&self) {
        let until = Instant::now() + PATIENCE;
        while !self.answers() {
            assert!(Instant::now() < until, "PostgreSQL does not start; see its server.log");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Where the newest PostgreSQL has its programs.
fn programs() -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed: cargo xtask test does it");
    let newest =
        versions.flatten().map(|entry| entry.path().join("bin")).filter(|path| path.join("initdb").exists());
    newest.max().expect("PostgreSQL is installed: cargo xtask test does it")
}
