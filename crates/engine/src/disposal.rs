//! Deleting what the store has given up: its own directories, and in them trees that belong to mapped ids.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use lbuild_sandbox::Launcher;
use lbuild_store::{Cancel, Collected, Policy, Store, StoreError};

use crate::error::BuildError;
use crate::event::{Event, Observer};

/// Collects what a store no longer needs and empties its trash.
///
/// # Errors
/// `Cancelled` when it was stopped; what is left then goes the next time.
pub fn collect(
    store: &Store,
    launcher: &Launcher,
    policy: &Policy,
    cancel: &Cancel,
) -> Result<Collected, StoreError> {
    store.collect(policy, &|path| delete_trees(launcher, path, &|| cancel.is_cancelled()), cancel)
}

/// Deletes the trees in one of the store's directories; what is the store's own is left for the store to delete.
fn delete_trees(launcher: &Launcher, directory: &Path, stop: &dyn Fn() -> bool) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            launcher.delete_tree_unless(&entry.path(), stop).map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// Empties the trash of a store beside some work, and then what that work has thrown away. Stopped by request, and when
/// the work made nothing: whoever gets an answer from the store is not kept waiting.
pub(crate) fn empty_trash_beside<T>(
    store: &Store,
    launcher: &Launcher,
    observer: &Observer<'_>,
    work: impl FnOnce() -> Result<T, BuildError>,
    made_nothing: impl FnOnce(&T) -> bool,
) -> Result<T, BuildError> {
    let enough = Cancel::new();
    let stop = || enough.is_cancelled() || observer.cancel.is_cancelled();
    let sweep = || match store.sweep(&|path| delete_trees(launcher, path, &stop), &stop) {
        // What cannot be deleted now is tried again by the next build and by a collection.
        Err(error) if !stop() => {
            let message = format!("cannot empty the trash of the store: {error}");
            observer.emit(Event::Warning { message });
        }
        _ => {}
    };
    thread::scope(|scope| {
        let sweeping = scope.spawn(sweep);
        let result = work();
        if result.as_ref().is_ok_and(made_nothing) {
            enough.cancel();
        }
        // A sweep that panicked has said so; the next one goes on.
        let _ = sweeping.join();
        sweep();
        result
    })
}
