//! Whether a service could start with some options, found without starting it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lbuild_db::upkeep::Schema;
use lbuild_db::{Database, DbError, OpenError};
use rustix::fs::{Access, access, statvfs};

use crate::api::health::LEAST_FREE;
use crate::artifact::{Artifacts, Location};
use crate::place::{KEYS, LOCK, run};
use crate::problem::chain;
use crate::serve::{ServeOptions, try_listen};

/// What was found about one part of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part.
    pub name: &'static str,
    /// A service would do with it.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), advice: None }
    }

    fn bad(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, ok: false, detail: detail.into(), advice: Some(advice.into()) }
    }
}

/// Looks at everything that a service needs. Nothing is changed.
///
/// # Errors
/// When this process itself cannot look.
pub fn preflight(options: &ServeOptions) -> io::Result<Vec<Finding>> {
    let running = in_use(&options.data);
    let mut found: Vec<_> =
        options.listen.map(|address| listen("listen", address, running)).into_iter().collect();
    found.extend(options.metrics.map(|address| listen("metrics", address, running)));
    found.extend([data(&options.data, running), disk(&options.data)]);
    found.extend(KEYS.iter().filter_map(|key| key_file(&options.data.join(key))));
    found.push(run(database(options))?);
    if let Some(location) = &options.artifacts {
        found.push(run(artifacts(location))?);
    }
    found.push(sandbox(options));
    Ok(found)
}

/// Whether a process has the data directory.
fn in_use(data: &Path) -> bool {
    let Ok(file) = fs::File::open(data.join(LOCK)) else { return false };
    matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock))
}

fn listen(name: &'static str, address: SocketAddr, running: bool) -> Finding {
    match try_listen(address) {
        Ok(()) => Finding::good(name, format!("{address} is free")),
        Err(error) if running && error.kind() == io::ErrorKind::AddrInUse => {
            Finding::good(name, format!("{address} is in use, and so is the data directory: a service runs"))
        }
        Err(error) => {
            let advice = format!("choose another with `--{name}`, or stop what listens there");
            Finding::bad(name, format!("{address}: {error}"), advice)
        }
    }
}

/// The directory itself, or the one that it would be made in.
fn nearest(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn data(data: &Path, running: bool) -> Finding {
    let (shown, nearest) = (data.display(), nearest(data));
    let advice = "give it to the user of the service, or name another with `--data`";
    if !nearest.is_dir() {
        return Finding::bad("data", format!("{} is not a directory", nearest.display()), advice);
    }
    if let Err(error) = access(&nearest, Access::WRITE_OK | Access::EXEC_OK) {
        return Finding::bad("data", format!("{} cannot be written: {error}", nearest.display()), advice);
    }
    let state = match (running, data.exists()) {
        (true, _) => "a service uses it",
        (false, true) => "can be written",
        (false, false) => "will be made",
    };
    Finding::good("data", format!("{shown}: {state}"))
}

fn disk(data: &Path) -> Finding {
    let free = statvfs(nearest(data)).map(|disk| disk.f_bavail * disk.f_frsize);
    match free {
        Ok(free) if free >= LEAST_FREE => Finding::good("disk", format!("{} MiB are free", free >> 20)),
        Ok(free) => {
            let detail = format!("{} MiB are free, of {} that readiness wants", free >> 20, LEAST_FREE >> 20);
            Finding::bad("disk", detail, "free some, or keep the data elsewhere with `--data`")
        }
        Err(error) => {
            Finding::bad("disk", format!("cannot be looked at: {error}"), "look at the file system")
        }
    }
}

/// A file with a secret; nothing while there is none.
fn key_file(path: &Path) -> Option<Finding> {
    let shown = path.display();
    let mode = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            let advice = "give it to the user of the service, and to nobody else";
            return Some(Finding::bad("keys", format!("{shown}: {error}"), advice));
        }
        Ok(metadata) => metadata.permissions().mode() & 0o777,
    };
    let of_others = mode & 0o077;
    Some(if of_others == 0 {
        Finding::good("keys", format!("{shown}: only its owner can read it"))
    } else {
        let advice =
            format!("`chmod 600 {shown}`; if others had a look, replace it: docs/operate/runbook.md");
        Finding::bad("keys", format!("{shown}: others can use it (mode {mode:o})"), advice)
    })
}

async fn database(options: &ServeOptions) -> Finding {
    let place = options.place();
    if let Some(file) = place.database_file().filter(|file| !file.exists()) {
        return Finding::good("database", format!("SQLite in {}: will be made", file.display()));
    }
    match look(&place.address()).await {
        Ok((kind, schema)) => schema_finding(kind, &schema, options.migrate),
        Err(reason) => Finding::bad("database", reason, "look at `--database`, and whether the server runs"),
    }
}

async fn look(address: &str) -> Result<(&'static str, Schema), String> {
    let open = |error: OpenError| chain(&error);
    let failed = |error: DbError| chain(&error);
    let db = Database::open(address).await.map_err(open)?;
    let (kind, schema) = (db.kind(), db.schema().await.map_err(failed)?);
    db.close().await.map_err(failed)?;
    Ok((kind, schema))
}

fn schema_finding(kind: &str, schema: &Schema, migrate: bool) -> Finding {
    if !schema.unknown.is_empty() {
        let detail = format!("{kind}: a newer lbuild made its schema: {}", schema.unknown.join(", "));
        return Finding::bad("database", detail, "run that version, or restore a backup from before it");
    }
    match (schema.pending.as_slice(), migrate) {
        ([], _) => Finding::good("database", format!("{kind} answers, and its schema is up to date")),
        (pending, true) => {
            Finding::good("database", format!("{kind} answers; the start applies {}", pending.join(", ")))
        }
        (pending, false) => {
            let detail = format!("{kind} answers and lacks {}", pending.join(", "));
            Finding::bad("database", detail, "apply them with `lbuild migrate`, after a backup")
        }
    }
}

/// A bucket; artifacts on the disk are in the data directory.
async fn artifacts(location: &Location) -> Finding {
    match Artifacts::open(location).await {
        Ok(_) => Finding::good("artifacts", "the bucket can be written"),
        Err(error) => Finding::bad(
            "artifacts",
            chain(&error),
            "look at `--store` and at the AWS_* variables, and make the bucket",
        ),
    }
}

/// Others may build then, but not on a database that one process has.
fn no_workers(sqlite: bool) -> Finding {
    if sqlite {
        let advice = "give it some with `--workers`, or PostgreSQL, which others can use too";
        return Finding::bad("workers", "there are none, so nobody could ever build", advice);
    }
    Finding::good("sandbox", "not needed: there are no workers here")
}

fn sandbox(options: &ServeOptions) -> Finding {
    if options.workers == 0 {
        return no_workers(options.place().database_file().is_some());
    }
    match lbuild_engine::preflight(&nearest(&options.data)) {
        Ok(()) => Finding::good("sandbox", "a job ran in it"),
        Err(reason) => Finding::bad(
            "sandbox",
            reason,
            "see docs/operate/install.md for what the sandbox needs of a machine",
        ),
    }
}
