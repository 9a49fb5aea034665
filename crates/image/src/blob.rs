//! One pass from a stream to a zstd blob: compressed by several threads, both digests taken on the way.
//!
//! The output depends on the level and the input alone, not on the number of threads: libzstd cuts the input into
//! jobs of a size that the parameters fix, and compresses each job with the overlap before it. The single-threaded
//! mode of libzstd cuts differently, so it is never used.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder;

use crate::measure::{Measured, Meter};

/// How a blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZstdOptions {
    /// zstd level, 1 to 19.
    pub level: i32,
    /// Compressing threads, at least 1; has no influence on the output.
    pub threads: u32,
}

/// What a finished blob is, before and after compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressed {
    /// The zstd blob.
    pub compressed: Measured,
    /// What went in; for a layer its digest is the OCI `diff_id`.
    pub plain: Measured,
}

/// Input of one job: fixed, so that neither the level's table nor the thread count decides where the cuts are.
const JOB: u32 = 4 << 20;
/// Unit in which the input travels to the hashing thread.
const CHUNK: usize = 1 << 20;
/// Chunks that may wait to be hashed.
const AHEAD: usize = 4;

/// Compresses what is written to it; [`Compressor::finish`] ends the blob.
pub struct Compressor<W: Write> {
    encoder: Encoder<'static, Meter<W>>,
    chunk: Vec<u8>,
    hasher: Hasher,
}

impl<W: Write> Compressor<W> {
    /// Starts a blob that goes to `sink`.
    ///
    /// # Errors
    /// A level that zstd does not know, or no memory for the threads.
    pub fn new(sink: W, options: &ZstdOptions) -> io::Result<Self> {
        let mut encoder = Encoder::new(Meter::new(sink), options.level)?;
        encoder.set_parameter(CParameter::NbWorkers(options.threads.max(1)))?;
        encoder.set_parameter(CParameter::JobSize(JOB))?;
        encoder.include_checksum(true)?;
        Ok(Self { encoder, chunk: Vec::with_capacity(CHUNK), hasher: Hasher::start() })
    }

    /// Ends the blob and gives the sink back.
    ///
    /// # Errors
    /// The sink's own error.
    pub fn finish(mut self) -> io::Result<(W, Compressed)> {
        self.pass_on()?;
        let (sink, compressed) = self.encoder.finish()?.finish();
        let plain = self.hasher.finish();
        Ok((sink, Compressed { compressed, plain }))
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.encoder.write_all(&self.chunk)?;
        self.chunk = self.hasher.take(std::mem::take(&mut self.chunk));
        Ok(())
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        if self.chunk.len() == CHUNK {
            self.pass_on()?;
        }
        Ok(count)
    }

    /// Does nothing: a flush would cut a job short, and the blob would depend on when it came.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes chunks on a thread of its own and hands the memory back.
struct Hasher {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<Measured>,
}

impl Hasher {
    fn start() -> Self {
        let (full, chunks) = sync_channel::<Vec<u8>>(AHEAD);
        // Never full: it holds at most the chunks that are under way.
        let (give_back, empty) = sync_channel(2 * AHEAD);
        let thread = thread::spawn(move || {
            let mut meter = Meter::new(io::sink());
            for mut chunk in chunks {
                let _sink_takes_all = meter.write_all(&chunk);
                chunk.clear();
                let _nobody_needs_it = give_back.try_send(chunk);
            }
            meter.finish().1
        });
        Self { full, empty, thread }
    }

    /// Takes a chunk and returns empty memory for the next.
    fn take(&self, chunk: Vec<u8>) -> Vec<u8> {
        self.full.send(chunk).expect("the hashing thread lives as long as its sender");
        self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK))
    }

    fn finish(self) -> Measured {
        drop(self.full);
        self.thread.join().expect("hashing does not panic")
    }
}
