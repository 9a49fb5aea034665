//! Builds Alpine indexes and packages in memory, member by member, hostile ones included.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use rsa::sha2::{Digest as _, Sha256};

use crate::signing::SigningKey;
use crate::tarball::Tarball;

/// The file name under which a repository knows the first key of [`SigningKey`].
pub const KEY_NAME: &str = "test@example.org-1.rsa.pub";

/// One gzip member.
///
/// # Panics
/// Never: memory takes all bytes.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

/// The member that signs `signed` with the first key, as `abuild-sign` makes it.
pub fn signature(signed: &[u8]) -> Vec<u8> {
    let bytes = SigningKey::first().sign_sha1(signed);
    named_signature(&format!("RSA.{KEY_NAME}"), &bytes)
}

/// A member with one signature file, whatever its name and content.
pub fn named_signature(signer: &str, bytes: &[u8]) -> Vec<u8> {
    gzip(&Tarball::new().file(&format!(".SIGN.{signer}"), bytes).unfinished())
}

/// `APKINDEX.tar.gz` with this text, signed with the first key.
pub fn index(text: &str) -> Vec<u8> {
    let member = unsigned_index(text);
    [signature(&member), member].concat()
}

/// `APKINDEX.tar.gz` with this text, not signed.
pub fn unsigned_index(text: &str) -> Vec<u8> {
    let tar = Tarball::new().file("DESCRIPTION", b"v1\n").file("APKINDEX", text.as_bytes()).finish();
    gzip(&tar)
}

/// A package being built.
#[derive(Debug, Clone)]
pub struct ApkFile {
    info: String,
    control: Tarball,
    data: Tarball,
}

impl ApkFile {
    /// A package of version 1.0-r0 without files.
    pub fn new(name: &str) -> Self {
        let info = format!("# made by a test\npkgname = {name}\npkgver = 1.0-r0\narch = x86_64\nsize = 0\n");
        Self { info, control: Tarball::new(), data: Tarball::new() }
    }

    /// Adds a line to `.PKGINFO`.
    #[must_use]
    pub fn line(mut self, key: &str, value: &str) -> Self {
        self.info.extend([key, " = ", value, "\n"]);
        self
    }

    /// Adds a control file, such as `.post-install`.
    #[must_use]
    pub fn control(mut self, name: &str, content: &str) -> Self {
        self.control = self.control.file_with_mode(name, content.as_bytes(), 0o755);
        self
    }

    /// Sets the data.
    #[must_use]
    pub fn data(mut self, data: Tarball) -> Self {
        self.data = data;
        self
    }

    /// The three members: signature by the first key, control files, data.
    pub fn members(self) -> [Vec<u8>; 3] {
        let data = gzip(&self.data.finish());
        let hash = hex::encode(Sha256::digest(&data));
        let info = format!("{}datahash = {hash}\n", self.info);
        let info = Tarball::new().file(".PKGINFO", info.as_bytes()).unfinished();
        let control = gzip(&[info, self.control.unfinished()].concat());
        [signature(&control), control, data]
    }

    /// The bytes.
    pub fn build(self) -> Vec<u8> {
        self.members().concat()
    }
}
