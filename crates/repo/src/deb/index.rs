//! The package index: every stanza of every `Packages` file in one arena.
//!
//! [`Index::parse`] reads the text once; its result is already the cached form, so that [`Index::open_cache`] has
//! nothing to build.

/// Where one `Packages` file came from and how its versions rank.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IndexSource {
    /// Suite as the spec names it, such as `trixie` or `trixie-security`.
    pub suite: String,
    /// Component, such as `main`.
    pub component: String,
    /// Architecture of the index, such as `amd64`.
    pub arch: String,
    /// What `Filename` is relative to, without a slash at the end.
    pub base_url: String,
    /// Pin priority as in `apt_preferences(5)`: 500 normal, 100 backports, 1 experimental, negative never.
    pub pin: i32,
}

/// Why an index could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {}

/// Why a cached index could not be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {}

/// All packages of all sources.
#[derive(Debug)]
pub struct Index {
    bytes: Vec<u8>,
}

impl Index {
    /// Reads the `Packages` texts of all sources.
    pub fn parse(sources: &[(IndexSource, &[u8])]) -> Result<Self, IndexError> {
        todo!("{}", sources.len())
    }

    /// The cached form.
    pub fn write_cache(&self) -> &[u8] {
        &self.bytes
    }

    /// Opens what [`Self::write_cache`] gave.
    pub fn open_cache(bytes: Vec<u8>) -> Result<Self, CacheError> {
        Ok(Self { bytes })
    }
}
