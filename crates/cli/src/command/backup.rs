//! `lbuild backup` and `lbuild restore`: the database and the keys of a service as one file.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use lbuild_server::backup::{self, BackupError, Manifest, RestoreError};
use lbuild_server::place::SECRET_KEY;
use serde_json::json;

use super::place::{Place, SealingKey};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::format::bytes;
use crate::output;
use crate::session::Session;

/// What to back up, and where to.
#[derive(Debug, Args)]
#[command(
    after_help = "The service may run meanwhile. The file has the database and the key files of the data \
                        directory, so keep it as secret as them. Artifacts and the store are not in it."
)]
pub struct BackupOptions {
    /// The file, which must not exist
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    sealing: SealingKey,
}

/// What to restore, and where to.
#[derive(Debug, Args)]
#[command(
    after_help = "The data directory must be empty or absent. Nothing is kept of a backup that is damaged, whose \
                        audit log was changed, or that a newer lbuild made."
)]
pub struct RestoreOptions {
    /// The file that `lbuild backup` wrote
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Backs up.
pub fn back_up(options: &BackupOptions, context: &Context) -> Result<(), Failure> {
    let place = options.place.resolve()?;
    let session = Session::start(context, "backing up the service")?;
    let written = session.run(|observer| backup::write(&place, &options.file, observer.cancel));
    let manifest = written.map_err(|error| backup_failure(&error))?;
    // whoever keeps the key apart from the database wants it so in backups as well
    let elsewhere = options.sealing.file().filter(|key| *key != place.data.join(SECRET_KEY));
    if context.global.json {
        return output::print_json(&json!({
            "file": options.file, "backup": manifest, "artifacts": false, "keyElsewhere": elsewhere,
        }));
    }
    let file = options.file.display();
    let mut text = format!("{file}: {}\nartifacts and the store are not in it\n", contents(&manifest));
    if let Some(key) = elsewhere {
        let lost =
            format!("nor is the key `{}`: logins of registries open with nothing else\n", key.display());
        text.push_str(&lost);
    }
    output::print(&text)
}

/// Restores.
pub fn restore(options: &RestoreOptions, context: &Context) -> Result<(), Failure> {
    let data = options.place.data()?;
    let own = format!("sqlite:{}", data.join("lbuild.db").display());
    if options.place.database().is_some_and(|address| address != own) {
        let message = "a backup is restored into the data directory, and the settings name another database";
        return Err(Failure::new(Exit::Usage, message)
            .hint("unset DATABASE_URL or `database` for this command and for the service".to_owned()));
    }
    let session = Session::start(context, "restoring the service")?;
    let restored = session.run(|observer| backup::restore(&options.file, &data, observer.cancel));
    let restored = restored.map_err(|error| restore_failure(&error))?;
    if context.global.json {
        return output::print_json(
            &json!({ "data": data, "backup": restored.manifest, "pending": restored.pending }),
        );
    }
    let mut lines = vec![format!("{}: {}\n", data.display(), contents(&restored.manifest))];
    if !restored.pending.is_empty() {
        lines.push(format!("the start of the service applies {}\n", restored.pending.join(", ")));
    }
    output::print(&lines.concat())
}

fn contents(manifest: &Manifest) -> String {
    let files = manifest.files.iter().map(|part| format!("{} ({})", part.name, bytes(part.size)));
    files.collect::<Vec<_>>().join(", ")
}

fn backup_failure(error: &BackupError) -> Failure {
    let hint = match error {
        BackupError::Postgres => {
            Some("use pg_dump, and copy the key files of the data directory: see docs/operate/backup.md")
        }
        BackupError::Missing(_) => Some("name the directory of the service with --data"),
        BackupError::Exists(_) => Some("name another file: a backup replaces nothing"),
        BackupError::Copy { .. } | BackupError::File { .. } => {
            Some("nothing was left; look at the directory, its owner and the free space there")
        }
        _ => None,
    };
    let exit = if matches!(error, BackupError::Cancelled) { Exit::Interrupted } else { Exit::Build };
    Failure::from_error(exit, error).hint(hint.map(str::to_owned))
}

fn restore_failure(error: &RestoreError) -> Failure {
    let hint = match error {
        RestoreError::NotEmpty { .. } => "name an empty directory with --data",
        RestoreError::Newer(_) => "restore it with that version",
        RestoreError::Archive(_)
        | RestoreError::NotABackup(_)
        | RestoreError::Damaged(_)
        | RestoreError::Unsound(_)
        | RestoreError::Audit(_) => "nothing was restored; take another backup",
        _ => "nothing was restored",
    };
    let exit = if matches!(error, RestoreError::Cancelled) { Exit::Interrupted } else { Exit::Build };
    Failure::from_error(exit, error).hint(hint.to_owned())
}
