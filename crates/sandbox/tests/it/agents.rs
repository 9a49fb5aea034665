//! What the tests run inside.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use lbuild_sandbox::{Agent, AgentIo};
use rustix::process::{Pid, Signal, kill_process};

use crate::probe;

pub(crate) const ALL: &[Agent] = &[
    Agent { name: "populate", run: populate },
    Agent { name: "echo", run: echo },
    Agent { name: "fail", run: |_| Err("no luck".to_owned()) },
    Agent { name: "syscalls", run: probe::syscalls },
    Agent { name: "sockets", run: probe::sockets },
    Agent { name: "int80", run: |_| probe::foreign("int80") },
    Agent { name: "socketcall", run: |_| probe::foreign("socketcall") },
    Agent { name: "x32", run: |_| probe::foreign("x32") },
    Agent { name: "connect", run: connect },
    Agent { name: "descriptors", run: descriptors },
    Agent { name: "listen", run: listen },
    Agent { name: "intrude", run: intrude },
    Agent { name: "hog", run: hog },
    Agent { name: "count", run: count },
    Agent { name: "threads", run: threads },
    Agent { name: "own-program", run: own_program },
    Agent { name: "panic", run: |_| panic!("on purpose") },
];

/// Fills the root: each line of the input is `path mode` for the next descriptor, or `path -> target`.
fn populate(io: &mut AgentIo) -> Result<(), String> {
    let text = String::from_utf8(std::mem::take(&mut io.input)).map_err(|error| error.to_string())?;
    let mut fds = std::mem::take(&mut io.fds).into_iter();
    text.lines().try_for_each(|line| place(line, &mut fds)).map_err(|error| error.to_string())
}

fn place(line: &str, fds: &mut dyn Iterator<Item = std::os::fd::OwnedFd>) -> io::Result<()> {
    let words: Vec<&str> = line.split(' ').collect();
    if let Some(parent) = Path::new(words[0]).parent() {
        fs::create_dir_all(parent)?;
    }
    if let [path, "->", target] = words[..] {
        return symlink(target, path);
    }
    let mode = u32::from_str_radix(words[1], 8).map_err(io::Error::other)?;
    let mut from = File::from(fds.next().ok_or(io::ErrorKind::UnexpectedEof)?);
    let mut to = File::create(words[0])?;
    io::copy(&mut from, &mut to)?;
    to.set_permissions(PermissionsExt::from_mode(mode))
}

/// Sends back every message, with the content of the first descriptor that came with it.
fn echo(io: &mut AgentIo) -> Result<(), String> {
    while let Some(mut message) = io.recv().map_err(|error| error.to_string())? {
        if let Some(fd) = message.fds.pop() {
            io::Read::read_to_end(&mut File::from(fd), &mut message.bytes)
                .map_err(|error| error.to_string())?;
        }
        io.send(&message.bytes).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Tries to reach the world, the machine and a port of the caller, and tells how that ended.
fn connect(io: &mut AgentIo) -> Result<(), String> {
    let text = |error: io::Error| match error.raw_os_error() {
        Some(libc::ENETUNREACH) => "ENETUNREACH".to_owned(),
        Some(libc::ECONNREFUSED) => "ECONNREFUSED".to_owned(),
        _ => error.to_string(),
    };
    let port = String::from_utf8_lossy(&io.input).into_owned();
    let mut told = String::new();
    let targets = [
        ("public", "1.1.1.1:443"),
        ("metadata", "169.254.169.254:80"),
        ("worker", &format!("127.0.0.1:{port}")),
    ];
    for (name, target) in targets {
        let target: SocketAddr = target.parse().map_err(|error| format!("{error}"))?;
        let _ = writeln!(
            told,
            "{name}: {}",
            TcpStream::connect(target).map_or_else(text, |_| "connected".to_owned())
        );
    }
    let asked = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"?", "9.9.9.9:53"));
    let _ = writeln!(told, "name server: {}", asked.map_or_else(text, |_| "sent".to_owned()));
    let devices = fs::read_to_string("/proc/net/dev").map_err(|error| error.to_string())?;
    let names: Vec<_> =
        devices.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
    let _ = writeln!(told, "devices: {}", names.join(" "));
    io.send(told.as_bytes()).map_err(|error| error.to_string())
}

fn descriptors(io: &mut AgentIo) -> Result<(), String> {
    let open: Vec<String> = probe::open_descriptors().iter().map(i32::to_string).collect();
    io.send(open.join(" ").as_bytes()).map_err(|error| error.to_string())
}

/// The name of a socket that two jobs must not share.
fn meeting_point() -> io::Result<std::os::unix::net::SocketAddr> {
    std::os::unix::net::SocketAddr::from_abstract_name("lbuild-t14")
}

/// Listens on an abstract socket, tells its ids and answers one message.
fn listen(io: &mut AgentIo) -> Result<(), String> {
    let work = || -> io::Result<()> {
        let _listener = UnixListener::bind_addr(&meeting_point()?)?;
        io.send(fs::read_to_string("/proc/self/uid_map")?.as_bytes())?;
        io.recv()?;
        io.send(b"yes")?;
        io.recv().map(drop)
    };
    work().map_err(|error| error.to_string())
}

/// Tells its ids, tries that socket and kills everything it can.
fn intrude(io: &mut AgentIo) -> Result<(), String> {
    let work = || -> io::Result<()> {
        let map = fs::read_to_string("/proc/self/uid_map")?;
        let met = match UnixStream::connect_addr(&meeting_point()?) {
            Err(error) if error.raw_os_error() == Some(libc::ECONNREFUSED) => "ECONNREFUSED".to_owned(),
            other => format!("{other:?}"),
        };
        let own = std::process::id();
        for pid in (2..50_000).filter(|&pid| pid != own) {
            let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { continue };
            let _ = kill_process(pid, Signal::KILL);
        }
        let visible = fs::read_dir("/proc")?
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
        io.send(
            format!("{}\nabstract socket: {met}\nprocesses: {}\n", map.trim(), visible.count()).as_bytes(),
        )
    };
    work().map_err(|error| error.to_string())
}

/// Uses up memory until it is stopped.
fn hog(_: &mut AgentIo) -> Result<(), String> {
    let mut held = Vec::new();
    for round in 0..4096_u32 {
        held.push(vec![u8::try_from(round % 251).unwrap_or(1) + 1; 1 << 20]);
    }
    Err(format!("got {} MiB", held.len()))
}

fn count(io: &mut AgentIo) -> Result<(), String> {
    io.send(io.fds.len().to_string().as_bytes()).map_err(|error| error.to_string())
}

fn threads(_: &mut AgentIo) -> Result<(), String> {
    let write = |number: i32| fs::write(format!("/thread-{number}"), "").map_err(|error| error.to_string());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || write(number))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
    })
}

/// Tries to change the program that it and every later job runs, which is a file of the host.
fn own_program(io: &mut AgentIo) -> Result<(), String> {
    let mut told = String::new();
    for path in ["/proc/self/exe", "/proc/1/exe", "/proc/thread-self/exe"] {
        let opened = File::options().append(true).open(path);
        let _ = writeln!(
            told,
            "{path}: {}",
            opened.map_or_else(|error| error.kind().to_string(), |_| "opened".to_owned())
        );
    }
    io.send(told.as_bytes()).map_err(|error| error.to_string())
}
