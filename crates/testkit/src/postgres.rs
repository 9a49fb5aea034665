//! A real PostgreSQL server for the tests of one program, on a private port, gone when the program is.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
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
$as "$1/postgres" -D data -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
    >server.log 2>&1 &
server=$!
echo "$directory"
read -r _
kill -INT "$server"
wait "$server"
cd / || exit 1
rm -rf "$directory"
"#;

struct Server {
    port: u16,
    /// Its input is closed by the end of this process, which ends the server.
    _keeper: Child,
}

/// The address of a new, empty database.
///
/// # Panics
/// When PostgreSQL is not installed or does not start.
pub fn database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(start);
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let port = server.port.to_string();
    let made = Command::new(programs().join("createdb"))
        .args(["--host=127.0.0.1", "--username=test", "--template=template0", "--port", &port, &name])
        .status()
        .expect("createdb starts");
    assert!(made.success(), "createdb makes a database");
    format!("postgres://test@127.0.0.1:{port}/{name}")
}

/// Where the newest PostgreSQL has its programs.
fn programs() -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed: cargo xtask test does it");
    let newest =
        versions.flatten().map(|entry| entry.path().join("bin")).filter(|path| path.join("initdb").exists());
    newest.max().expect("PostgreSQL is installed: cargo xtask test does it")
}

/// Whether the server takes work: its port is open before that.
fn answers(port: u16) -> bool {
    let mut asked = Command::new(programs().join("pg_isready"));
    asked.args(["--host=127.0.0.1", "--quiet", "--port", &port.to_string()]);
    asked.status().is_ok_and(|status| status.success())
}

fn start() -> Server {
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
    let mut directory = String::new();
    let output = keeper.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut directory).expect("what it says");
    let until = Instant::now() + PATIENCE;
    while !answers(port) {
        assert!(Instant::now() < until, "PostgreSQL does not start; see server.log in {directory}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Server { port, _keeper: keeper }
}
