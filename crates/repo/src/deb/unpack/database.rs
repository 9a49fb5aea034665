//! Writes dpkg's database: `status`, file lists, digests and triggers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use super::base::{ADMIN, Base};
use super::package::Opened;
use super::place::Record;
use super::shared::{Shared, lock};
use super::status;
use super::tree::Tree;
use super::triggers::Interest;
use super::types::UnpackError;

/// What the triggers of this unpack came to.
#[derive(Debug, Default)]
struct Activated {
    /// Triggers that wait for a package of the existing system, latest first, by index into [`Base::packages`].
    pending: BTreeMap<usize, Vec<String>>,
    /// Packages whose triggers a new package waits for, by its rank.
    awaited: HashMap<u32, Vec<String>>,
}

/// Makes the files that dpkg expects in every database.
pub(super) fn start(tree: &mut Tree<'_>, architectures: &[String]) -> Result<(), UnpackError> {
    let mut files = vec![(format!("{ADMIN}/info/format"), "1\n".to_owned())];
    files.push((format!("{ADMIN}/status"), String::new()));
    if !architectures.is_empty() {
        files.push((format!("{ADMIN}/arch"), format!("{}\n", architectures.join("\n"))));
    }
    for (path, content) in files {
        let error = |source| UnpackError::Database { path: path.clone(), source };
        if tree.read(&path).map_err(error)?.is_none() {
            tree.write(&path, content.as_bytes(), 0o644).map_err(error)?;
        }
    }
    Ok(())
}

/// Records all packages that are in place; returns the names of existing packages that now have pending triggers.
///
/// It writes everything anew, so it may be called again when more packages are in place.
pub(super) fn write(
    shared: &Shared<'_>,
    tree: &mut Tree<'_>,
    opened: &mut [Opened],
) -> Result<Vec<String>, UnpackError> {
    apply_losses(shared, opened);
    let placed: Vec<&Opened> = opened.iter().filter(|opened| opened.staged.is_none()).collect();
    for opened in &placed {
        write_lists(tree, &opened.record)?;
    }
    rewrite_base_lists(shared, tree)?;
    write_interests(shared, tree, &placed)?;
    let activated = activate(shared, tree, &placed)?;
    write_status(shared, tree, &placed, &activated)?;
    let base = &shared.base;
    let mut triggered: Vec<String> =
        activated.pending.keys().map(|index| base.packages[*index].control.name.clone()).collect();
    triggered.sort();
    triggered.dedup();
    Ok(triggered)
}

/// Takes paths that went to another package out of the lists of those that lost them.
fn apply_losses(shared: &Shared<'_>, opened: &mut [Opened]) {
    let lost = std::mem::take(&mut *lock(&shared.lost));
    if lost.is_empty() {
        return;
    }
    for opened in opened {
        let record = &mut opened.record;
        let order = record.order;
        let gone = |path: &[u8]| lost.contains(&(order, shared.canonical(path)));
        record.list.retain(|path| !gone(path));
        record.symlinks.retain(|path| !gone(path));
        for conffile in &mut record.conffiles {
            conffile.obsolete |= gone(conffile.path.trim_start_matches('/').as_bytes());
        }
    }
    // Packages that still wait may lose what they have not listed yet only by not taking it.
}

fn write_lists(tree: &mut Tree<'_>, record: &Record) -> Result<(), UnpackError> {
    let mut list = Vec::new();
    for path in record.list.iter().chain(&record.symlinks) {
        list.push(b'/');
        // dpkg calls the root `/.`.
        list.extend_from_slice(if path.is_empty() { b"." } else { path });
        list.push(b'\n');
    }
    write_file(tree, &format!("info/{}.list", record.control.info_name()), &list)?;
    let Some(digests) = &record.digests else { return Ok(()) };
    let mut sums = Vec::new();
    for (path, digest) in digests {
        sums.extend_from_slice(digest.as_bytes());
        sums.extend_from_slice(b"  ");
        sums.extend_from_slice(path);
        sums.push(b'\n');
    }
    write_file(tree, &format!("info/{}.md5sums", record.control.info_name()), &sums)
}

/// Removes paths that new packages took over from the lists of existing packages.
fn rewrite_base_lists(shared: &Shared<'_>, tree: &mut Tree<'_>) -> Result<(), UnpackError> {
    let mut lost: BTreeMap<usize, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for (index, path) in std::mem::take(&mut *lock(&shared.base_lost)) {
        lost.entry(index).or_default().insert(path);
    }
    for (index, paths) in lost {
        let name = format!("info/{}.list", shared.base.packages[index].control.info_name());
        let text = read_file(tree, &name)?;
        let kept = text.split_inclusive(|byte| *byte == b'\n').filter(|line| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            !paths.contains(line.strip_prefix(b"/").unwrap_or(line))
        });
        let kept: Vec<u8> = kept.flatten().copied().collect();
        write_file(tree, &name, &kept)?;
    }
    Ok(())
}

/// Adds the interests of the new packages to those that are recorded.
fn write_interests(shared: &Shared<'_>, tree: &mut Tree<'_>, placed: &[&Opened]) -> Result<(), UnpackError> {
    let mut files: BTreeMap<String, Vec<Interest>> = BTreeMap::new();
    for opened in placed {
        let package = opened.record.control.info_name();
        for directive in opened.directives.iter().filter(|directive| directive.interest) {
            let (file, path) = if directive.trigger.starts_with('/') {
                ("File".to_owned(), directive.trigger.clone())
            } else {
                (directive.trigger.clone(), String::new())
            };
            let interest = Interest { path, package: package.clone(), wait: directive.wait };
            files.entry(file).or_default().push(interest);
        }
    }
    for (file, new) in files {
        let path = format!("triggers/{file}");
        let mut interests =
            if file == "File" { shared.base.interests.clone() } else { read_interests(tree, &path)? };
        for interest in new {
            let same = |old: &Interest| old.path == interest.path && old.package == interest.package;
            interests.retain(|old| !same(old));
            interests.push(interest);
        }
        let text: String = interests.iter().map(Interest::line).collect();
        write_file(tree, &path, text.as_bytes())?;
    }
    Ok(())
}

/// Finds the packages of the existing system that the new ones trigger.
///
/// Only configured packages count, as in dpkg: the postinst of one that is just unpacked sees everything anyway.
fn activate(shared: &Shared<'_>, tree: &mut Tree<'_>, placed: &[&Opened]) -> Result<Activated, UnpackError> {
    let mut activated = Activated::default();
    let base = &shared.base;
    if base.packages.is_empty() {
        return Ok(activated);
    }
    let mut files: HashMap<&[u8], Vec<&Interest>> = HashMap::new();
    for interest in &base.interests {
        files.entry(interest.path.as_bytes()).or_default().push(interest);
    }
    for opened in placed {
        let record = &opened.record;
        for directive in opened.directives.iter().filter(|directive| !directive.interest) {
            if directive.trigger.starts_with('/') {
                for interest in files.get(directive.trigger.as_bytes()).into_iter().flatten() {
                    activated.note(base, interest, &directive.trigger, directive.wait, record);
                }
            } else {
                for interest in read_interests(tree, &format!("triggers/{}", directive.trigger))? {
                    activated.note(base, &interest, &directive.trigger, directive.wait, record);
                }
            }
        }
        for path in record.list.iter().chain(&record.symlinks) {
            let path = [b"/", path.as_slice()].concat();
            for interest in files.get(path.as_slice()).into_iter().flatten() {
                activated.note(base, interest, &interest.path, true, record);
            }
        }
    }
    Ok(activated)
}

impl Activated {
    fn note(&mut self, base: &Base, interest: &Interest, trigger: &str, wait: bool, record: &Record) {
        let position = base.packages.iter().position(|package| {
            let configured = matches!(&*package.state, "installed" | "triggers-pending" | "triggers-awaited");
            configured
                && (package.control.info_name() == interest.package
                    || package.control.name == interest.package)
        });
        let Some(index) = position else { return };
        let pending = self.pending.entry(index).or_default();
        if !pending.iter().any(|known| known == trigger) {
            pending.insert(0, trigger.to_owned());
        }
        if interest.wait && wait {
            let awaited = self.awaited.entry(record.order).or_default();
            if !awaited.contains(&interest.package) {
                awaited.push(interest.package.clone());
            }
        }
    }
}

/// Writes `status`: old and new stanzas sorted by name and architecture.
fn write_status(
    shared: &Shared<'_>,
    tree: &mut Tree<'_>,
    placed: &[&Opened],
    activated: &Activated,
) -> Result<(), UnpackError> {
    let mut stanzas: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (index, package) in shared.base.packages.iter().enumerate() {
        let stanza = match activated.pending.get(&index) {
            Some(triggers) => status::with_pending(&package.stanza, &package.state, triggers),
            None => package.stanza.clone(),
        };
        stanzas.insert((&package.control.name, &package.control.architecture), stanza);
    }
    for opened in placed {
        let record = &opened.record;
        let awaited = activated.awaited.get(&record.order).map_or(&[][..], Vec::as_slice);
        let stanza = status::unpacked(&record.control, &record.conffiles, awaited);
        stanzas.insert((&record.control.name, &record.control.architecture), stanza);
    }
    let text: String = stanzas.into_values().flat_map(|stanza| [stanza, "\n".to_owned()]).collect();
    write_file(tree, "status", text.as_bytes())
}

fn read_interests(tree: &mut Tree<'_>, path: &str) -> Result<Vec<Interest>, UnpackError> {
    let text = read_file(tree, path)?;
    Ok(String::from_utf8_lossy(&text).lines().map(Interest::parse).collect())
}

fn read_file(tree: &mut Tree<'_>, name: &str) -> Result<Vec<u8>, UnpackError> {
    let path = format!("{ADMIN}/{name}");
    tree.read(&path)
        .map(Option::unwrap_or_default)
        .map_err(|source: io::Error| UnpackError::Database { path, source })
}

fn write_file(tree: &mut Tree<'_>, name: &str, bytes: &[u8]) -> Result<(), UnpackError> {
    let path = format!("{ADMIN}/{name}");
    tree.write(&path, bytes, 0o644).map_err(|source| UnpackError::Database { path, source })
}
