use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection_state::{ConnectionState, SharedConnectionState};
use super::read_rate::ReadRate;
use super::unread_bytes::UnreadBytes;
use crate::config::HttpLimits;

/// The most bytes that are read before everything else that waits for this thread has its turn:
/// other connections, and the timeout of the body. hyper parses on as long as there are bytes, and
/// a chunk size has as many digits as its sender likes.
const TURN: usize = 32 << 10;

/// A stream with a timeout for the headers of a request, for an idle connection, and for a peer
/// that does not read its answer or reads it too slowly. hyper has one timer for the first two
/// together, and none for the rest.
#[derive(Debug)]
pub(super) struct TimeoutStream<S> {
    stream: S,
    state: SharedConnectionState,
    /// How many bytes were read in this turn.
    read_in_turn: usize,
    read_timer: Timer,
    write_timer: Timer,
    read_rate: ReadRate,
    header_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
}

impl<S> TimeoutStream<S> {
    pub(super) fn new(
        stream: S,
        state: SharedConnectionState,
        limits: &HttpLimits,
        unread: UnreadBytes,
    ) -> Self {
        Self {
            stream,
            state,
            read_in_turn: 0,
            read_timer: Timer::default(),
            write_timer: Timer::default(),
            read_rate: ReadRate::new(limits, unread),
            header_timeout: limits.header_timeout.duration(),
            idle_timeout: limits.idle_timeout.duration(),
            write_timeout: limits.write_timeout.duration(),
        }
    }

    /// Ready when the peer was silent for too long. The timer restarts with each state of the
    /// connection and not with each byte, so headers that arrive byte by byte time out too.
    ///
    /// A connection is not idle while bytes of its last answer wait for the peer.
    fn poll_read_timeout(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let is_writing = self.read_rate.is_waiting();
        let state = if is_writing { ConnectionState::Processing } else { self.state.get() };
        let timeout = match state {
            ConnectionState::ReadingHeaders => self.header_timeout,
            ConnectionState::Idle => self.idle_timeout,
            ConnectionState::Processing => {
                self.read_timer.stop();
                return Poll::Pending;
            }
        };
        self.read_timer.poll(state, timeout, cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.read_in_turn == TURN {
            this.read_in_turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = buffer.remaining().min(TURN - this.read_in_turn);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(length));
        if let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(cx, &mut part) {
            let read = part.filled().len();
            buffer.advance(read);
            this.read_in_turn += read;
            this.state.bytes_arrived();
            return Poll::Ready(result);
        }
        this.read_in_turn = 0;
        this.poll_read_timeout(cx).map(Err)
    }
}

impl<S: AsyncWrite + Unpin> TimeoutStream<S> {
    fn poll_with_timeout<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = write(Pin::new(&mut self.stream), cx) {
            self.write_timer.stop();
            return Poll::Ready(result);
        }
        if let Poll::Ready(error) = self.read_rate.poll_too_slow(cx) {
            return Poll::Ready(Err(error));
        }
        self.write_timer.poll(ConnectionState::Processing, self.write_timeout, cx).map(Err)
    }

    fn poll_counted(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_with_timeout(cx, write);
        if let Poll::Ready(Ok(bytes)) = &written {
            self.read_rate.add(*bytes);
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_counted(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    /// hyper calls it when it has written all bytes.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = this.poll_with_timeout(cx, |stream, cx| stream.poll_flush(cx));
        if flushed.is_ready() {
            this.read_rate.stop();
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_with_timeout(cx, |stream, cx| stream.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_counted(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A timer that measures how long a connection has been in one state.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    state: Option<ConnectionState>,
}

impl Timer {
    fn stop(&mut self) {
        self.state = None;
    }

    /// Ready when `timeout` has passed since `state` began.
    fn poll(
        &mut self,
        state: ConnectionState,
        timeout: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<io::Error> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(Instant::now())));
        if self.state != Some(state) {
            self.state = Some(state);
            sleep.as_mut().reset(Instant::now() + timeout);
        }
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}
