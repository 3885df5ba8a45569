use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::runtime::Handle;

/// The longest time for which the rest of a request body is read and discarded, and the longest
/// time to wait for its next bytes. They are nginx's.
const TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes that are read and discarded.
const MAX_BYTES: u64 = 32 << 20;

/// Middleware: reads and discards the rest of the request body after an early answer, as nginx does
/// with `lingering_close`.
///
/// Without it, an answer that is sent before the body is read (a full queue, a missing key) would
/// be lost. The kernel resets a connection that is closed with unread bytes. The caller, which is
/// still sending, would then see a broken connection instead of the 503.
pub(super) async fn lingering_close(request: Request, next: Next) -> Response {
    // A caller that waits for `100 Continue` sends no body after any other answer.
    if request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let request = request.map(|body| Body::new(LingeringBody { body: Some(body) }));
    next.run(request).await
}

/// A body whose rest is read and discarded when it is dropped.
struct LingeringBody {
    body: Option<Body>,
}

impl HttpBody for LingeringBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(async { tokio::time::timeout(TIMEOUT, discard(rest)).await });
        }
    }
}

/// Reads `body` to its end, at most [`MAX_BYTES`], for as long as bytes arrive.
async fn discard(mut body: Body) {
    let mut left = MAX_BYTES;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(IDLE_TIMEOUT, body.frame()).await {
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        left = left.saturating_sub(length);
        if left == 0 {
            break;
        }
    }
}
