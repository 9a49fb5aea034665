//! The compressor: same bytes for any number of threads and any timing, digests that other programs agree with.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use lbuild_image::blob::{Compressed, Compressor, ZstdOptions};
use lbuild_image::exclude::Excludes;

use crate::machine::{output, program};
use crate::{debian, tar};

fn compress(bytes: &[u8], level: i32, threads: u32, piece: usize, pause: Duration) -> (Vec<u8>, Compressed) {
    let mut compressor = Compressor::new(Vec::new(), &ZstdOptions { level, threads }).unwrap();
    for piece in bytes.chunks(piece) {
        compressor.write_all(piece).unwrap();
        compressor.flush().unwrap();
        std::thread::sleep(pause);
    }
    compressor.finish().unwrap()
}

#[test]
fn the_blob_does_not_depend_on_threads_or_timing() {
    // Compressible, aperiodic, and longer than several jobs.
    let bytes: Vec<u8> =
        (0..40_000_000_u32).map(|n| n.wrapping_mul(n >> 7).to_be_bytes()[1] & 0x1f).collect();
    for level in [1, 3, 9] {
        let (expected, measured) = compress(&bytes, level, 1, 1 << 20, Duration::ZERO);
        for (threads, piece, pause) in [(2, 1 << 20, 0), (3, 777_777, 3), (8, 40_000_000, 0), (0, 4096, 0)] {
            let (blob, again) = compress(&bytes, level, threads, piece, Duration::from_millis(pause));
            assert_eq!(again, measured, "level {level}, {threads} threads, pieces of {piece}");
            assert!(blob == expected, "level {level}, {threads} threads");
        }
    }
}

#[test]
fn small_and_empty_blobs_are_valid() {
    let work = tempfile::tempdir().unwrap();
    for bytes in [&b""[..], b"x"] {
        let (blob, measured) = compress(bytes, 3, 2, 10, Duration::ZERO);
        let path = work.path().join("blob.zst");
        std::fs::write(&path, &blob).unwrap();
        assert_eq!(output(program("zstd", "zstd").args(["-q", "-d", "-c"]).arg(&path)).as_bytes(), bytes);
        assert_eq!((measured.plain.size, measured.compressed.size), (bytes.len() as u64, blob.len() as u64));
    }
}

#[test]
fn privileged_the_digests_of_a_debian_system_agree_with_sha256sum() {
    let work = tempfile::tempdir().unwrap();
    let (stream, _) = tar::stream(debian::tree(), Excludes::runtime());
    let (blob, measured) = compress(&stream, 3, 2, 1 << 20, Duration::ZERO);
    let path = work.path().join("rootfs.tar.zst");
    std::fs::write(&path, &blob).unwrap();
    drop(program("zstd", "zstd"));
    let script = "sha256sum < \"$0\"; zstd -q -d -c \"$0\" | sha256sum";
    let sums = output(Command::new("sh").args(["-ec", script]).arg(&path));
    assert_eq!(sums, format!("{}  -\n{}  -\n", measured.compressed.sha256, measured.plain.sha256));
}
