//! A client that does not read what it asked for loses its connection.
//!
//! Only time counts in which bytes wait for the client: a stream on which nothing happens costs it nothing.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::limit::Pace;

/// A connection that is closed when the other end reads too slowly.
pub struct Paced<S> {
    stream: S,
    pace: Pace,
    /// Since when bytes wait.
    blocked: Option<Instant>,
    /// How long they have waited, and how many went, since the client last proved that it reads.
    waited: Duration,
    went: usize,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    /// Watches a connection.
    pub fn new(stream: S, pace: Pace) -> Self {
        let alarm = Box::pin(sleep(Duration::ZERO));
        Self { stream, pace, blocked: None, waited: Duration::ZERO, went: 0, alarm }
    }

    fn watch(
        &mut self,
        context: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Pending => {
                if self.blocked.is_none() {
                    let now = Instant::now();
                    self.blocked = Some(now);
                    self.alarm.as_mut().reset(now + self.pace.patience.saturating_sub(self.waited));
                }
                let over = self.alarm.as_mut().poll(context).is_ready();
                if over { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending }
            }
            Poll::Ready(result) => {
                self.waited += self.blocked.take().map_or(Duration::ZERO, |since| since.elapsed());
                self.went += result.as_ref().copied().unwrap_or(0);
                if self.went >= self.pace.least {
                    (self.went, self.waited) = (0, Duration::ZERO);
                }
                Poll::Ready(result)
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
