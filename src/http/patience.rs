use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::HttpLimits;

/// What a connection waits for. Its stream and its requests share it: only the stream sees bytes
/// come, only the requests know when one has been answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

/// The first byte of a request after an answered one.
const IDLE: u8 = 1;
/// A request's headers; a new connection starts here.
const HEAD: u8 = 0;
/// Us.
const REQUEST: u8 = 2;

impl Phase {
    /// A request has come; the returned guard ends with its answer.
    pub(super) fn request(&self) -> Answering {
        self.0.store(REQUEST, Ordering::Relaxed);
        Answering(self.clone())
    }

    fn now(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answering(Phase);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.store(IDLE, Ordering::Relaxed);
    }
}

/// A stream that gives up on a peer that sends its headers too slowly, stays idle too long, or does
/// not take its answer. hyper's own timer knows one time for the first two, and none for the third.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    phase: Phase,
    reading: Timer,
    writing: Timer,
    header: Duration,
    idle: Duration,
    write: Duration,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, phase: Phase, limits: &HttpLimits) -> Self {
        Self {
            stream,
            phase,
            reading: Timer::default(),
            writing: Timer::default(),
            header: limits.header_timeout.duration(),
            idle: limits.idle_timeout.duration(),
            write: limits.write_timeout.duration(),
        }
    }

    /// Whether the peer has had its time to send. The clock starts anew with each phase, not with
    /// each byte: a header that trickles in is late all the same.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let phase = self.phase.now();
        let patience = match phase {
            HEAD => self.header,
            IDLE => self.idle,
            _ => {
                self.reading.stop();
                return Poll::Pending;
            }
        };
        self.reading.poll(phase, patience, cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(cx, buffer) {
            let _ = this.phase.0.compare_exchange(IDLE, HEAD, Ordering::Relaxed, Ordering::Relaxed);
            return Poll::Ready(result);
        }
        this.poll_silence(cx).map(Err)
    }
}

impl<S: AsyncWrite + Unpin> Patient<S> {
    fn timed<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = write(Pin::new(&mut self.stream), cx) {
            self.writing.stop();
            return Poll::Ready(result);
        }
        self.writing.poll(REQUEST, self.write, cx).map(Err)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().timed(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().timed(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().timed(cx, |stream, cx| stream.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().timed(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A clock that runs for one phase at a time.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    phase: Option<u8>,
}

impl Timer {
    fn stop(&mut self) {
        self.phase = None;
    }

    /// Ready when `patience` has passed since `phase` began.
    fn poll(&mut self, phase: u8, patience: Duration, cx: &mut Context<'_>) -> Poll<io::Error> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(Instant::now())));
        if self.phase != Some(phase) {
            self.phase = Some(phase);
            sleep.as_mut().reset(Instant::now() + patience);
        }
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}
