//! Tests of the capped decompressor: every format, caps, truncation, damage.

use std::io::{Read, Write};

use bzip2::write::BzEncoder;
use flate2::Compression;
use flate2::write::GzEncoder;
use liblzma::stream::{Check, LzmaOptions, MtStreamBuilder, Stream};
use liblzma::write::XzEncoder;

use super::{CapExceeded, Capped, Format};

fn compress(format: Format, plain: &[u8]) -> Vec<u8> {
    match format {
        Format::Plain => plain.to_vec(),
        Format::Xz => {
            let mut encoder = XzEncoder::new(Vec::new(), 1);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Format::Zstd => zstd::bulk::compress(plain, 3).unwrap(),
        Format::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Format::Bzip2 => {
            let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Format::Lzma => {
            let stream = Stream::new_lzma_encoder(&LzmaOptions::new_preset(1).unwrap()).unwrap();
            let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn read(bytes: &[u8], limit: u64) -> (std::io::Result<Vec<u8>>, Format) {
    let mut reader = Capped::new(bytes, limit).unwrap();
    let mut plain = Vec::new();
    let result = reader.read_to_end(&mut plain);
    (result.map(|_| plain), reader.format())
}

const FORMATS: [Format; 6] =
    [Format::Plain, Format::Xz, Format::Zstd, Format::Gzip, Format::Bzip2, Format::Lzma];

#[test]
fn every_format_is_recognised_and_read_to_its_exact_cap() {
    let plain: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    for format in FORMATS {
        let (result, found) = read(&compress(format, &plain), plain.len() as u64);
        assert_eq!(found, format);
        assert!(result.unwrap() == plain, "{format:?}");
    }
}

#[test]
fn one_byte_over_the_cap_is_an_error() {
    for format in FORMATS {
        let (result, _) = read(&compress(format, b"0123456789"), 9);
        assert_eq!(CapExceeded::of(&result.unwrap_err()), Some(CapExceeded { limit: 9 }), "{format:?}");
    }
}

#[test]
fn a_gzip_member_ends_where_the_next_begins() {
    let members = [&b"first"[..], b"", b"third"].map(|plain| compress(Format::Gzip, plain));
    let bytes = [members.concat(), b"rest".to_vec()].concat();
    let mut reader = std::io::Cursor::new(&bytes);
    for expected in ["first", "", "third"] {
        let mut text = String::new();
        Capped::gzip_member(&mut reader, 5).read_to_string(&mut text).unwrap();
        assert_eq!(text, expected);
    }
    assert_eq!(&bytes[usize::try_from(reader.position()).unwrap()..], b"rest");
    assert!(Capped::gzip_member(&mut reader, 5).read(&mut [0]).is_err());
    let error = Capped::gzip_member(&members[0][..], 4).read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(CapExceeded::of(&error), Some(CapExceeded { limit: 4 }));
    for end in 0..members[0].len() {
        let result = Capped::gzip_member(&members[0][..end], 9).read_to_end(&mut Vec::new());
        assert!(result.is_err(), "cut after {end} bytes");
    }
}

#[test]
fn truncated_and_damaged_streams_are_errors() {
    let plain: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    for format in &FORMATS[1..] {
        let format = *format;
        let whole = compress(format, &plain);
        assert!(read(&whole[..whole.len() - 9], u64::MAX).0.is_err(), "truncated {format:?}");
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 16].fill(0xaa);
        let result = read(&damaged, u64::MAX).0;
        assert!(result.as_ref().map_or(true, |read| *read != plain), "damaged {format:?}");
    }
}

#[test]
fn t06_bombs_are_stopped_at_the_cap_and_not_at_the_end() {
    const LIMIT: u64 = 1 << 20;
    let zeros = vec![0; 64 << 20];
    let mut bombs: Vec<(Format, Vec<u8>)> =
        FORMATS[1..].iter().map(|format| (*format, compress(*format, &zeros))).collect();
    // One stream of many frames: 1 GiB from about 33 kB.
    let frame = compress(Format::Zstd, &zeros);
    bombs.push((Format::Zstd, frame.repeat(16)));
    let gzip = compress(Format::Gzip, &zeros);
    bombs.push((Format::Gzip, gzip.repeat(16)));
    let xz = compress(Format::Xz, &zeros);
    bombs.push((Format::Xz, xz.repeat(16)));
    for (format, bomb) in bombs {
        let mut reader = Capped::new(&bomb[..], LIMIT).unwrap();
        assert_eq!(reader.format(), format);
        let mut sink = vec![0; 64 << 10];
        let mut total = 0_u64;
        let error = loop {
            match reader.read(&mut sink) {
                Ok(0) => panic!("{format:?} came to its end"),
                Ok(count) => total += count as u64,
                Err(error) => break error,
            }
        };
        assert_eq!(CapExceeded::of(&error), Some(CapExceeded { limit: LIMIT }));
        assert_eq!(total, LIMIT);
    }
}

#[test]
fn a_frame_that_wants_too_much_memory_is_refused() {
    // A zstd frame header that declares a window of 2 GiB (exponent 21 above the base of 2^10).
    let frame = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00";
    assert!(read(frame, 1 << 20).0.is_err());
}

/// xz of many blocks, as `xz -T` and `dpkg-deb` write it.
fn blocks(plain: &[u8]) -> Vec<u8> {
    let mut builder = MtStreamBuilder::new();
    let stream = builder.threads(2).preset(1).block_size(50_000).check(Check::Crc64).encoder().unwrap();
    let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn read_by_threads(bytes: &[u8], limit: u64) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    Capped::in_parallel(bytes, limit, 3)?.read_to_end(&mut plain).map(|_| plain)
}

#[test]
fn blocks_are_read_by_threads_with_whatever_follows_their_stream() {
    let plain: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    for format in FORMATS {
        assert!(read_by_threads(&compress(format, &plain), u64::MAX).unwrap() == plain, "{format:?}");
    }
    let mut streams = blocks(&plain);
    assert!(read_by_threads(&streams, plain.len() as u64).unwrap() == plain);
    let over = read_by_threads(&streams, plain.len() as u64 - 1).unwrap_err();
    assert!(CapExceeded::of(&over).is_some());
    streams.extend([0; 8]);
    streams.extend(blocks(&plain));
    assert!(read_by_threads(&streams, u64::MAX).unwrap() == [&plain[..], &plain].concat());
}

#[test]
fn damaged_blocks_are_errors() {
    let plain: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let whole = blocks(&plain);
    assert!(read_by_threads(&whole[..whole.len() - 9], u64::MAX).is_err());
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    assert!(read_by_threads(&flipped, u64::MAX).is_err());
    for tail in [&[0; 3][..], b"junk"] {
        assert!(read_by_threads(&[&whole, tail].concat(), u64::MAX).is_err(), "{tail:?}");
    }
}
