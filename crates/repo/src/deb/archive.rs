//! A `.deb`: an `ar` archive of `debian-binary`, a control tar and a data tar.

use std::io::{self, BufReader, Read};

use crate::ar::{self, ArError};
use crate::compress::Capped;
use crate::tar::{self, Kind, Policy, TarError};

/// Bytes that the decompressed control archive may have.
const MAX_CONTROL: u64 = 64 << 20;
/// Bytes read from the file at a time.
const READ: usize = 128 << 10;

/// Why a `.deb` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The outer archive is broken.
    #[error("the outer archive is broken")]
    Ar(#[from] ArError),
    /// The control archive is broken or hostile.
    #[error("the control archive is refused")]
    Control(#[source] TarError),
    /// The data archive is broken or hostile.
    #[error("the data archive is refused")]
    Data(#[source] TarError),
    /// A member is missing or out of order.
    #[error("expected member `{expected}`, found `{found}`")]
    Member {
        /// What should be here.
        expected: &'static str,
        /// What is here.
        found: String,
    },
    /// The format is not 2.x.
    #[error("unknown package format `{0}`")]
    Format(String),
    /// A member of the control archive is not a plain file in its top directory.
    #[error("the control archive has an unusable member `{0}`")]
    ControlMember(String),
    /// The control archive has no `control`.
    #[error("the control archive has no file `control`")]
    NoControl,
    /// `control` or another control member does not have its format.
    #[error("the control member `{member}` is malformed: {reason}")]
    Malformed {
        /// Name of the member.
        member: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The bytes cannot be read.
    #[error("cannot read the package")]
    Read(#[source] io::Error),
}

/// A file of the control archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlMember {
    /// Name without directory, such as `postinst`.
    pub name: String,
    /// Permission bits.
    pub mode: u32,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Content.
    pub content: Vec<u8>,
}

/// An opened `.deb` whose control archive has been read; the data archive comes next.
#[derive(Debug)]
pub struct Deb<R> {
    members: Vec<ControlMember>,
    outer: ar::Archive<BufReader<R>>,
}

impl<R: Read + Send> Deb<R> {
    /// Reads the front of a package up to its data archive.
    ///
    /// # Errors
    /// When it is not a package of format 2, or its control archive is broken.
    pub fn open(reader: R) -> Result<Self, ArchiveError> {
        let mut outer = ar::Archive::new(BufReader::with_capacity(READ, reader))?;
        expect(&mut outer, "debian-binary", |name| name == "debian-binary")?;
        let mut version = String::new();
        (&mut outer).take(64).read_to_string(&mut version).map_err(ArchiveError::Read)?;
        let version = version.lines().next().unwrap_or_default();
        if version.split('.').next() != Some("2") {
            return Err(ArchiveError::Format(version.escape_default().to_string()));
        }
        expect(&mut outer, "control.tar", |name| name == "control.tar" || name.starts_with("control.tar."))?;
        let members = control_members(BufReader::with_capacity(READ, &mut outer))?;
        expect(&mut outer, "data.tar", |name| name == "data.tar" || name.starts_with("data.tar."))?;
        Ok(Self { members, outer })
    }

    /// The files of the control archive, in its order.
    pub fn members(&self) -> &[ControlMember] {
        &self.members
    }

    /// The content of the control member `name`.
    pub fn member(&self, name: &str) -> Option<&[u8]> {
        self.members.iter().find(|member| member.name == name).map(|member| &*member.content)
    }

    /// Moves the control members out.
    pub fn take_members(&mut self) -> Vec<ControlMember> {
        std::mem::take(&mut self.members)
    }

    /// The data archive, of at most `limit` bytes once decompressed. `checked_outside` says that the caller checks the
    /// package's digest, so that the checksums inside need not be computed; with more than one of `threads`, which large
    /// packages are worth, they share the work where the compression allows it.
    ///
    /// # Errors
    /// When its first bytes cannot be read.
    pub fn data(
        &mut self,
        limit: u64,
        checked_outside: bool,
        threads: u32,
    ) -> Result<tar::Archive<Capped<'_>>, ArchiveError> {
        let member = BufReader::with_capacity(READ, &mut self.outer);
        let plain = match (threads, checked_outside) {
            (2.., _) => Capped::in_parallel(member, limit, threads),
            (_, true) => Capped::checked_outside(member, limit),
            (_, false) => Capped::new(member, limit),
        };
        let plain = plain.map_err(ArchiveError::Read)?;
        Ok(tar::Archive::new(plain, Policy::package()))
    }

    /// Reads what follows the data archive and gives the reader back, at its end.
    ///
    /// # Errors
    /// When the rest is not made of well-formed members.
    pub fn finish(mut self) -> Result<R, ArchiveError> {
        while self.outer.next_member()?.is_some() {}
        let mut reader = self.outer.into_inner();
        io::copy(&mut reader, &mut io::sink()).map_err(ArchiveError::Read)?;
        Ok(reader.into_inner())
    }
}

/// Advances to the next member that dpkg would not ignore, and checks its name.
fn expect<R: Read>(
    outer: &mut ar::Archive<R>,
    expected: &'static str,
    fits: impl Fn(&str) -> bool,
) -> Result<(), ArchiveError> {
    loop {
        let Some(member) = outer.next_member()? else {
            return Err(ArchiveError::Member { expected, found: "the end".to_owned() });
        };
        if fits(&member.name) {
            return Ok(());
        }
        // Members whose name starts with an underscore may stand between the known ones (deb(5)).
        if !member.name.starts_with('_') {
            return Err(ArchiveError::Member { expected, found: member.name });
        }
    }
}

fn control_members(reader: impl io::BufRead + Send) -> Result<Vec<ControlMember>, ArchiveError> {
    let plain = Capped::new(reader, MAX_CONTROL).map_err(ArchiveError::Read)?;
    let mut archive = tar::Archive::new(plain, Policy::strict());
    let mut members: Vec<ControlMember> = Vec::new();
    while let Some(entry) = archive.next_entry().map_err(ArchiveError::Control)? {
        if entry.kind == Kind::Directory && entry.path.is_empty() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path).into_owned();
        if entry.kind != Kind::File || name.contains('/') {
            return Err(ArchiveError::ControlMember(name.escape_default().to_string()));
        }
        let mut content = Vec::with_capacity(usize::try_from(entry.size.min(1 << 20)).unwrap_or_default());
        archive
            .content()
            .read_to_end(&mut content)
            .map_err(|source| ArchiveError::Control(TarError::Read(source)))?;
        members.push(ControlMember { name, mode: entry.mode, mtime: entry.mtime, content });
    }
    if !members.iter().any(|member| member.name == "control") {
        return Err(ArchiveError::NoControl);
    }
    Ok(members)
}
