//! The 512-byte header block.

use super::error::TarError;

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;

/// The fields of a header block, still raw.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    pub kind: u8,
    pub size: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: i64,
    pub user: Vec<u8>,
    pub group: Vec<u8>,
    pub major: u32,
    pub minor: u32,
}

impl Header {
    /// Reads a block that is not all zeros; `index` names it in errors.
    pub(super) fn parse(block: &[u8; BLOCK], index: u64) -> Result<Self, TarError> {
        let number = |field: &'static str, range: std::ops::Range<usize>| {
            number(&block[range]).ok_or(TarError::Number { index, field })
        };
        let unsigned = |field: &'static str, range| {
            number(field, range)
                .and_then(|value| u64::try_from(value).map_err(|_| TarError::Number { index, field }))
        };
        let small = |field: &'static str, range| {
            unsigned(field, range)
                .and_then(|value| u32::try_from(value).map_err(|_| TarError::Number { index, field }))
        };
        if unsigned("checksum", 148..156)? != checksum(block) {
            return Err(TarError::Checksum { index });
        }
        let kind = block[156];
        let device = matches!(kind, b'3' | b'4');
        let posix = &block[257..263] == b"ustar\0";
        let mut name = text(&block[..100]).to_vec();
        if posix && block[345] != 0 {
            name = [text(&block[345..500]), b"/", &name].concat();
        }
        Ok(Self {
            name,
            link: text(&block[157..257]).to_vec(),
            kind,
            size: unsigned("size", 124..136)?,
            mode: small("mode", 100..108)? & 0o7777,
            uid: small("uid", 108..116)?,
            gid: small("gid", 116..124)?,
            mtime: number("mtime", 136..148)?,
            user: text(&block[265..297]).to_vec(),
            group: text(&block[297..329]).to_vec(),
            major: if device { small("device number", 329..337)? } else { 0 },
            minor: if device { small("device number", 337..345)? } else { 0 },
        })
    }
}

/// The field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    &field[..end]
}

/// Sum of all bytes, those of the checksum itself counted as blanks.
fn checksum(block: &[u8; BLOCK]) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    sum(&block[..148]) + 8 * u64::from(b' ') + sum(&block[156..])
}

/// An octal number (empty is 0) or a base-256 one.
fn number(field: &[u8]) -> Option<i64> {
    if field[0] & 0x80 != 0 {
        return base256(field);
    }
    let start = field.iter().position(|byte| *byte != b' ').unwrap_or(field.len());
    let field = &field[start..];
    let end = field.iter().position(|byte| matches!(byte, b' ' | 0)).unwrap_or(field.len());
    if !field[end..].iter().all(|byte| matches!(byte, b' ' | 0)) {
        return None;
    }
    field[..end].iter().try_fold(0_i64, |sum, digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// Two's complement, most significant byte first, the top bit of the first byte being the mark.
fn base256(field: &[u8]) -> Option<i64> {
    let negative = field[0] & 0x40 != 0;
    let first = if negative { field[0] } else { field[0] & 0x7f };
    let seed = i128::from(if negative { i64::from(first) - 256 } else { i64::from(first) });
    let value = field[1..].iter().fold(seed, |sum, byte| (sum << 8) | i128::from(*byte));
    i64::try_from(value).ok()
}
