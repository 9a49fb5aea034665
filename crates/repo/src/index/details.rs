//! The summaries of an index: the part that resolving never reads.
//!
//! Magic, checksum, then the end of each summary in the text (`u32`, one per package), then the text.

use super::CacheError;
use super::layout::{checksum, put_u32, u32_at, u64_at};

/// First bytes; the last one is the version of the form.
const MAGIC: &[u8; 8] = b"lbdetls1";
const HEADER: usize = 16;
/// Bytes of a summary that are kept.
const MAX_SUMMARY: usize = 400;

/// Collects the summaries in the order of the packages.
#[derive(Default)]
pub(super) struct DetailsBuilder {
    ends: Vec<u8>,
    text: Vec<u8>,
}

impl DetailsBuilder {
    pub(super) fn add(&mut self, summary: &str) {
        let mut end = summary.len().min(MAX_SUMMARY);
        while !summary.is_char_boundary(end) {
            end -= 1;
        }
        self.text.extend_from_slice(&summary.as_bytes()[..end]);
        // A text that no longer can be addressed is not shown: nothing depends on it.
        put_u32(&mut self.ends, u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn finish(self) -> Details {
        let mut bytes = Vec::with_capacity(HEADER + self.ends.len() + self.text.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&self.ends);
        bytes.extend_from_slice(&self.text);
        let sum = checksum(&bytes[HEADER..]);
        bytes[8..HEADER].copy_from_slice(&sum.to_le_bytes());
        Details { bytes, packages: self.ends.len() / 4 }
    }
}

/// The summaries of an index.
pub(super) struct Details {
    bytes: Vec<u8>,
    packages: usize,
}

impl Details {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks what [`Self::bytes`] gave.
    pub(super) fn read(bytes: Vec<u8>, packages: usize) -> Result<Self, CacheError> {
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(CacheError::Form);
        }
        let body = bytes.get(HEADER..).ok_or(CacheError::Damaged)?;
        if u64_at(&bytes, 8) != checksum(body) || body.len() < packages * 4 {
            return Err(CacheError::Damaged);
        }
        Ok(Self { bytes, packages })
    }

    pub(super) fn summary(&self, package: u32) -> &str {
        let end = |number: usize| u32_at(&self.bytes, HEADER + number * 4) as usize;
        let at = package as usize;
        let start = if at == 0 { 0 } else { end(at - 1) };
        let text = self.bytes.get(HEADER + self.packages * 4..).unwrap_or_default();
        let bytes = text.get(start..end(at)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}
