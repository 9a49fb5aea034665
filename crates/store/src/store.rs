//! Opening a store: its directories, its version, and the sweep of what dead processes left behind.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Blobs, Cancel, Digest, Guard, Indexes, Publications, Responses, Roots, Scratch, Steps, StoreError, Trees,
    Watermarks,
    atomic::{self, Durability},
    error::During,
    journal::Journal,
    lock,
    session::Session,
};

/// Version of the layout on disk. Changing the layout means raising it: an old store is refused, never misread.
const FORMAT: &str = "lbuild-store 1\n";

/// Removes a directory whose content belongs to mapped uids. What it leaves (files of our own), the store removes.
pub type DeleteTree<'a> = &'a dyn Fn(&Path) -> io::Result<()>;

/// A [`DeleteTree`] for trees that belong to the caller itself.
pub fn remove_plain_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// A store on a local disk. Cheap to clone; clones are the same store and share one session.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    journal: Journal,
    session: Session,
}

/// Names of the directories in a store.
pub(crate) mod layout {
    pub(crate) const BLOBS: &str = "blobs";
    pub(crate) const DIRTY: &str = "dirty";
    pub(crate) const DRAFTS: &str = "drafts";
    pub(crate) const HISTORY: &str = "history";
    pub(crate) const INDEX: &str = "index";
    pub(crate) const LOCKS: &str = "locks";
    pub(crate) const PARTS: &str = "parts";
    pub(crate) const PUBLISHED: &str = "published";
    pub(crate) const QUARANTINE: &str = "quarantine";
    pub(crate) const RESPONSES: &str = "responses";
    pub(crate) const ROOTS: &str = "roots";
    pub(crate) const SESSIONS: &str = "sessions";
    pub(crate) const STEPS: &str = "steps";
    pub(crate) const TMP: &str = "tmp";
    pub(crate) const TRASH: &str = "trash";
    pub(crate) const TREES: &str = "trees";
    pub(crate) const WATERMARKS: &str = "watermarks";

    pub(crate) const ALL: [&str; 17] = [
        BLOBS, DIRTY, DRAFTS, HISTORY, INDEX, LOCKS, PARTS, PUBLISHED, QUARANTINE, RESPONSES, ROOTS,
        SESSIONS, STEPS, TMP, TRASH, TREES, WATERMARKS,
    ];
}

impl Store {
    /// Opens the store at `path`, creating it if there is nothing. Removes temporary files of processes that died and,
    /// after a power cut, whatever may not have reached the disk.
    ///
    /// Leftover trees stay until [`Store::sweep`], because only the caller can delete what mapped uids own.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_unless(path, &Cancel::new())
    }

    /// Like [`Store::open`], until `cancel` is raised: what follows a power cut can take long.
    pub fn open_unless(path: impl AsRef<Path>, cancel: &Cancel) -> Result<Self, StoreError> {
        let path = path.as_ref();
        fs::create_dir_all(path).during("create the store", path)?;
        let root = path.canonicalize().during("open the store", path)?;
        prepare(&root)?;
        sweep_files(&root.join(layout::TMP))?;
        let session = Session::new(&root);
        let journal = Journal::open(&root, cancel)?;
        Ok(Self { inner: Arc::new(Inner { root, journal, session }) })
    }

    /// The directory of the store, absolute.
    pub fn path(&self) -> &Path {
        &self.inner.root
    }

    /// Files named by their content.
    pub fn blobs(&self) -> Blobs<'_> {
        Blobs::new(self)
    }

    /// Directories named by the key of the step that made them.
    pub fn trees(&self) -> Trees<'_> {
        Trees::new(self)
    }

    /// Records of finished steps.
    pub fn steps(&self) -> Steps<'_> {
        Steps::new(self)
    }

    /// Parsed package indexes.
    pub fn indexes(&self) -> Indexes<'_> {
        Indexes::new(self)
    }

    /// Validators of files that were fetched by URL.
    pub fn responses(&self) -> Responses<'_> {
        Responses::new(self)
    }

    /// Highest dates seen.
    pub fn watermarks(&self) -> Watermarks<'_> {
        Watermarks::new(self)
    }

    /// Output files that are known to be current.
    pub fn publications(&self) -> Publications<'_> {
        Publications::new(self)
    }

    /// What each spec's last build refers to.
    pub fn roots(&self) -> Roots<'_> {
        Roots::new(self)
    }

    /// Takes the lock of `key`, waiting while another build holds it. Look for the result again after a wait: the
    /// other build has probably made it.
    pub fn lock(&self, key: Digest, cancel: &Cancel) -> Result<Guard, StoreError> {
        lock::acquire(&self.dir(layout::LOCKS).join(key.to_string()), cancel)
    }

    /// Takes the lock of `key` if nobody holds it.
    pub fn try_lock(&self, key: Digest) -> Result<Option<Guard>, StoreError> {
        lock::try_acquire(&self.dir(layout::LOCKS).join(key.to_string()))
    }

    /// A temporary directory on the store's file system, for whatever a step needs while it runs.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        Scratch::create(&self.dir(layout::DRAFTS), &self.dir(layout::TRASH))
    }

    /// Deletes what is in the trash, and drafts and scratch directories of dead processes. Returns how many there were.
    ///
    /// # Errors
    /// `Cancelled` once `stop` holds; what is left stays for the next time.
    pub fn sweep(&self, delete: DeleteTree<'_>, stop: &dyn Fn() -> bool) -> Result<usize, StoreError> {
        let drafts = crate::scratch::sweep(&self.dir(layout::DRAFTS), delete, stop)?;
        Ok(drafts + crate::scratch::sweep(&self.dir(layout::TRASH), delete, stop)?)
    }

    /// Writes everything back to the disk, so that a power cut from here on costs nothing that exists now. Takes as
    /// long as the disk needs; nothing depends on calling it.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.inner.journal.sync()
    }

    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        self.inner.root.join(name)
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    pub(crate) fn session(&self) -> &Session {
        &self.inner.session
    }
}

/// Makes sure that `root` is a store of this version.
fn prepare(root: &Path) -> Result<(), StoreError> {
    let version = root.join("VERSION");
    let unusable = |reason: String| StoreError::Unusable { path: root.to_path_buf(), reason };
    match fs::read_to_string(&version) {
        Ok(text) if text == FORMAT => return Ok(()),
        Ok(text) => return Err(unusable(format!("its format is `{}`", text.trim()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::from_io("read", &version, error)),
    }
    let foreign = fs::read_dir(root).during("read", root)?.filter_map(Result::ok).find(|entry| {
        entry.file_name().to_str().is_none_or(|name| !layout::ALL.contains(&name) && name != "VERSION")
    });
    if let Some(entry) = foreign {
        return Err(unusable(format!("it holds `{}`", entry.file_name().display())));
    }
    for name in layout::ALL {
        atomic::make_dir(&root.join(name))?;
    }
    // Last, so that a store with a version has all its directories.
    atomic::replace(&root.join(layout::TMP), &version, FORMAT.as_bytes(), Durability::Synced)
}

/// Removes the files in `dir` whose lock is free.
pub(crate) fn sweep_files(dir: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(dir).during("read", dir)? {
        let path = entry.during("read", dir)?.path();
        let Ok(file) = File::open(&path) else { continue };
        if lock::try_exclusive(&file).during("lock", &path)? && lock::is_at(&file, &path) {
            match fs::remove_file(&path) {
                // A read-only store is still good for reading.
                Err(error) if error.kind() != io::ErrorKind::ReadOnlyFilesystem => {
                    return Err(StoreError::from_io("remove", &path, error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
