//! Records of a pax extended header: `LENGTH KEY=VALUE\n`.

use super::error::TarError;

/// What a pax header says about the entry that follows it.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub mtime: Option<i64>,
    pub user: Option<Vec<u8>>,
    pub group: Option<Vec<u8>>,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub sparse: bool,
}

impl Pax {
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Self, TarError> {
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let record = record(bytes)?;
            pax.set(record.key, record.value)?;
            bytes = record.rest;
        }
        Ok(pax)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(parse(value)?),
            b"uid" => self.uid = Some(parse(value)?),
            b"gid" => self.gid = Some(parse(value)?),
            b"mtime" => self.mtime = Some(seconds(value)?),
            b"uname" => self.user = Some(value.to_vec()),
            b"gname" => self.group = Some(value.to_vec()),
            // Times that are not kept, remarks and the character set, which does not change bytes.
            b"atime" | b"ctime" | b"comment" | b"hdrcharset" | b"LIBARCHIVE.creationtime" => {}
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.push((name.to_vec(), value.to_vec()));
                } else if key.starts_with(b"GNU.sparse.") {
                    self.sparse = true;
                }
            }
        }
        Ok(())
    }
}

/// One record and what follows it.
struct Record<'a> {
    key: &'a [u8],
    value: &'a [u8],
    rest: &'a [u8],
}

/// Splits the first record off.
fn record(bytes: &[u8]) -> Result<Record<'_>, TarError> {
    let bad = || TarError::Extended { reason: "a pax record is malformed" };
    let space = bytes.iter().take(8).position(|byte| *byte == b' ').ok_or_else(bad)?;
    let length: usize = parse(&bytes[..space])?;
    if length <= space + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
        return Err(bad());
    }
    let pair = &bytes[space + 1..length - 1];
    let equals = pair.iter().position(|byte| *byte == b'=').ok_or_else(bad)?;
    Ok(Record { key: &pair[..equals], value: &pair[equals + 1..], rest: &bytes[length..] })
}

fn parse<T: std::str::FromStr>(digits: &[u8]) -> Result<T, TarError> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| plain);
    text.and_then(|text| text.parse().ok()).ok_or(TarError::Extended { reason: "a pax number is malformed" })
}

/// Whole seconds of a time with an optional sign and fraction, rounded down.
fn seconds(value: &[u8]) -> Result<i64, TarError> {
    let (negative, value) = value.strip_prefix(b"-").map_or((false, value), |rest| (true, rest));
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let whole: i64 = parse(parts.next().unwrap_or_default())?;
    let fraction = parts.next().is_some_and(|digits| digits.iter().any(|digit| *digit != b'0'));
    Ok(if negative { -whole - i64::from(fraction) } else { whole })
}
