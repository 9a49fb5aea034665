//! `Packages`: what a binary host offers.
//!
//! A header, then one entry per build, each of `KEY: value` lines and closed by an empty line (portage(5) and portage's
//! own writer). Several builds of one version differ in their build id, and often in their USE flags.
//!
//! - `scan`: text to lines
//! - `entry`: lines to a checked [`Entry`]
//! - `header`: lines to a checked [`Header`]

mod entry;
mod header;
mod scan;

pub use entry::{DependencyClass, Entry, Sonames};
pub use header::{Header, Implied};

use scan::{Fields, Scanner};

/// Bytes of an index; Gentoo's own has about 30 million.
const MAX_BYTES: usize = 512 << 20;
/// Entries of an index; Gentoo's own has about 30,000.
const MAX_ENTRIES: usize = 1_000_000;

/// Why an index could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// More bytes or entries than any honest index has.
    #[error("index is too large")]
    TooLarge,
    /// A line is not `KEY: value`, not UTF-8, or has control characters.
    #[error("line {line} of the index is not `KEY: value`")]
    Line {
        /// Number of the line, from 1.
        line: usize,
    },
    /// Its `VERSION` is not 0.
    #[error("index has the unknown format version `{0}`")]
    Version(String),
    /// A key stands twice.
    #[error("field `{field}` of `{entry}` stands twice")]
    Repeated {
        /// The package, or `the header`.
        entry: String,
        /// The key.
        field: String,
    },
    /// A field that must be there is not.
    #[error("`{entry}` has no field `{field}`")]
    Missing {
        /// The package, or `the header`.
        entry: String,
        /// The key.
        field: &'static str,
    },
    /// A field has a value that it cannot have.
    #[error("field `{field}` of `{entry}` cannot be `{value}`")]
    Value {
        /// The package, or `the header`.
        entry: String,
        /// The key.
        field: &'static str,
        /// The start of the value.
        value: String,
    },
    /// The header announces another number of packages than there are: the index is cut off or pieced together.
    #[error("index announces {announced} packages and has {found}")]
    Count {
        /// What the header says.
        announced: u64,
        /// What there are.
        found: u64,
    },
    /// Two entries are the same build of the same version.
    #[error("`{entry}` is there twice")]
    Duplicate {
        /// Package, version and build id.
        entry: String,
    },
}

/// All builds that a binary host offers, borrowed from the text of its index.
#[derive(Debug, Clone)]
pub struct Index<'a> {
    /// What the index says about all of them.
    pub header: Header<'a>,
    /// The builds, in the order of the text.
    pub entries: Vec<Entry<'a>>,
}

impl<'a> Index<'a> {
    /// Reads the text of an index, which must be decompressed.
    pub fn parse(text: &'a [u8]) -> Result<Self, IndexError> {
        if text.len() > MAX_BYTES {
            return Err(IndexError::TooLarge);
        }
        let mut scanner = Scanner::new(text);
        let mut fields = Fields::default();
        scanner.next_stanza(&mut fields, "the header")?;
        let header = Header::read(&fields)?;
        let mut entries = Vec::new();
        while scanner.next_stanza(&mut fields, "an entry")? {
            if entries.len() >= MAX_ENTRIES {
                return Err(IndexError::TooLarge);
            }
            entries.push(Entry::read(&fields, &header)?);
        }
        if let Some(announced) = header.packages.filter(|count| *count != entries.len() as u64) {
            return Err(IndexError::Count { announced, found: entries.len() as u64 });
        }
        refuse_duplicates(&entries)?;
        Ok(Self { header, entries })
    }
}

fn refuse_duplicates(entries: &[Entry<'_>]) -> Result<(), IndexError> {
    let mut seen: Vec<(&str, &str, u32)> =
        entries.iter().map(|entry| (entry.key, entry.version, entry.build_id)).collect();
    seen.sort_unstable();
    match seen.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let (key, version, build) = pair[0];
            Err(IndexError::Duplicate { entry: format!("{key}-{version} build {build}") })
        }
        None => Ok(()),
    }
}
