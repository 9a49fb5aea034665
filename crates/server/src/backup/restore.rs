//! Puts a backup into an empty data directory, after everything in it was checked.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use lbuild_db::{Database, DbError, OpenError};
use lbuild_engine::Cancel;
use lbuild_repo::tar::{Archive, Entry, Kind, Policy, TarError};

use super::{FORMAT, MANIFEST, MANIFEST_MAX, Manifest, Part, Unkept, copy, sync_directory};
use crate::place::{DATABASE, KEYS, LOCK, run};
use crate::serve::{ServeError, take_directory};

/// Why a backup is not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The directory is not empty.
    #[error("the data directory `{}` is not empty: it has `{found}`", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// One thing in it.
        found: String,
    },
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] ServeError),
    /// A file cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no archive, or a damaged one.
    #[error("the backup cannot be read")]
    Archive(#[from] TarError),
    /// The archive is not what a backup is.
    #[error("this is not a backup: {0}")]
    NotABackup(String),
    /// A file in it is not what was put in.
    #[error("the backup is damaged: `{0}` is not what was backed up")]
    Damaged(String),
    /// The database in it does not open.
    #[error("the database in the backup does not open")]
    Open(#[from] OpenError),
    /// The database in it does not answer.
    #[error("the database in the backup cannot be read")]
    Db(#[from] DbError),
    /// The database in it is not sound.
    #[error("the database in the backup is damaged: {0}")]
    Unsound(String),
    /// Somebody changed the audit log.
    #[error("the audit log in the backup was changed: row {0} does not follow from those before it")]
    Audit(i64),
    /// A newer program made it.
    #[error("the backup has the schema of a newer lbuild: {}", .0.join(", "))]
    Newer(Vec<String>),
    /// Somebody asked to stop.
    #[error("the restoring was stopped")]
    Cancelled,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Migrations that the service will apply when it starts.
    pub pending: Vec<String>,
}

/// Restores a backup into a data directory that is empty or absent. When it fails, nothing is left.
pub fn restore(file: &Path, data: &Path, cancel: &Cancel) -> Result<Restored, RestoreError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RestoreError::File { path, source }
    };
    let archive = File::open(file).map_err(failed(file))?;
    let made = !data.exists();
    check_empty(data)?;
    fs::create_dir_all(data).map_err(failed(data))?;
    let directory = made.then(|| Unkept::new(data.to_owned()));
    let lock = take_directory(data)?;
    let mut files = vec![Unkept::new(data.join(LOCK))];
    let staging = Unkept::new(data.join("restoring"));
    DirBuilder::new().mode(0o700).create(&staging.path).map_err(failed(&staging.path))?;

    let manifest = unpack(archive, &staging.path, cancel)?;
    let pending = check_database(&staging.path, &manifest.schema)?;
    for Part { name, .. } in &manifest.files {
        let path = data.join(name);
        fs::rename(staging.path.join(name), &path).map_err(failed(&path))?;
        files.push(Unkept::new(path));
    }
    sync_directory(data).map_err(failed(data))?;
    files.into_iter().chain(directory).for_each(Unkept::keep);
    drop(lock);
    Ok(Restored { manifest, pending })
}

/// Nothing may be in the directory but the lock of a service that has not begun.
fn check_empty(data: &Path) -> Result<(), RestoreError> {
    let failed = |source| RestoreError::File { path: data.to_owned(), source };
    let entries = match fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if name != LOCK {
            let found = name.to_string_lossy().into_owned();
            return Err(RestoreError::NotEmpty { path: data.to_owned(), found });
        }
    }
    Ok(())
}

/// Unpacks every file of the archive, each checked against the description that comes first.
fn unpack(file: File, into: &Path, cancel: &Cancel) -> Result<Manifest, RestoreError> {
    let mut archive = Archive::new(file, Policy { max_entries: 64, ..Policy::strict() });
    let manifest = manifest(&mut archive)?;
    for part in &manifest.files {
        let Some(entry) = archive.next_entry()? else { return Err(RestoreError::Damaged(part.name.clone())) };
        if !is_file(&entry, &part.name) || entry.size != part.size {
            return Err(RestoreError::Damaged(part.name.clone()));
        }
        let path = into.join(&part.name);
        let written =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut out| {
                let copied = copy(&mut archive.content(), &mut out, cancel)?;
                out.sync_all().map(|()| copied)
            });
        match written {
            Ok((_, sha256)) if sha256 == part.sha256 => {}
            Ok(_) => return Err(RestoreError::Damaged(part.name.clone())),
            Err(_) if cancel.is_cancelled() => return Err(RestoreError::Cancelled),
            // the archive ends in the middle
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(RestoreError::Damaged(part.name.clone()));
            }
            Err(source) => return Err(RestoreError::File { path, source }),
        }
    }
    match archive.next_entry()? {
        Some(_) => Err(RestoreError::NotABackup("there is more in it than it lists".to_owned())),
        None => Ok(manifest),
    }
}

fn is_file(entry: &Entry, name: &str) -> bool {
    entry.kind == Kind::File && entry.path == name.as_bytes()
}

/// Reads the description, which names only files that belong into a data directory.
fn manifest(archive: &mut Archive<File>) -> Result<Manifest, RestoreError> {
    let not = |what: &str| RestoreError::NotABackup(what.to_owned());
    let first = archive.next_entry()?.ok_or_else(|| not("it is empty"))?;
    if !is_file(&first, MANIFEST) || first.size > MANIFEST_MAX {
        return Err(not("it does not begin with `backup.json`"));
    }
    let mut text = Vec::new();
    archive.content().read_to_end(&mut text).map_err(|error| RestoreError::Archive(error.into()))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| not(&format!("`backup.json`: {error}")))?;
    if manifest.format != FORMAT {
        return Err(not(&format!("its format is {}, and this lbuild reads {FORMAT}", manifest.format)));
    }
    let strange = manifest.files.iter().find(|part| part.name != DATABASE && !KEYS.contains(&&*part.name));
    if let Some(part) = strange {
        return Err(not(&format!("`{}` does not belong into one", part.name)));
    }
    if !manifest.files.iter().any(|part| part.name == DATABASE) {
        return Err(not("it has no database"));
    }
    Ok(manifest)
}

/// Checks the database itself; the migrations that it lacks.
fn check_database(directory: &Path, described: &[String]) -> Result<Vec<String>, RestoreError> {
    let path = directory.join(DATABASE);
    let check = async {
        let db = Database::open(&format!("sqlite:{}", path.display())).await?;
        let found = judge(&db, described).await;
        db.close().await?;
        found
    };
    run(check).map_err(|source| RestoreError::File { path: path.clone(), source })?
}

async fn judge(db: &Database, described: &[String]) -> Result<Vec<String>, RestoreError> {
    if let Some(damage) = db.damage().await? {
        return Err(RestoreError::Unsound(damage));
    }
    let schema = db.schema().await?;
    if !schema.unknown.is_empty() {
        return Err(RestoreError::Newer(schema.unknown));
    }
    if schema.applied.is_empty() {
        return Err(RestoreError::NotABackup("its database has no schema".to_owned()));
    }
    if schema.applied != described {
        return Err(RestoreError::Damaged(MANIFEST.to_owned()));
    }
    match db.audit_fault().await? {
        Some(row) => Err(RestoreError::Audit(row)),
        None => Ok(schema.pending),
    }
}
