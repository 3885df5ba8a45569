use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::connection_state::RequestGuard;
use super::unread_bytes::{Unread, UnreadBytes};

/// The body of an answer. Its bytes count as unread until the connection has written them.
///
/// hyper drops a body as soon as it has taken the last bytes, long before these are written. So the
/// count belongs to the bytes: it ends when the memory is freed.
pub(super) struct AnswerBody {
    body: Body,
    /// None where the bytes do not count.
    unread: Option<UnreadBytes>,
    /// The bytes of a body of known length, until it gives them.
    waiting: Option<Unread>,
    _guard: RequestGuard,
}

impl AnswerBody {
    pub(super) fn new(body: Body, unread: Option<UnreadBytes>, guard: RequestGuard) -> Self {
        let waiting = unread.as_ref().zip(body.size_hint().exact());
        let waiting = waiting.map(|(unread, bytes)| unread.add(bytes));
        Self { body, unread, waiting, _guard: guard }
    }

    /// The same bytes, counted as unread until they are dropped.
    fn counted(&mut self, bytes: Bytes) -> Bytes {
        let Some(unread) = &self.unread else { return bytes };
        let length = bytes.len() as u64;
        let waiting = self.waiting.take().filter(|waiting| waiting.bytes == length);
        let _unread = waiting.unwrap_or_else(|| unread.add(length));
        Bytes::from_owner(CountedBytes { bytes, _unread })
    }
}

struct CountedBytes {
    bytes: Bytes,
    _unread: Unread,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map_ok(|frame| frame.map_data(|bytes| self.counted(bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
