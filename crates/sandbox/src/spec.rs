//! What a caller asks for: one job, its root, its mounts, its limits.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One job: everything the sandbox shows to it and everything it may use up.
#[derive(Debug)]
pub struct Spec {
    /// The file system that the job sees as `/`.
    pub root: Root,
    /// What is mounted over it, in this order.
    pub mounts: Vec<Mount>,
    /// Host name inside; a fixed name keeps results reproducible.
    pub hostname: String,
    /// What the job may use up.
    pub limits: Limits,
    /// Descriptors for the job: `AgentIo::fds` of an agent, 3 and up of a program. Nothing else is inherited.
    pub fds: Vec<OwnedFd>,
    /// What runs.
    pub task: Task,
    /// Standard input.
    pub stdin: Stdin,
    /// Where standard output and error go.
    pub output: Output,
    /// Let `fsync` and its kin succeed without doing anything, and do not sync an overlay's upper layer at its end.
    /// Right for trees that a crash discards anyway: package tools sync after every few files.
    pub suppress_sync: bool,
}

impl Spec {
    /// A job on `root` that runs `task`, with default limits, no extra mounts, no input and merged output.
    pub fn new(root: Root, task: Task) -> Self {
        Self {
            root,
            mounts: Vec::new(),
            hostname: "localhost".to_owned(),
            limits: Limits::default(),
            fds: Vec::new(),
            task,
            stdin: Stdin::Empty,
            output: Output::Merged,
            suppress_sync: true,
        }
    }
}

/// The file system of a job. Every directory is a *tree*: made by [`crate::Launcher::make_tree_dir`], owned at rest by
/// the range of ids that trees have, and reached by the job under its own range.
///
/// `/proc` and `/dev` are always mounted; where a writable root lacks these directories they are created in it.
/// `/dev/shm` holds 64 MiB; there is no `/sys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Root {
    /// One tree, writable in place.
    Directory {
        /// The tree.
        tree: PathBuf,
    },
    /// Layers below a writable one. The upper layer can become a lower layer of a later job: whiteouts and opaque
    /// marks are kept in `user.overlay.*` attributes, which every job mounts with.
    Overlay {
        /// Read-only layers, lowest first; may be empty.
        lowers: Vec<PathBuf>,
        /// The layer that takes the writes. Its parent directory must let everybody search it (mode 0711 or more).
        upper: PathBuf,
        /// Scratch directory of overlayfs; a sibling of `upper`, created when missing.
        work: PathBuf,
    },
    /// Layers that nothing can write to, lowest first.
    ReadOnly {
        /// Read-only layers, lowest first.
        lowers: Vec<PathBuf>,
    },
}

/// Something mounted over the root. Missing mount points are created: in a scratch layer below the root where the root
/// is layered, so that they never become part of a tree; in the tree itself for [`Root::Directory`].
/// Targets are absolute and are resolved inside the root without following a symbolic link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Mount {
    /// A file or a directory of the host.
    Bind {
        /// Path on the host.
        source: PathBuf,
        /// Path in the job.
        target: PathBuf,
        /// Whether the job can change it.
        writable: bool,
        /// Whose files they are.
        owner: Owner,
    },
    /// Trees, lowest first, seen as one and read-only, e.g. a finished system at `/target`.
    Tree {
        /// Layers, lowest first.
        lowers: Vec<PathBuf>,
        /// Path in the job.
        target: PathBuf,
    },
    /// An empty file system in memory.
    Tmpfs {
        /// Path in the job.
        target: PathBuf,
        /// Capacity in bytes.
        size: u64,
    },
}

/// Whose the files of a [`Mount::Bind`] are, which decides who owns them as the job sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// The range that trees have at rest (see [`crate::Launcher::make_tree_dir`]): uid 0 of the job is its first id.
    Tree,
    /// Anybody on the host: ids outside the job's range read as 65534. Enough for read-only files with mode 0444.
    Host,
}

/// What a job runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Task {
    /// A program inside the root.
    Exec {
        /// Absolute path inside the root, then its arguments.
        argv: Vec<String>,
        /// The whole environment; nothing is inherited.
        env: Vec<(String, String)>,
        /// Working directory inside the root.
        cwd: PathBuf,
    },
    /// A function of our own, registered with [`crate::dispatch()`]; it needs no file inside the root.
    Agent {
        /// Name under which it is registered.
        name: String,
        /// Handed over as `AgentIo::input`.
        input: Vec<u8>,
    },
}

impl Task {
    pub(crate) fn is_agent(&self) -> bool {
        matches!(self, Self::Agent { .. })
    }
}

/// Standard input of a job.
#[derive(Debug)]
pub enum Stdin {
    /// At its end from the start.
    Empty,
    /// An open file or pipe.
    File(OwnedFd),
}

/// Where standard output and standard error of a job go.
#[derive(Debug)]
pub enum Output {
    /// Both into one log, in the order written.
    Merged,
    /// Into the log, each with its name.
    Apart,
    /// Standard output into a file or pipe, unlimited by `Limits::output_bytes`; standard error into the log.
    Stdout(OwnedFd),
}

/// What a job may use up. A breach ends the job with [`crate::Outcome::Limit`] and the name of the limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes, page cache of its memory file systems included; `None` is three quarters of the host's memory.
    pub memory: Option<u64>,
    /// Processes and threads at one time.
    pub pids: u32,
    /// Processors' worth of time, e.g. 1.5; `None` is all of them.
    pub cpus: Option<f64>,
    /// Time by the clock.
    pub wall: Duration,
    /// Bytes of log.
    pub output_bytes: u64,
    /// Bytes of the largest file it may write.
    pub file_size: u64,
    /// Bytes of disk that its writable tree may hold. Watched, not reserved: the job is stopped some time after, within
    /// about [`crate::WATCH_INTERVAL`] if nobody else frees space on that file system, else within seconds.
    pub disk: u64,
    /// Files, directories and links that its writable tree may hold; watched like `disk`.
    pub inodes: u64,
    /// Open files per process.
    pub open_files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: None,
            pids: 4096,
            cpus: None,
            wall: Duration::from_hours(1),
            output_bytes: 64 << 20,
            file_size: 32 << 30,
            disk: 64 << 30,
            inodes: 5_000_000,
            open_files: 16_384,
        }
    }
}
