//! Builds `.deb` files in memory.

use crate::tarball::Tarball;

/// A package being built.
#[derive(Debug, Clone)]
pub struct DebFile {
    control: String,
    members: Vec<(String, Vec<u8>, u32)>,
    data: Tarball,
}

impl DebFile {
    /// A package of version 1.0 for all architectures, with no files.
    pub fn new(name: &str) -> Self {
        let control = format!(
            "Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: a test\n"
        );
        Self { control, members: Vec::new(), data: Tarball::new() }
    }

    /// Adds a line to the control file, or replaces the field of that name.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        let prefix = format!("{name}: ");
        let mut kept = String::new();
        for line in self.control.lines().filter(|line| !line.starts_with(&prefix)) {
            kept.push_str(line);
            kept.push('\n');
        }
        self.control = format!("{kept}{prefix}{value}\n");
        self
    }

    /// Adds a member to the control archive; scripts get mode 0755.
    #[must_use]
    pub fn member(mut self, name: &str, content: &str) -> Self {
        let mode = if content.starts_with("#!") { 0o755 } else { 0o644 };
        self.members.push((name.to_owned(), content.as_bytes().to_vec(), mode));
        self
    }

    /// Sets the data archive.
    #[must_use]
    pub fn data(mut self, data: Tarball) -> Self {
        self.data = data;
        self
    }

    /// The bytes, with uncompressed archives.
    pub fn build(self) -> Vec<u8> {
        let mut control = Tarball::new().directory("./").file("./control", self.control.as_bytes());
        for (name, content, mode) in &self.members {
            control = control.file_with_mode(&format!("./{name}"), content, *mode);
        }
        let mut bytes = b"!<arch>\n".to_vec();
        for (name, content) in [
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar", control.finish()),
            ("data.tar", self.data.finish()),
        ] {
            let header =
                format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len());
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(&content);
            if content.len() % 2 == 1 {
                bytes.push(b'\n');
            }
        }
        bytes
    }
}
