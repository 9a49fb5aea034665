//! xz of many blocks, decompressed by several threads.
//!
//! `xz` and `dpkg-deb` cut large input into blocks of 24 MiB and write their sizes before them, so that a block can be
//! found without decompressing those before it. Of a stream without blocks or sizes this makes no threads.

use std::io::{self, BufRead, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, MtStreamBuilder, Stream};

use super::MEMORY;

/// Decompresses the first stream by threads and what may follow it, as `xz` does, by one.
pub(super) struct Blocks<R> {
    /// `None` only while it is exchanged, and after that failed.
    decoder: Option<XzDecoder<R>>,
    first: bool,
}

impl<R: BufRead> Blocks<R> {
    pub(super) fn new(reader: R, threads: u32) -> io::Result<Self> {
        let mut builder = MtStreamBuilder::new();
        let stream = builder.threads(threads).memlimit_threading(MEMORY).memlimit_stop(MEMORY).decoder()?;
        Ok(Self { decoder: Some(XzDecoder::new_stream(reader, stream)), first: true })
    }

    /// Goes on behind the first stream; `false` if nothing is there.
    fn go_on(&mut self) -> io::Result<bool> {
        let Some(decoder) = self.decoder.take() else { return Ok(false) };
        let mut reader = decoder.into_inner();
        let more = skip_padding(&mut reader)?;
        let stream = Stream::new_stream_decoder(MEMORY, CONCATENATED)?;
        self.decoder = more.then(|| XzDecoder::new_stream(reader, stream));
        Ok(more)
    }
}

/// Skips the zero bytes that may stand between streams, in groups of four (`.xz` format, section 2.2). `false` at the
/// end of the input.
fn skip_padding(reader: &mut impl BufRead) -> io::Result<bool> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        let zeros = buffer.iter().take_while(|byte| **byte == 0).count();
        let (ended, stopped) = (buffer.is_empty(), zeros < buffer.len());
        reader.consume(zeros);
        skipped += zeros;
        match (ended || stopped, skipped % 4) {
            (false, _) => {}
            (true, 0) => return Ok(stopped),
            (true, _) => return Err(io::Error::new(io::ErrorKind::InvalidData, "bad xz stream padding")),
        }
    }
}

impl<R: BufRead> Read for Blocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() || !std::mem::take(&mut self.first) || !self.go_on()? {
                return Ok(count);
            }
        }
    }
}
