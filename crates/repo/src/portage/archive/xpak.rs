//! xpak: a compressed tar, then `XPAKPACK`, an index, the data that it points to, `XPAKSTOP`, the length of all that from
//! `XPAKPACK` on, and `STOP` (xpak(5)). Numbers have four bytes, the highest first.

use std::io::{Read, Seek, SeekFrom};

use super::{ArchiveError, Contents, MAX_METADATA, Metadata, Part, Trust};

/// Bytes of the smallest xpak, without the trailer.
const SMALLEST: u64 = 8 + 4 + 4 + 8;
/// Bytes of the trailer.
const TRAILER: u64 = 4 + 4;

/// Finds the metadata at the end of the file and reads it.
pub(super) fn read<R: Read + Seek>(reader: &mut R, trust: &Trust<'_>) -> Result<Contents, ArchiveError> {
    if let Trust::Signed { .. } = trust {
        return Err(ArchiveError::Unsigned("xpak".to_owned()));
    }
    let length = reader.seek(SeekFrom::End(0)).map_err(ArchiveError::Read)?;
    let end = length.checked_sub(TRAILER).ok_or(ArchiveError::Xpak("it is too short"))?;
    let mut trailer = [0; 8];
    read_at(reader, end, &mut trailer)?;
    let size = u64::from(u32_at(&trailer, 0).unwrap_or_default());
    if !(SMALLEST..=MAX_METADATA).contains(&size) {
        return Err(ArchiveError::Xpak("its length cannot be"));
    }
    let start = end.checked_sub(size).ok_or(ArchiveError::Xpak("it is longer than the file"))?;
    let mut xpak = vec![0; usize::try_from(size).map_err(|_| ArchiveError::Xpak("its length cannot be"))?];
    read_at(reader, start, &mut xpak)?;
    let metadata = metadata(&xpak)?;
    Ok(Contents { metadata, image: Part { start: 0, length: start }, signers: Vec::new() })
}

fn read_at<R: Read + Seek>(reader: &mut R, at: u64, target: &mut [u8]) -> Result<(), ArchiveError> {
    reader.seek(SeekFrom::Start(at)).and_then(|_| reader.read_exact(target)).map_err(ArchiveError::Read)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).map(|number| u32::from_be_bytes(*number))
}

fn metadata(xpak: &[u8]) -> Result<Metadata, ArchiveError> {
    let body = xpak
        .strip_prefix(b"XPAKPACK")
        .and_then(|rest| rest.strip_suffix(b"XPAKSTOP"))
        .ok_or(ArchiveError::Xpak("it is not between its marks"))?;
    let sizes = u32_at(body, 0).zip(u32_at(body, 4));
    let (index_size, data_size) = sizes.ok_or(ArchiveError::Xpak("it is too short"))?;
    let (index, data) = body[8..]
        .split_at_checked(index_size as usize)
        .filter(|(_, data)| data.len() == data_size as usize)
        .ok_or(ArchiveError::Xpak("its parts do not have the lengths that it says"))?;
    let mut metadata = Metadata::default();
    let mut rest = index;
    let mut used = 0;
    while !rest.is_empty() {
        let (name, part, after) =
            entry(rest, data).ok_or(ArchiveError::Xpak("an entry points outside of it"))?;
        // Entries may share bytes, but not so many that a small file becomes a large one.
        used += part.len();
        if used > data.len() {
            return Err(ArchiveError::Xpak("its entries overlap"));
        }
        metadata.insert(name, part.to_vec())?;
        rest = after;
    }
    Ok(metadata)
}

/// Name, bytes, and what follows in the index.
fn entry<'x>(index: &'x [u8], data: &'x [u8]) -> Option<(&'x [u8], &'x [u8], &'x [u8])> {
    let length = u32_at(index, 0)? as usize;
    let (name, rest) = index[4..].split_at_checked(length)?;
    let (start, size) = (u32_at(rest, 0)? as usize, u32_at(rest, 4)? as usize);
    let part = data.get(start..start.checked_add(size)?)?;
    Some((name, part, &rest[8..]))
}
