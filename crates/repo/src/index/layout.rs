//! The bytes of a cached index.
//!
//! A header, then text, then tables of fixed-size records. All numbers are little-endian; places in the text count
//! from the start of the file. Changing anything here is a change of [`MAGIC`].
//!
//! | part | record |
//! |---|---|
//! | header | magic, checksum, then seven `u64`: packages, names, slots, providers, buckets, bytes of text, bytes of the rest |
//! | text | UTF-8, and digests |
//! | packages | [`PACKAGE`] bytes, see the constants of [`package`] |
//! | names | text, length, first package, first provider, number of providers |
//! | slots | the name that it belongs to |
//! | providers | package, place and length of the provided version |
//! | buckets | name + 1, or 0: the hash table of names |
//! | rest | JSON: family, sources, architectures |

use super::CacheError;

/// First bytes of a cached index; the last one is the version of the form.
pub(super) const MAGIC: &[u8; 8] = b"lbindex1";
/// "No package".
pub(crate) const NONE: u32 = u32::MAX;

/// Bytes of the header.
pub(super) const HEADER: usize = 72;
/// Bytes of a package record.
pub(super) const PACKAGE: usize = 100;
/// Bytes of a name record.
pub(super) const NAME: usize = 20;
/// Bytes of a slot record.
pub(super) const SLOT: usize = 4;
/// Bytes of a provider record.
pub(super) const PROVIDER: usize = 12;

/// Offsets in a package record.
pub(super) mod package {
    /// Name.
    pub const NAME: usize = 0;
    /// Next package of the same name.
    pub const NEXT: usize = 4;
    /// The slot of its name.
    pub const SLOT: usize = 8;
    /// Where its text starts: digest, the short texts, then the relations.
    pub const TEXT: usize = 12;
    /// Length of each of the short texts (`u16` each).
    pub const SHORT_LENGTHS: usize = 16;
    /// Which source it comes from (`u16`).
    pub const SOURCE: usize = 30;
    /// Architecture and kind of digest (a byte each).
    pub const BYTES: usize = 32;
    /// Length of each of the relations.
    pub const LONG_LENGTHS: usize = 36;
    /// Flags of the family.
    pub const FLAGS: usize = 76;
    /// Rank of the family.
    pub const RANK: usize = 80;
    /// Size of the archive (`u64`).
    pub const SIZE: usize = 84;
    /// Installed size (`u64`).
    pub const INSTALLED: usize = 92;
}

pub(super) fn put_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Reads numbers; outside of `bytes` everything is 0, so that a damaged cache can mislead but not crash.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Where the parts start and how many records they have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub packages: usize,
    pub names: usize,
    pub slots: usize,
    pub providers: usize,
    pub buckets: usize,
    pub text_length: usize,
    pub rest_length: usize,
}

impl Layout {
    pub(super) fn packages_start(&self) -> usize {
        HEADER + self.text_length
    }

    pub(super) fn names_start(&self) -> usize {
        self.packages_start() + self.packages * PACKAGE
    }

    pub(super) fn slots_start(&self) -> usize {
        self.names_start() + self.names * NAME
    }

    pub(super) fn providers_start(&self) -> usize {
        self.slots_start() + self.slots * SLOT
    }

    pub(super) fn buckets_start(&self) -> usize {
        self.providers_start() + self.providers * PROVIDER
    }

    pub(super) fn rest_start(&self) -> usize {
        self.buckets_start() + self.buckets * 4
    }

    /// Reads and checks the header.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, CacheError> {
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(CacheError::Form);
        }
        let mut numbers = [0; 7];
        for (position, number) in numbers.iter_mut().enumerate() {
            let wide = u64_at(bytes, 16 + position * 8);
            *number = u32::try_from(wide).map_err(|_| CacheError::Damaged)? as usize;
        }
        let [packages, names, slots, providers, buckets, text_length, rest_length] = numbers;
        let layout = Self { packages, names, slots, providers, buckets, text_length, rest_length };
        if bytes.len() != layout.rest_start() + rest_length || !buckets.is_power_of_two() {
            return Err(CacheError::Damaged);
        }
        if u64_at(bytes, 8) != checksum(&bytes[16..]) {
            return Err(CacheError::Damaged);
        }
        Ok(layout)
    }

    /// Writes the header in its place, without the checksum.
    pub(super) fn write(&self, header: &mut [u8]) {
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        let numbers = [
            self.packages,
            self.names,
            self.slots,
            self.providers,
            self.buckets,
            self.text_length,
            self.rest_length,
        ];
        for (position, number) in numbers.into_iter().enumerate() {
            header[16 + position * 8..][..8].copy_from_slice(&(number as u64).to_le_bytes());
        }
    }
}

/// Detects damage, not malice: the cache lies in our own store. Four independent lanes keep it at memory speed.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [1_u64, 2, 3, 4];
    let (blocks, tail) = bytes.as_chunks::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = (*lane ^ u64::from_le_bytes(*word)).wrapping_mul(SPREAD).rotate_left(23);
        }
    }
    let fold = |state: u64, word: u64| (state ^ word).wrapping_mul(SPREAD).rotate_left(31);
    let state = lanes.into_iter().fold(bytes.len() as u64, fold);
    tail.iter().fold(state, |state, byte| fold(state, u64::from(*byte)))
}
