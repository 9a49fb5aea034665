//! Takes one package apart: straight into the tree, or into a staging directory when its preinst has to run first.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};

use super::base::ADMIN;
use super::conffiles;
use super::control::Control;
use super::place::{Body, Placer, Record};
use super::shared::{Shared, lock};
use super::tree::{Attributes, Tree};
use super::triggers::{self, Directive};
use super::types::{Package, UnpackError};
use crate::deb::archive::{ArchiveError, ControlMember, Deb};
use crate::tar::{self, Entry, Kind, TarError};

/// Where files wait for a preinst, without leading `/`.
pub(super) const STAGING: &str = "var/lib/dpkg/tmp.lbuild";

/// Bytes of a package from which on several threads decompress it: it would outlast all others.
const LARGE: u64 = 32 << 20;

/// A package that has been taken apart.
#[derive(Debug)]
pub(super) struct Opened {
    pub record: Record,
    /// Control members, for those that are staged; the others have them in `info` already.
    pub members: Vec<ControlMember>,
    pub directives: Vec<Directive>,
    pub has_preinst: bool,
    /// Entries that wait, with the MD5 of the files where it was needed; `None` when everything is in place.
    pub staged: Option<Vec<(Entry, Option<String>)>>,
}

impl Opened {
    /// Entries of the archive and bytes of its files, wherever they are now.
    pub fn extent(&self) -> (usize, u64) {
        match &self.staged {
            Some(entries) => (entries.len(), entries.iter().map(|(entry, _)| entry.size).sum()),
            None => (self.record.list.len() + self.record.symlinks.len(), self.record.bytes),
        }
    }
}

/// Takes `package` apart; `stage` says whether a package with a preinst has to wait.
pub(super) fn open<'a>(
    shared: &Shared<'a>,
    tree: &mut Tree<'a>,
    package: Package,
    stage: bool,
) -> Result<Opened, UnpackError> {
    let Package { file, order, sha256 } = package;
    let mut name = format!("number {order}");
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let archive_error = |package: &str, source| UnpackError::Archive { package: package.to_owned(), source };
    let threads = if size >= LARGE { shared.threads } else { 1 };
    let reader = Hashing { file, hasher: sha256.map(|_| Sha256::new()) };
    let mut deb = Deb::open(reader).map_err(|source| archive_error(&name, source))?;
    let members = deb.take_members();
    let mut opened = start(order, members).map_err(|source| archive_error(&name, source))?;
    let control = Arc::clone(&opened.record.control);
    name.clone_from(&control.name);
    if shared.base.installed(&control).is_some() {
        return Err(UnpackError::AlreadyInstalled { package: name });
    }
    lock(&shared.controls).insert(order, Arc::clone(&control));

    let budget = shared.budget.load(Ordering::Relaxed);
    let mut data =
        deb.data(budget, sha256.is_some(), threads).map_err(|source| archive_error(&name, source))?;
    if stage && opened.has_preinst {
        opened.staged = Some(stage_entries(shared, tree, &opened.record, &mut data)?);
    } else {
        place_entries(shared, tree, &mut opened.record, &mut data)?;
        write_info(tree, &control, &opened.members)?;
        opened.members = Vec::new();
    }
    let produced = data.into_inner().produced();
    shared
        .budget
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(produced)))
        .ok();

    let reader = deb.finish().map_err(|source| archive_error(&name, source))?;
    if let (Some(hasher), Some(expected)) = (reader.hasher, sha256) {
        let actual = hasher.finalize();
        if actual.as_slice() != expected {
            return Err(UnpackError::Digest {
                package: name,
                expected: hex::encode(expected),
                actual: hex::encode(actual),
            });
        }
    }
    Ok(opened)
}

/// Reads the control members that matter here.
fn start(order: u32, members: Vec<ControlMember>) -> Result<Opened, ArchiveError> {
    let content =
        |name: &str| members.iter().find(|member| member.name == name).map(|member| &*member.content);
    let control = Control::parse(content("control").ok_or(ArchiveError::NoControl)?)?;
    let record = Record {
        order,
        control: Arc::new(control),
        list: Vec::new(),
        symlinks: Vec::new(),
        conffiles: conffiles::parse(content("conffiles").unwrap_or_default())?,
        digests: content("md5sums").is_none().then(Vec::new),
        bytes: 0,
    };
    let directives = triggers::parse(content("triggers").unwrap_or_default())?;
    let has_preinst = content("preinst").is_some();
    Ok(Opened { record, members, directives, has_preinst, staged: None })
}

fn place_entries<'a, R: Read>(
    shared: &Shared<'a>,
    tree: &mut Tree<'a>,
    record: &mut Record,
    data: &mut tar::Archive<R>,
) -> Result<(), UnpackError> {
    let name = record.control.name.clone();
    let mut placer = Placer { shared, tree, record };
    while let Some(entry) = next(data, &name)? {
        if entry.kind == Kind::File {
            let mut content = Watched { inner: data.content(), failure: None };
            let result = placer.place(entry, Body::Stream(&mut content));
            content.check(&name)?;
            result?;
        } else {
            placer.place(entry, Body::None)?;
        }
    }
    Ok(())
}

fn stage_entries<R: Read>(
    shared: &Shared<'_>,
    tree: &mut Tree<'_>,
    record: &Record,
    data: &mut tar::Archive<R>,
) -> Result<Vec<(Entry, Option<String>)>, UnpackError> {
    let name = &record.control.name;
    let write =
        |path: &str, source| UnpackError::Write { package: name.clone(), path: path.to_owned(), source };
    let directory = format!("{STAGING}/{}", record.order);
    let private = Attributes { uid: 0, gid: 0, mode: 0o700, mtime: 0 };
    tree.make_directory(directory.as_bytes(), private).map_err(|source| write(&directory, source))?;
    let mut entries = Vec::new();
    while let Some(mut entry) = next(data, name)? {
        let mut digest = None;
        if entry.kind == Kind::File {
            shared.base.adjust(&mut entry);
            let wanted = record.digests.is_some() || !record.conffiles.is_empty();
            let path = staged_path(record.order, entries.len());
            let mut content = Watched { inner: data.content(), failure: None };
            let result = tree.make_file(path.as_bytes(), &entry, &mut content, wanted);
            content.check(name)?;
            digest = result.map_err(|source| write(&path, source))?;
        }
        entries.push((entry, digest));
    }
    Ok(entries)
}

/// Puts the staged files of a package where they belong, and its control members into `info`.
pub(super) fn place_staged<'a>(
    shared: &Shared<'a>,
    tree: &mut Tree<'a>,
    opened: &mut Opened,
    entries: Vec<(Entry, Option<String>)>,
) -> Result<(), UnpackError> {
    let order = opened.record.order;
    let control = Arc::clone(&opened.record.control);
    let mut placer = Placer { shared, tree, record: &mut opened.record };
    let mut kept = Vec::new();
    for (number, (entry, digest)) in entries.into_iter().enumerate() {
        if entry.kind == Kind::File {
            let path = staged_path(order, number);
            placer.place(entry, Body::Staged { path: path.clone(), digest })?;
            kept.push(path);
        } else {
            placer.place(entry, Body::None)?;
        }
    }
    // Files that stayed with another package have not been renamed.
    let cleanup = |path: &str, source| UnpackError::Write {
        package: control.name.clone(),
        path: path.to_owned(),
        source,
    };
    let directory = format!("{STAGING}/{order}");
    if opened.record.list.len() + opened.record.symlinks.len() < kept.len()
        || tree.remove_directory(&directory).is_err()
    {
        for path in kept {
            tree.remove(&path).map_err(|source| cleanup(&path, source))?;
        }
        tree.remove_directory(&directory).map_err(|source| cleanup(&directory, source))?;
    }
    write_info(tree, &control, &opened.members)
}

fn staged_path(order: u32, number: usize) -> String {
    format!("{STAGING}/{order}/{number}")
}

/// Installs the control members as dpkg does: all but `control`, and none with a dot in its name.
fn write_info(tree: &mut Tree<'_>, control: &Control, members: &[ControlMember]) -> Result<(), UnpackError> {
    let skipped = |name: &str| name.contains('.') || matches!(name, "control" | "list");
    for member in members.iter().filter(|member| !skipped(&member.name)) {
        let path = format!("{ADMIN}/info/{}.{}", control.info_name(), member.name);
        write_member(tree, &path, member).map_err(|source| UnpackError::Database { path, source })?;
    }
    Ok(())
}

/// Writes all control members into dpkg's directory for the package in work, where a preinst is run from.
pub(super) fn write_members(
    tree: &mut Tree<'_>,
    directory: &str,
    members: &[ControlMember],
) -> Result<(), UnpackError> {
    for member in members {
        let path = format!("{directory}/{}", member.name);
        write_member(tree, &path, member).map_err(|source| UnpackError::Database { path, source })?;
    }
    Ok(())
}

fn write_member(tree: &mut Tree<'_>, path: &str, member: &ControlMember) -> io::Result<()> {
    let entry = Entry {
        path: path.as_bytes().to_vec(),
        kind: Kind::File,
        size: member.content.len() as u64,
        mode: member.mode & 0o777,
        uid: 0,
        gid: 0,
        user: Vec::new(),
        group: Vec::new(),
        mtime: member.mtime,
        xattrs: Vec::new(),
    };
    tree.make_file(path.as_bytes(), &entry, &mut member.content.as_slice(), false)?;
    Ok(())
}

fn next<R: Read>(data: &mut tar::Archive<R>, package: &str) -> Result<Option<Entry>, UnpackError> {
    data.next_entry().map_err(|source| UnpackError::Archive {
        package: package.to_owned(),
        source: ArchiveError::Data(source),
    })
}

/// Tells errors of the archive from errors of the tree.
struct Watched<R> {
    inner: R,
    failure: Option<io::Error>,
}

impl<R: BufRead> Watched<R> {
    fn check(self, package: &str) -> Result<(), UnpackError> {
        self.failure.map_or(Ok(()), |source| {
            let source = TarError::from(source);
            Err(UnpackError::Archive { package: package.to_owned(), source: ArchiveError::Data(source) })
        })
    }
}

impl<R: BufRead> Read for Watched<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        self.inner.read(target)
    }
}

impl<R: BufRead> BufRead for Watched<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf().map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
    }
}

/// Hashes what passes through.
#[derive(Debug)]
struct Hashing {
    file: File,
    hasher: Option<Sha256>,
}

impl Read for Hashing {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(target)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&target[..count]);
        }
        Ok(count)
    }
}
