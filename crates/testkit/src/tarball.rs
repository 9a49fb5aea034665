//! Writes tar archives field by field, hostile ones included.

/// Bytes of a block.
const BLOCK: usize = 512;

/// Fields of a header before they are encoded.
#[derive(Debug, Clone)]
pub struct Header {
    /// Name, at most 100 bytes.
    pub name: Vec<u8>,
    /// Target of a link, at most 100 bytes.
    pub link: Vec<u8>,
    /// Type byte.
    pub kind: u8,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size that the header declares, bytes.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub mtime: u64,
    /// Device numbers.
    pub device: (u32, u32),
}

impl Header {
    /// A header with type byte `kind`, mode 0644 (0755 for directories), root's, no content.
    pub fn new(name: impl AsRef<[u8]>, kind: u8) -> Self {
        let mode = if kind == b'5' { 0o755 } else { 0o644 };
        Self {
            name: name.as_ref().to_vec(),
            link: Vec::new(),
            kind,
            mode,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: 1_600_000_000,
            device: (0, 0),
        }
    }

    /// The encoded block.
    ///
    /// # Panics
    /// When a name does not fit.
    pub fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        assert!(self.name.len() <= 100 && self.link.len() <= 100, "name does not fit into a header");
        put(0, &self.name);
        put(100, format!("{:07o}\0", self.mode).as_bytes());
        put(108, format!("{:07o}\0", self.uid).as_bytes());
        put(116, format!("{:07o}\0", self.gid).as_bytes());
        if self.size < 1 << 33 {
            put(124, format!("{:011o}\0", self.size).as_bytes());
        } else {
            put(124, &[0x80, 0, 0, 0]);
            put(128, &self.size.to_be_bytes());
        }
        put(136, format!("{:011o}\0", self.mtime).as_bytes());
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, &self.link);
        put(257, b"ustar\x0000");
        put(329, format!("{:07o}\0", self.device.0).as_bytes());
        put(337, format!("{:07o}\0", self.device.1).as_bytes());
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

/// An archive being written.
#[derive(Debug, Clone, Default)]
pub struct Tarball {
    bytes: Vec<u8>,
}

impl Tarball {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header, then `content` padded to whole blocks, whatever size the header declares.
    #[must_use]
    pub fn raw(mut self, header: &Header, content: &[u8]) -> Self {
        self.bytes.extend_from_slice(&header.block());
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.file_with_mode(name, content, 0o644)
    }

    /// Adds a file with permission bits.
    #[must_use]
    pub fn file_with_mode(self, name: &str, content: &[u8], mode: u32) -> Self {
        let header = Header { size: content.len() as u64, mode, ..Header::new(name, b'0') };
        self.raw(&header, content)
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(self, name: &str) -> Self {
        self.raw(&Header::new(name, b'5'), &[])
    }

    /// Adds a symlink.
    #[must_use]
    pub fn symlink(self, name: &str, target: &str) -> Self {
        let header = Header { link: target.as_bytes().to_vec(), mode: 0o777, ..Header::new(name, b'2') };
        self.raw(&header, &[])
    }

    /// Adds a hardlink.
    #[must_use]
    pub fn hardlink(self, name: &str, target: &str) -> Self {
        self.raw(&Header { link: target.as_bytes().to_vec(), ..Header::new(name, b'1') }, &[])
    }

    /// Adds an entry without content of type `kind`, such as `b'6'` for a fifo.
    #[must_use]
    pub fn node(self, name: &str, kind: u8, device: (u32, u32)) -> Self {
        self.raw(&Header { device, ..Header::new(name, kind) }, &[])
    }

    /// Adds a pax header for the next entry.
    #[must_use]
    pub fn pax(self, records: &[(&str, &str)]) -> Self {
        let content: String = records.iter().map(|(key, value)| pax_record(key, value)).collect();
        self.raw(&Header { size: content.len() as u64, ..Header::new("pax", b'x') }, content.as_bytes())
    }

    /// Adds a GNU long name for the next entry.
    #[must_use]
    pub fn long_name(self, name: &str) -> Self {
        let content = format!("{name}\0");
        self.raw(
            &Header { size: content.len() as u64, ..Header::new("././@LongLink", b'L') },
            content.as_bytes(),
        )
    }

    /// The archive with its two closing blocks.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }

    /// The archive without an end.
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }
}

/// An archive with one of everything that careful readers agree on.
pub fn showcase() -> Vec<u8> {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    Tarball::new()
        .directory("./")
        .directory("./usr/")
        .file("./usr/empty", b"")
        .file("./usr/short", b"hello\n")
        .file("usr//block", &[7; 512])
        .file("./usr/long", &vec![9; 300_000])
        .symlink("./usr/link", "../../etc/passwd")
        .hardlink("./usr/hard", "./usr/short")
        .directory(&format!("{}/", "d".repeat(99)))
        .long_name(&format!("{}/", "d".repeat(120)))
        .directory("cut/")
        .long_name(&long)
        .file("cut", b"long name")
        .pax(&[("path", "usr/\u{e4}\u{f6}"), ("mtime", "1600000001.5")])
        .file("pax", b"pax name")
        .pax(&[("SCHILY.xattr.user.note", "yes"), ("size", "3")])
        .file("usr/noted", b"abc")
        .finish()
}

/// `LENGTH KEY=VALUE\n`, the length counting itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}
