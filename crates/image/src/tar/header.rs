//! One entry as ustar header, preceded by a PAX header for what ustar cannot say.

/// What an entry is, with what only that kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    File {
        size: u64,
    },
    Directory,
    Symlink {
        target: &'a [u8],
    },
    /// A further name of a file that came earlier in the stream.
    Hardlink {
        target: &'a [u8],
    },
    Fifo,
    Character {
        major: u32,
        minor: u32,
    },
    Block {
        major: u32,
        minor: u32,
    },
}

/// One entry of the stream; `path` is relative, without a trailing slash.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub path: &'a [u8],
    pub kind: Kind<'a>,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970, never negative.
    pub mtime: u64,
    /// Names and values, sorted by name.
    pub xattrs: &'a [(Vec<u8>, Vec<u8>)],
}

/// Size of a tar block in bytes; headers and contents fill whole blocks.
pub(super) const BLOCK: usize = 512;
const NAME: usize = 100;
const PREFIX: usize = 155;
const MAX_OCTAL_7: u64 = 0o7_777_777;
const MAX_OCTAL_11: u64 = 0o77_777_777_777;

impl Entry<'_> {
    /// The header blocks of this entry; the contents of a file follow them.
    pub fn blocks(&self) -> Vec<u8> {
        let mut path = self.path.to_vec();
        if self.kind == Kind::Directory {
            path.push(b'/');
        }
        let mut records = Records::default();
        let split = split(&path);
        if split.is_none() {
            records.add(b"path", &path);
        }
        let (typeflag, link, size, device) = self.parts();
        if link.len() > NAME {
            records.add(b"linkpath", link);
        }
        for (key, value, limit) in [
            (&b"size"[..], size, MAX_OCTAL_11),
            (b"uid", u64::from(self.uid), MAX_OCTAL_7),
            (b"gid", u64::from(self.gid), MAX_OCTAL_7),
            (b"mtime", self.mtime, MAX_OCTAL_11),
        ] {
            if value > limit {
                records.add(key, value.to_string().as_bytes());
            }
        }
        for (name, value) in self.xattrs {
            records.add(&xattr_key(name), value);
        }
        let mut blocks = records.into_blocks(&path);
        let (prefix, name) = split.unwrap_or((b"", &path));
        let fields = Fields { name, prefix, link, typeflag, size, device, mode: self.mode };
        blocks.extend_from_slice(&fields.block(self.uid, self.gid, self.mtime));
        blocks
    }

    fn parts(&self) -> (u8, &[u8], u64, (u32, u32)) {
        match self.kind {
            Kind::File { size } => (b'0', b"", size, (0, 0)),
            Kind::Hardlink { target } => (b'1', target, 0, (0, 0)),
            Kind::Symlink { target } => (b'2', target, 0, (0, 0)),
            Kind::Character { major, minor } => (b'3', b"", 0, (major, minor)),
            Kind::Block { major, minor } => (b'4', b"", 0, (major, minor)),
            Kind::Directory => (b'5', b"", 0, (0, 0)),
            Kind::Fifo => (b'6', b"", 0, (0, 0)),
        }
    }
}

/// Splits a path at a slash into ustar's prefix and name; `None` when it does not fit.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME {
        return Some((b"", path));
    }
    // The name of a directory keeps its final slash, so the last byte is no place to cut.
    let slashes = path[..path.len() - 1].iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| (1..=PREFIX).contains(&prefix.len()) && name.len() <= NAME)
}

/// GNU tar's name for an extended attribute; `=` would end the key of a PAX record.
fn xattr_key(name: &[u8]) -> Vec<u8> {
    let mut key = b"SCHILY.xattr.".to_vec();
    for byte in name {
        match byte {
            b'=' => key.extend_from_slice(b"%3D"),
            b'%' => key.extend_from_slice(b"%25"),
            _ => key.push(*byte),
        }
    }
    key
}

struct Fields<'a> {
    name: &'a [u8],
    prefix: &'a [u8],
    link: &'a [u8],
    typeflag: u8,
    size: u64,
    device: (u32, u32),
    mode: u32,
}

impl Fields<'_> {
    fn block(&self, uid: u32, gid: u32, mtime: u64) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block[0..100], self.name);
        octal(&mut block[100..108], u64::from(self.mode), MAX_OCTAL_7);
        octal(&mut block[108..116], u64::from(uid), MAX_OCTAL_7);
        octal(&mut block[116..124], u64::from(gid), MAX_OCTAL_7);
        octal(&mut block[124..136], self.size, MAX_OCTAL_11);
        octal(&mut block[136..148], mtime, MAX_OCTAL_11);
        block[156] = self.typeflag;
        put(&mut block[157..257], self.link);
        put(&mut block[257..265], b"ustar\x0000");
        octal(&mut block[329..337], u64::from(self.device.0), MAX_OCTAL_7);
        octal(&mut block[337..345], u64::from(self.device.1), MAX_OCTAL_7);
        put(&mut block[345..500], self.prefix);
        // The checksum is taken with spaces in its own place.
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        octal(&mut block[148..155], sum, MAX_OCTAL_7);
        block[154] = 0;
        block
    }
}

/// Copies as much as fits; what is cut off stands in a PAX record.
fn put(field: &mut [u8], bytes: &[u8]) {
    let len = bytes.len().min(field.len());
    field[..len].copy_from_slice(&bytes[..len]);
}

/// Octal digits and a NUL; a value beyond `limit` becomes 0 and stands in a PAX record.
fn octal(field: &mut [u8], value: u64, limit: u64) {
    let value = if value > limit { 0 } else { value };
    let digits = field.len() - 1;
    put(field, format!("{value:0digits$o}").as_bytes());
}

/// The records of a PAX header, in the order in which they are added.
#[derive(Default)]
struct Records(Vec<u8>);

impl Records {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        // " ", "=" and the newline; the length counts its own digits too.
        let rest = key.len() + value.len() + 3;
        let mut total = rest + 1;
        while total != rest + total.to_string().len() {
            total = rest + total.to_string().len();
        }
        self.0.extend_from_slice(format!("{total} ").as_bytes());
        self.0.extend_from_slice(key);
        self.0.push(b'=');
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
    }

    fn into_blocks(self, path: &[u8]) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::with_capacity(BLOCK);
        }
        let base = path.strip_suffix(b"/").unwrap_or(path).rsplit(|byte| *byte == b'/').next().unwrap_or(b"");
        let mut name = b"PaxHeaders/".to_vec();
        name.extend_from_slice(&base[..base.len().min(NAME - name.len())]);
        let fields = Fields {
            name: &name,
            prefix: b"",
            link: b"",
            typeflag: b'x',
            size: self.0.len() as u64,
            device: (0, 0),
            mode: 0o644,
        };
        let mut blocks = fields.block(0, 0, 0).to_vec();
        blocks.extend_from_slice(&self.0);
        blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(path: &'a [u8], kind: Kind<'a>) -> Entry<'a> {
        Entry { path, kind, mode: 0o755, uid: 0, gid: 0, mtime: 1_700_000_000, xattrs: &[] }
    }

    #[test]
    fn a_plain_file_takes_one_block() {
        let blocks = entry(b"etc/passwd", Kind::File { size: 12 }).blocks();
        assert_eq!(blocks.len(), BLOCK);
        assert_eq!(&blocks[..10], b"etc/passwd");
        assert_eq!(&blocks[124..136], b"00000000014\0");
        let sum: u64 = blocks
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
            .sum();
        assert_eq!(&blocks[148..156], format!("{sum:06o}\0 ").as_bytes());
    }

    #[test]
    fn a_long_path_is_split_or_moved_to_pax() {
        let splittable = [vec![b'a'; 120], vec![b'b'; 90]].join(&b'/');
        assert_eq!(entry(&splittable, Kind::Fifo).blocks().len(), BLOCK);
        let too_long = vec![b'a'; 150];
        let blocks = entry(&too_long, Kind::Fifo).blocks();
        assert_eq!(blocks.len(), 3 * BLOCK);
        assert!(blocks[BLOCK..].starts_with(b"160 path=aaa"));
    }

    #[test]
    fn a_directory_that_fills_the_name_is_not_cut_at_its_final_slash() {
        let path = vec![b'd'; NAME];
        let blocks = entry(&path, Kind::Directory).blocks();
        assert!(blocks[BLOCK..].starts_with(b"111 path="));
    }

    #[test]
    fn a_record_counts_its_own_length() {
        for len in [1, 84, 85, 86, 87, 88, 985, 990, 995] {
            let mut records = Records::default();
            records.add(b"path", &vec![b'x'; len]);
            let text = String::from_utf8(records.0).unwrap();
            assert_eq!(text.split_once(' ').unwrap().0.parse::<usize>().unwrap(), text.len());
        }
    }

    #[test]
    fn large_owners_and_sizes_go_to_pax() {
        let mut big = entry(b"f", Kind::File { size: 9 << 30 });
        big.uid = 4_000_000_000;
        let text = String::from_utf8_lossy(&big.blocks()).into_owned();
        assert!(text.contains("size=9663676416\n") && text.contains("uid=4000000000\n"));
    }

    #[test]
    fn attribute_names_are_escaped() {
        assert_eq!(xattr_key(b"user.a=b%"), b"SCHILY.xattr.user.a%3Db%25");
    }
}
