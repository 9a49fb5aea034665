//! What the tests run inside.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use lbuild_sandbox::{Agent, AgentIo};

pub(crate) const ALL: &[Agent] = &[
    Agent { name: "populate", run: populate },
    Agent { name: "echo", run: echo },
    Agent { name: "fail", run: |_| Err("no luck".to_owned()) },
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
