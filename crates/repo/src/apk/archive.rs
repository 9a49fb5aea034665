//! A `.apk` of format 2: three gzip members, which are signatures, control files and data.
//!
//! [`Apk::open`] reads and checks the first two; then [`Apk::data`] gives the data, and [`Apk::finish`] says whether it was
//! what the control files promise. Nothing of the data may be used before that.

use std::io::{self, Read};

use super::pkginfo::{PkgInfo, PkgInfoError};
use super::segment::{Magic, Recorder, SmallFile, small_files};
use super::signature::{self, SignatureError, Trust};
use super::stanza::{Checksum, Package};
use crate::compress::{Capped, Format};
use crate::rsa::{Hash, SignatureError as Collision};
use crate::tar::{self, Policy, TarError};

/// Gzip members with signatures.
const MAX_SIGNATURE_MEMBERS: usize = 8;
/// What a package's scripts are called, after the dot.
const SCRIPTS: [&str; 7] = [
    "pre-install",
    "post-install",
    "pre-upgrade",
    "post-upgrade",
    "pre-deinstall",
    "post-deinstall",
    "trigger",
];

/// Why a `.apk` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A package of format 3.
    #[error("this is an apk v3 package (ADB), which is not read yet")]
    Version3,
    /// Not gzip.
    #[error("not an apk package: it is not compressed with gzip")]
    NotGzip,
    /// Nobody who is trusted has signed it, or it was changed afterwards.
    #[error("the signature of the package is refused")]
    Signature(#[source] SignatureError),
    /// The control files, or the signatures before them, are broken or hostile.
    #[error("the signatures or control files are refused")]
    Control(#[source] TarError),
    /// The control files were made to collide under SHA-1.
    #[error("the control files cannot be trusted")]
    Collision(#[source] Collision),
    /// A file among the control files that is no control file.
    #[error("there is an unknown control file `{0}`")]
    ControlFile(String),
    /// There is no `.PKGINFO`.
    #[error("there is no file `.PKGINFO`")]
    NoInfo,
    /// `.PKGINFO` is malformed.
    #[error("the file `.PKGINFO` is malformed")]
    Info(#[source] PkgInfoError),
    /// No third gzip member follows.
    #[error("the package has no data that is compressed with gzip")]
    NoData,
    /// The data is not what `.PKGINFO` promises.
    #[error("the data of the package does not have the digest that it promises")]
    DataHash,
    /// It is not the package that the index lists.
    #[error("the package has another {field} than the index says: `{found}` instead of `{expected}`")]
    NotAsListed {
        /// What differs.
        field: &'static str,
        /// What the index says.
        expected: String,
        /// What the package says.
        found: String,
    },
    /// The bytes cannot be read.
    #[error("cannot read the package")]
    Read(#[source] io::Error),
}

/// A script of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// When it runs, such as `post-install`.
    pub name: String,
    /// Permission bits.
    pub mode: u32,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Content.
    pub content: Vec<u8>,
}

/// An opened package whose control files have been read and checked; the data comes next.
#[derive(Debug)]
pub struct Apk<R> {
    info: PkgInfo,
    scripts: Vec<Script>,
    control: Vec<u8>,
    checksum: Checksum,
    signed_by: Vec<String>,
    reader: Recorder<R>,
}

impl<R: Read + Send> Apk<R> {
    /// Reads and checks a package up to its data.
    ///
    /// # Errors
    /// When it is not a package of format 2, its control files are broken, or nobody who is trusted has signed it.
    pub fn open(reader: R, trust: Trust<'_>) -> Result<Self, ArchiveError> {
        let (magic, mut reader) = Recorder::new(reader).map_err(ArchiveError::Read)?;
        match magic {
            Magic::Gzip => {}
            Magic::Adb => return Err(ArchiveError::Version3),
            Magic::Other => return Err(ArchiveError::NotGzip),
        }
        let mut signatures = Vec::new();
        let mut left = MAX_SIGNATURE_MEMBERS;
        let files = loop {
            reader.take_bytes();
            let files = small_files(&mut reader).map_err(ArchiveError::Control)?;
            match signature::take(files) {
                Err(files) => break files,
                Ok(_) if left == 0 => return Err(ArchiveError::Signature(SignatureError::TooMany)),
                Ok(found) => signatures.extend(found),
            }
            left -= 1;
        };
        let control = reader.take_bytes();
        let signed_by = signature::check(&signatures, &control, trust).map_err(ArchiveError::Signature)?;
        let digest = Hash::Sha1.digest(&control).map_err(ArchiveError::Collision)?;
        let checksum = Checksum::Sha1(digest.try_into().unwrap_or_default());
        let (info, scripts) = control_files(files)?;
        reader.start_digest();
        Ok(Self { info, scripts, control, checksum, signed_by, reader })
    }

    /// The description.
    pub fn info(&self) -> &PkgInfo {
        &self.info
    }

    /// The scripts, in the order of the package.
    pub fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// The digest of the control member, which the index repeats.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// File names of the keys whose signatures were good; none when nobody had to sign.
    pub fn signed_by(&self) -> &[String] {
        &self.signed_by
    }

    /// Checks that this is the package that an index lists: same name, version, architecture and control files. Through the
    /// digest of the data in these, all of the package is then what the signed index vouches for.
    ///
    /// # Errors
    /// [`ArchiveError::NotAsListed`] with the first difference.
    pub fn expect(&self, listed: &Package<'_>) -> Result<(), ArchiveError> {
        let found = match listed.checksum {
            Some(Checksum::Sha256(_)) => self.sha256(),
            _ => self.checksum,
        };
        let expected = listed.checksum.map_or_else(|| "nothing".to_owned(), |checksum| checksum.to_string());
        // `apk index --rewrite-arch` lists packages for every architecture under the repository's own.
        let arch = if self.info.arch == "noarch" { listed.arch } else { &self.info.arch };
        for (field, expected, found) in [
            ("name", listed.name, &*self.info.name),
            ("version", listed.version, &*self.info.version),
            ("architecture", listed.arch, arch),
            ("checksum", &*expected, &*found.to_string()),
        ] {
            if expected != found {
                let (expected, found) = (expected.to_owned(), found.escape_debug().to_string());
                return Err(ArchiveError::NotAsListed { field, expected, found });
            }
        }
        Ok(())
    }

    fn sha256(&self) -> Checksum {
        use sha2::Digest as _;
        Checksum::Sha256(sha2::Sha256::digest(&self.control).into())
    }

    /// The data, of at most `limit` bytes once decompressed. It is not checked before [`Apk::finish`].
    ///
    /// # Errors
    /// When its first bytes cannot be read, or are not gzip.
    pub fn data(&mut self, limit: u64) -> Result<tar::Archive<Capped<'_>>, ArchiveError> {
        let plain = Capped::new(&mut self.reader, limit).map_err(ArchiveError::Read)?;
        if plain.format() != Format::Gzip {
            return Err(ArchiveError::NoData);
        }
        Ok(tar::Archive::new(plain, Policy::package()))
    }

    /// Reads to the end and checks the data; gives the reader back.
    ///
    /// # Errors
    /// [`ArchiveError::DataHash`] when the data is not what the control files promise.
    pub fn finish(mut self) -> Result<R, ArchiveError> {
        io::copy(&mut self.reader, &mut io::sink()).map_err(ArchiveError::Read)?;
        let (digest, reader) = self.reader.finish();
        if digest == Some(self.info.data_hash) { Ok(reader) } else { Err(ArchiveError::DataHash) }
    }
}

/// Sorts the control files.
fn control_files(files: Vec<SmallFile>) -> Result<(PkgInfo, Vec<Script>), ArchiveError> {
    let mut info = None;
    let mut scripts = Vec::new();
    for file in files {
        let name = file.name.strip_prefix('.').unwrap_or_default();
        match name {
            "PKGINFO" => info = Some(PkgInfo::parse(&file.content).map_err(ArchiveError::Info)?),
            // What `abuild` puts into a package without files.
            "dummy" => {}
            _ if SCRIPTS.contains(&name) => scripts.push(Script {
                name: name.to_owned(),
                mode: file.mode,
                mtime: file.mtime,
                content: file.content,
            }),
            _ => return Err(ArchiveError::ControlFile(file.name.escape_debug().to_string())),
        }
    }
    Ok((info.ok_or(ArchiveError::NoInfo)?, scripts))
}
