//! Runs the workers, then the scripts, then writes the database.

use std::collections::{BinaryHeap, HashSet};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, RwLock};

use super::base::{ADMIN, Base};
use super::claims::{Claim, Claims, IMPLICIT};
use super::database;
use super::diversions::Diversions;
use super::package::{self, Opened, STAGING};
use super::preinst;
use super::shared::{Shared, lock};
use super::tree::{Attributes, Tree};
use super::types::{Options, Package, Preinst, Progress, RunPreinst, UnpackError, Unpacked};

/// Packages that have arrived, largest first, so that the longest job does not start last.
struct Arrived {
    heap: BinaryHeap<BySize>,
    closed: bool,
    failure: Option<UnpackError>,
}

struct BySize(u64, Package);

impl PartialEq for BySize {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for BySize {}

impl PartialOrd for BySize {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BySize {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, other.1.order).cmp(&(other.0, self.1.order))
    }
}

/// See [`super::unpack`].
pub(super) fn run(
    root: BorrowedFd<'_>,
    packages: impl Iterator<Item = Package>,
    options: &Options,
    scripts: Option<&mut RunPreinst<'_>>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Unpacked, UnpackError> {
    let probed = Tree::probe(root);
    let mut tree = probed.map_err(|source| UnpackError::Database { path: ".".to_owned(), source })?;
    let shared = prepare(root, &mut tree, options, scripts.is_some())?;
    let mut opened = take_apart(&shared, packages, options.threads.max(1), scripts.is_some(), progress)?;
    opened.sort_by_key(|opened| opened.record.order);
    if let Some(scripts) = scripts {
        place_waiting(&shared, &mut tree, &mut opened, scripts, progress)?;
        let staging = |source| UnpackError::Database { path: STAGING.to_owned(), source };
        tree.remove_directory(STAGING).map_err(staging)?;
    }
    let triggered = database::write(&shared, &mut tree, &mut opened)?;
    for (path, mtime) in shared.claims.empty_directories() {
        let path_error = |source| UnpackError::Database { path: path.escape_ascii().to_string(), source };
        tree.set_time(&path, mtime).map_err(path_error)?;
    }
    let mut names: Vec<String> = opened.iter().map(|opened| opened.record.control.name.clone()).collect();
    names.sort();
    let mut placeholders = std::mem::take(&mut *lock(&shared.placeholders));
    placeholders.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(Unpacked {
        packages: names,
        placeholders,
        triggered,
        files: shared.files.load(Ordering::Relaxed),
        bytes: shared.bytes.load(Ordering::Relaxed),
        claims: shared.claims,
    })
}

/// Makes the directories that everything else needs and reads what the tree has already.
fn prepare<'a>(
    root: BorrowedFd<'a>,
    tree: &mut Tree<'a>,
    options: &Options,
    staging: bool,
) -> Result<Shared<'a>, UnpackError> {
    let database = |path: &str| {
        let path = path.to_owned();
        move |source| UnpackError::Database { path, source }
    };
    let base = Base::read(tree)?;
    let path = format!("{ADMIN}/diversions");
    let text = tree.read(&path).map_err(database(&path))?.unwrap_or_default();
    let diversions = Diversions::parse(&text).map_err(|reason| UnpackError::BadDatabase { path, reason })?;
    let (aliases, made_aliases) = make_aliases(tree, &options.aliases)?;
    let shared = Shared {
        root,
        mask: tree.mask(),
        base,
        diversions: RwLock::new(diversions),
        claims: Claims::new(),
        aliases,
        made_aliases,
        controls: Mutex::default(),
        lost: Mutex::default(),
        base_lost: Mutex::default(),
        placeholders: Mutex::default(),
        threads: u32::try_from(options.threads).unwrap_or(1),
        budget: AtomicU64::new(options.max_bytes),
        bytes: AtomicU64::new(0),
        files: AtomicUsize::new(0),
    };
    if !shared.aliases.is_empty() {
        make_implicit(&shared, tree, "usr").map_err(database("usr"))?;
    }
    for name in &shared.made_aliases {
        let target = format!("usr/{}", String::from_utf8_lossy(name));
        make_implicit(&shared, tree, &target).map_err(database(&target))?;
    }
    for path in
        ["var", "var/lib", ADMIN, "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"]
    {
        make_implicit(&shared, tree, path).map_err(database(path))?;
    }
    if staging {
        let private = Attributes { uid: 0, gid: 0, mode: 0o700, mtime: 0 };
        tree.make_directory(STAGING.as_bytes(), private).map_err(database(STAGING))?;
    }
    database::start(tree, &options.architectures)?;
    Ok(shared)
}

/// Makes a directory that packages may claim later, so that theirs are its owner and mode.
fn make_implicit(shared: &Shared<'_>, tree: &mut Tree<'_>, path: &str) -> std::io::Result<()> {
    let created =
        match tree.make_directory(path.as_bytes(), Attributes { uid: 0, gid: 0, mode: 0o755, mtime: 0 }) {
            Ok(()) => true,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
    if created {
        let claim = Claim::Directory { order: IMPLICIT, created, mtime: 0 };
        shared.claims.lock(path.as_bytes()).insert(path.as_bytes().into(), claim);
    }
    Ok(())
}

type Names = HashSet<Vec<u8>>;

/// Makes the missing aliases; returns all that are there and those that were made.
fn make_aliases(tree: &mut Tree<'_>, names: &[String]) -> Result<(Names, Names), UnpackError> {
    let (mut all, mut made) = (Names::new(), Names::new());
    for name in names {
        let error = |source| UnpackError::Database { path: name.clone(), source };
        let target = format!("usr/{name}");
        if tree.alias(&target, name).map_err(error)? {
            made.insert(name.as_bytes().to_vec());
        } else if !tree.link_target(name.as_bytes()).is_ok_and(|found| found == target.as_bytes()) {
            continue;
        }
        all.insert(name.as_bytes().to_vec());
    }
    Ok((all, made))
}

/// Feeds the workers until the packages end; returns what they made of them.
fn take_apart(
    shared: &Shared<'_>,
    packages: impl Iterator<Item = Package>,
    threads: usize,
    stage: bool,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<Opened>, UnpackError> {
    let arrived = Mutex::new(Arrived { heap: BinaryHeap::new(), closed: false, failure: None });
    let changed = Condvar::new();
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut tree = Tree::new(shared.root, shared.mask);
                while let Some(package) = pop(&arrived, &changed) {
                    match package::open(shared, &mut tree, package, stage) {
                        Ok(opened) => {
                            let (files, bytes) = opened.extent();
                            let name = &opened.record.control.name;
                            progress(Progress::Unpacked { name, files, bytes });
                            lock(&done).push(opened);
                        }
                        Err(error) => {
                            lock(&arrived).failure.get_or_insert(error);
                            changed.notify_all();
                        }
                    }
                }
            });
        }
        for package in packages {
            let size = package.file.metadata().map_or(0, |metadata| metadata.len());
            let mut arrived = lock(&arrived);
            if arrived.failure.is_some() {
                break;
            }
            arrived.heap.push(BySize(size, package));
            changed.notify_one();
        }
        lock(&arrived).closed = true;
        changed.notify_all();
    });
    match lock(&arrived).failure.take() {
        Some(error) => Err(error),
        None => Ok(std::mem::take(&mut *lock(&done))),
    }
}

/// The largest package that has arrived; waits for one, `None` when there will be no more.
fn pop(arrived: &Mutex<Arrived>, changed: &Condvar) -> Option<Package> {
    let mut state = lock(arrived);
    loop {
        if state.failure.is_some() {
            return None;
        }
        if let Some(BySize(_, package)) = state.heap.pop() {
            return Some(package);
        }
        if state.closed {
            return None;
        }
        state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Runs the preinsts of the packages that wait, dependencies first, and puts their files in place.
fn place_waiting<'a>(
    shared: &Shared<'a>,
    tree: &mut Tree<'a>,
    opened: &mut [Opened],
    scripts: &mut RunPreinst<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(), UnpackError> {
    let order = preinst::order(opened);
    let bootstrap = if shared.base.packages.is_empty() { preinst::bootstrap(opened) } else { HashSet::new() };
    for index in order.iter().filter(|index| bootstrap.contains(*index)) {
        let entries = opened[*index].staged.take().unwrap_or_default();
        package::place_staged(shared, tree, &mut opened[*index], entries)?;
    }
    // Scripts ask dpkg about the packages that are in place.
    database::write(shared, tree, opened)?;
    for index in order {
        let waiting = &mut opened[index];
        let control = std::sync::Arc::clone(&waiting.record.control);
        progress(Progress::Preinst { name: &control.name });
        let entries = waiting.staged.take();
        // Scripts and debconf look at the control members beside the script, so it runs from where dpkg runs it.
        preinst::stage_members(tree, &waiting.members)?;
        let script = Preinst {
            package: control.name.clone(),
            architecture: control.architecture.clone(),
            path: format!("/{}/preinst", preinst::DIRECTORY),
        };
        scripts(&script).map_err(|output| UnpackError::Preinst { package: control.name.clone(), output })?;
        tree.forget();
        reread_diversions(shared, tree)?;
        preinst::remove_members(tree)?;
        if let Some(entries) = entries {
            package::place_staged(shared, tree, waiting, entries)?;
        }
    }
    Ok(())
}

fn reread_diversions<'a>(shared: &Shared<'a>, tree: &mut Tree<'a>) -> Result<(), UnpackError> {
    let path = format!("{ADMIN}/diversions");
    let read = tree.read(&path);
    let text =
        read.map_err(|source| UnpackError::Database { path: path.clone(), source })?.unwrap_or_default();
    let diversions = Diversions::parse(&text).map_err(|reason| UnpackError::BadDatabase { path, reason })?;
    // A file that a package has unpacked already was renamed by the script, or else may be overwritten.
    for (from, to, package) in diversions.iter() {
        let (from, to) = (shared.canonical(from), shared.canonical(to));
        let claim = shared.claims.lock(&from).get(&*from).copied();
        let Some(claim @ Claim::Node(order)) = claim else { continue };
        if shared.control(order).is_some_and(|control| control.name != package) {
            shared.claims.lock(&from).remove(&*from);
            shared.claims.lock(&to).entry(to.clone().into()).or_insert(claim);
        }
    }
    *shared.diversions.write().unwrap_or_else(PoisonError::into_inner) = diversions;
    Ok(())
}
