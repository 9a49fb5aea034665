//! Makes a backup: a copy of the database as it is at one moment, then everything into one file that appears whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lbuild_db::{Database, DbError, OpenError};
use lbuild_engine::Cancel;
use lbuild_image::tar::Archive;

use super::{FORMAT, MANIFEST, Manifest, Part, Unkept, copy, sync_directory};
use crate::place::{DATABASE, KEYS, Place, run};

/// How often a copy looks whether somebody asked to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is not a file.
    #[error("the database is PostgreSQL, which is backed up by its own tools")]
    Postgres,
    /// There is nothing to back up.
    #[error("there is no database at `{}`", .0.display())]
    Missing(PathBuf),
    /// The file is there already.
    #[error("`{}` exists", .0.display())]
    Exists(PathBuf),
    /// The database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be copied.
    #[error("cannot copy the database to `{}`", path.display())]
    Copy {
        /// Where to.
        path: PathBuf,
        /// Why.
        #[source]
        source: DbError,
    },
    /// A file cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("the backup was stopped")]
    Cancelled,
}

/// A file on its way into a backup.
struct Source {
    part: Part,
    path: PathBuf,
}

/// Writes a backup of the service in `place` to `file`, which must not exist. The service may run meanwhile. When it
/// fails, nothing is left.
pub fn write(place: &Place, file: &Path, cancel: &Cancel) -> Result<Manifest, BackupError> {
    let database = place.database_file().ok_or(BackupError::Postgres)?;
    if !database.exists() {
        return Err(BackupError::Missing(database));
    }
    if file.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let failed = |path: &Path, source| BackupError::File { path: path.to_owned(), source };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let desk = Unkept::new(file.with_file_name(format!(".{name}.{}", std::process::id())));
    // nobody else reads what lies here
    DirBuilder::new().mode(0o700).create(&desk.path).map_err(|error| failed(file, error))?;
    let (copied, partial) = (desk.path.join(DATABASE), desk.path.join("backup"));
    let schema = copy_database(place, &copied, cancel)?;
    let mut sources = vec![source(DATABASE, copied, cancel)?];
    for key in KEYS {
        let path = place.data.join(key);
        if path.exists() {
            sources.push(source(key, path, cancel)?);
        }
    }
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: now(),
        schema,
        files: sources.iter().map(|source| source.part.clone()).collect(),
    };
    pack(&partial, &manifest, &sources, cancel).map_err(|error| stopped(file, error, cancel))?;
    let directory = file.parent().filter(|path| *path != Path::new("")).unwrap_or(Path::new("."));
    fs::rename(&partial, file)
        .and_then(|()| sync_directory(directory))
        .map_err(|error| failed(file, error))?;
    Ok(manifest)
}

/// Copies the database as it is now; the migrations that it has had.
fn copy_database(place: &Place, to: &Path, cancel: &Cancel) -> Result<Vec<String>, BackupError> {
    let failed = |source| BackupError::Copy { path: to.to_owned(), source };
    let work = async {
        let db = Database::open(&place.address()).await?;
        tokio::select! {
            copied = db.copy_to(to) => copied.map_err(failed)?,
            () = asked(cancel) => return Err(BackupError::Cancelled),
        }
        // of the copy: the service may migrate meanwhile
        let copy = Database::open(&format!("sqlite:{}", to.display())).await?;
        let schema = copy.schema().await.map_err(failed)?;
        copy.close().await.map_err(failed)?;
        db.close().await.map_err(failed)?;
        Ok(schema.applied)
    };
    run(work).map_err(|source| BackupError::File { path: place.data.clone(), source })?
}

async fn asked(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(LOOK).await;
    }
}

/// A file with its size and digest.
fn source(name: &str, path: PathBuf, cancel: &Cancel) -> Result<Source, BackupError> {
    let hashed = File::open(&path).and_then(|mut file| copy(&mut file, &mut io::sink(), cancel));
    let (size, sha256) = hashed.map_err(|error| stopped(&path, error, cancel))?;
    Ok(Source { part: Part { name: name.to_owned(), size, sha256 }, path })
}

fn pack(file: &Path, manifest: &Manifest, sources: &[Source], cancel: &Cancel) -> io::Result<()> {
    // it has the secrets of the service
    let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let mut out = BufWriter::new(out);
    let seconds = u64::try_from(manifest.created_at / 1000).unwrap_or_default();
    let mut archive = Archive::new(&mut out, seconds);
    archive.file(MANIFEST, &serde_json::to_vec_pretty(manifest)?)?;
    for Source { part, path } in sources {
        archive.private(&part.name, part.size)?;
        let (size, _) = copy(&mut File::open(path)?, archive.sink(), cancel)?;
        if size != part.size {
            return Err(io::Error::other(format!("`{}` changes while it is read", part.name)));
        }
        archive.pad(size)?;
    }
    archive.finish()?;
    out.flush()?;
    out.get_ref().sync_all()
}

fn stopped(path: &Path, source: io::Error, cancel: &Cancel) -> BackupError {
    if cancel.is_cancelled() {
        return BackupError::Cancelled;
    }
    BackupError::File { path: path.to_owned(), source }
}

fn now() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
}
