//! A small Debian repository in memory: packages, index, signed release file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{Timestamp, ToSpan as _};
use sha2::{Digest as _, Sha256};

use crate::debfile::DebFile;
use crate::openpgp::ArchiveKey;

/// Files by path below the root of a repository.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A repository with one suite and one component.
#[derive(Debug, Clone)]
pub struct DebRepo {
    suite: String,
    packages: String,
    fields: Vec<(String, String)>,
    age: i64,
    files: Files,
}

impl DebRepo {
    /// An empty repository; a suite that ends in `/` is a directory without suites.
    pub fn new(suite: &str) -> Self {
        let (packages, fields, files) = (String::new(), Vec::new(), Files::new());
        Self { suite: suite.to_owned(), packages, fields, age: 0, files }
    }

    /// Adds a package for all architectures with these further fields.
    ///
    /// # Panics
    /// Never: memory can be written to.
    #[must_use]
    pub fn package(mut self, name: &str, version: &str, fields: &[(&str, &str)]) -> Self {
        let mut deb = DebFile::new(name).field("Version", version);
        for (field, value) in fields {
            deb = deb.field(field, value);
        }
        let bytes = deb.build();
        let path = format!("pool/{name}_{version}_all.deb");
        let mut stanza = format!("Package: {name}\nVersion: {version}\nArchitecture: all\n");
        for (field, value) in fields {
            let _ = writeln!(stanza, "{field}: {value}");
        }
        let directory = if self.suite.ends_with('/') { "./" } else { "" };
        let digest = hash(&bytes);
        let size = bytes.len();
        let _ = writeln!(stanza, "Filename: {directory}{path}\nSize: {size}\nSHA256: {digest}\n");
        self.packages.push_str(&stanza);
        let place = self.place(&path);
        self.files.insert(if self.is_directory() { place } else { path }, bytes);
        self
    }

    /// Sets a field of the release file.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Dates the release file so many hours into the past.
    #[must_use]
    pub fn hours_old(mut self, hours: i64) -> Self {
        self.age = hours;
        self
    }

    /// A date so many hours from now in the form of release files.
    ///
    /// # Panics
    /// When the time is not one that the calendar has.
    pub fn date(hours: i64) -> String {
        let time = Timestamp::now().checked_add(hours.hours()).expect("a time");
        time.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
    }

    /// The files, signed inline.
    pub fn signed(self, key: &ArchiveKey) -> Files {
        let release = self.release();
        self.with("InRelease", key.sign_inline(&release))
    }

    /// The files, with the signature in a file of its own.
    pub fn signed_beside(self, key: &ArchiveKey) -> Files {
        let release = self.release();
        let mut files = self.clone().with("Release", release.clone().into_bytes());
        files.insert(self.place("Release.gpg"), key.sign_detached(&release));
        files
    }

    /// The files without a signature.
    pub fn unsigned(self) -> Files {
        let release = self.release();
        self.with("Release", release.into_bytes())
    }

    fn with(self, name: &str, content: Vec<u8>) -> Files {
        let (release, index) = (self.place(name), self.place(self.index_path()));
        let mut files = self.files;
        files.insert(index, self.packages.into_bytes());
        files.insert(release, content);
        files
    }

    fn is_directory(&self) -> bool {
        self.suite.ends_with('/')
    }

    fn index_path(&self) -> &'static str {
        if self.is_directory() { "Packages" } else { "main/binary-all/Packages" }
    }

    fn place(&self, file: &str) -> String {
        if self.is_directory() {
            format!("{}{file}", self.suite.trim_start_matches("./"))
        } else {
            format!("dists/{}/{file}", self.suite)
        }
    }

    fn release(&self) -> String {
        let mut text = format!("Date: {}\n", Self::date(-self.age));
        if !self.is_directory() {
            let _ =
                writeln!(text, "Suite: {0}\nCodename: {0}\nComponents: main\nArchitectures: all", self.suite);
        }
        for (name, value) in &self.fields {
            let _ = writeln!(text, "{name}: {value}");
        }
        let (digest, size) = (hash(self.packages.as_bytes()), self.packages.len());
        let _ = writeln!(text, "SHA256:\n {digest} {size} {}", self.index_path());
        text
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
