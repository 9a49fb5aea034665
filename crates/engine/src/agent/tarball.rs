//! Packs the tree as a zstd-compressed tar into a descriptor.

use std::fs::File;
use std::os::fd::AsFd as _;

use lbuild_image::blob::{Compressor, ZstdOptions};
use lbuild_image::exclude::Excludes;
use lbuild_image::measure::Measured;
use lbuild_image::tar::{TarOptions, write_tree};
use lbuild_sandbox::AgentIo;
use serde::{Deserialize, Serialize};

use super::{chain, input, report};

/// How to pack. The first descriptor takes the archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TarballInput {
    /// Where the tree is.
    pub(crate) tree: String,
    /// zstd level.
    pub(crate) level: i32,
    /// Compressing threads.
    pub(crate) threads: u32,
}

/// What was packed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TarballReport {
    /// The compressed archive.
    pub(crate) compressed: Measured,
    /// The archive before compression.
    pub(crate) plain: Measured,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let options: TarballInput = input(io)?;
    let out = io.fds.pop().ok_or("no descriptor for the archive")?;
    let root = File::open(&options.tree).map_err(|error| format!("cannot open the tree: {error}"))?;
    let zstd = ZstdOptions { level: options.level, threads: options.threads };
    let mut compressor = Compressor::new(File::from(out), &zstd).map_err(|error| error.to_string())?;
    // The tree has its final times already, see `seal`.
    let tar = TarOptions { epoch: u64::MAX, excludes: Excludes::runtime() };
    write_tree(root.as_fd(), &tar, &mut compressor).map_err(|error| chain(&error))?;
    let (_, packed) = compressor.finish().map_err(|error| error.to_string())?;
    report(io, &TarballReport { compressed: packed.compressed, plain: packed.plain })
}
