//! The `mksquashfs` command for a live system.
//!
//! Times are clamped, not replaced: `mksquashfs` reads `SOURCE_DATE_EPOCH` as the time of the filesystem and as the
//! latest time of any file, so that what packages shipped keeps its date and compiled Python stays fresh.

use crate::command::{ToolCommand, words};
use crate::exclude::Excludes;

/// Packages of the tools tree that the command needs. `base-files` brings the links such as `/lib64`, without which
/// no program starts.
pub const TOOL_PACKAGES: &[&str] = &["base-files", "squashfs-tools"];

/// How a filesystem is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// zstd at a level from 1 to 22: quick to write and to read.
    Zstd {
        /// The level.
        level: u8,
    },
    /// xz: smallest, slow to write and to read.
    Xz {
        /// Try the filter for x86 machine code on every block as well.
        x86: bool,
    },
}

/// How a tree becomes a squashfs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SquashfsOptions {
    /// Time of the filesystem and latest time of a file, in seconds since 1970.
    pub epoch: u64,
    /// The compressor.
    pub compression: Compression,
    /// Block size in bytes: a power of two from 4 KiB to 1 MiB.
    pub block_size: u32,
    /// Compressing threads, at least 1; has no influence on the output.
    pub processors: u32,
    /// Memory for its caches in MiB.
    pub memory_mib: u32,
    /// What stays out.
    pub excludes: Excludes,
}

/// The command that packs the tree at `source` into the file `output`, both paths inside the sandbox.
pub fn command(source: &str, output: &str, options: &SquashfsOptions) -> ToolCommand {
    let mut argv = vec!["/usr/bin/mksquashfs".to_owned(), source.to_owned(), output.to_owned()];
    argv.extend(words("-noappend -no-progress -quiet -no-exports -xattrs"));
    argv.extend(words(&match options.compression {
        Compression::Zstd { level } => format!("-comp zstd -Xcompression-level {level}"),
        Compression::Xz { x86: false } => "-comp xz".to_owned(),
        Compression::Xz { x86: true } => "-comp xz -Xbcj x86".to_owned(),
    }));
    argv.extend(words(&format!(
        "-b {} -processors {} -mem {}M",
        options.block_size,
        options.processors.max(1),
        options.memory_mib
    )));
    let excludes = patterns(&options.excludes);
    if !excludes.is_empty() {
        argv.extend(words("-wildcards -e"));
        argv.extend(excludes);
    }
    ToolCommand::at(options.epoch, argv)
}

/// The excludes as patterns; a `*` of `mksquashfs` does not match a leading dot.
fn patterns(excludes: &Excludes) -> Vec<String> {
    let contents = excludes.contents.iter().flat_map(|path| {
        let path = escape(path);
        [format!("{path}/*"), format!("{path}/.*")]
    });
    contents.chain(excludes.entries.iter().map(|path| escape(path))).collect()
}

fn escape(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for character in path.chars() {
        if "*?[]\\!()|+@".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_complete() {
        let excludes = Excludes { contents: vec!["proc".into()], entries: vec!["a[1]".into()] };
        let compression = Compression::Zstd { level: 3 };
        let options = SquashfsOptions {
            epoch: 7,
            compression,
            block_size: 131_072,
            processors: 0,
            memory_mib: 256,
            excludes,
        };
        let command = command("/target", "/work/filesystem.squashfs", &options);
        assert_eq!(
            command.argv.join(" "),
            "/usr/bin/mksquashfs /target /work/filesystem.squashfs -noappend -no-progress -quiet -no-exports -xattrs \
             -comp zstd -Xcompression-level 3 -b 131072 -processors 1 -mem 256M -wildcards -e proc/* proc/.* a\\[1\\]"
        );
        assert_eq!(command.env["SOURCE_DATE_EPOCH"], "7");
    }
}
