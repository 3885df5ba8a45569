use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionState {
    /// It waits for the headers of a request to be complete. A new connection starts here.
    ReadingHeaders,
    /// It waits for the first byte of the next request.
    Idle,
    /// The server reads a request's body, computes or sends the answer.
    Processing,
}

/// The state of one connection, shared by its stream and its requests. Only the stream sees when
/// bytes arrive, and only the requests know when one has been answered.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedConnectionState(Arc<AtomicU8>);

const READING_HEADERS: u8 = 0;
const IDLE: u8 = 1;
const PROCESSING: u8 = 2;

impl SharedConnectionState {
    pub(super) fn get(&self) -> ConnectionState {
        match self.0.load(Ordering::Relaxed) {
            READING_HEADERS => ConnectionState::ReadingHeaders,
            IDLE => ConnectionState::Idle,
            _ => ConnectionState::Processing,
        }
    }

    /// Bytes have arrived: an idle connection now reads headers.
    pub(super) fn bytes_arrived(&self) {
        let (from, to) = (IDLE, READING_HEADERS);
        // It fails in the other two states, which bytes do not change.
        let _ = self.0.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The headers of a request are complete. The connection is idle when the returned guard is
    /// dropped.
    pub(super) fn begin_request(&self) -> RequestGuard {
        self.0.store(PROCESSING, Ordering::Relaxed);
        RequestGuard(self.clone())
    }
}

/// Exists while a request is processed, until its answer has been sent.
#[derive(Debug)]
pub(super) struct RequestGuard(SharedConnectionState);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.0.store(IDLE, Ordering::Relaxed);
    }
}
