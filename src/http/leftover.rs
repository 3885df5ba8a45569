use std::convert::Infallible;
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

/// How long the rest of a body is read that nobody wants.
const TIME: Duration = Duration::from_secs(5);
/// How many bytes of it.
const BYTES: u64 = 32 << 20;

/// Reads what an early answer has left of the request's body.
///
/// An answer given before the body is read (a full queue, a missing key) would otherwise be lost:
/// the kernel resets a connection that is closed with bytes unread, and the caller, still sending,
/// sees a broken connection where it should see a 503.
pub(super) async fn read_leftovers(request: Request, next: Next) -> Response {
    // Who waits for a 100 before it sends the body sends none after another answer.
    if request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let request = request.map(|body| Body::new(Lingering { body: Some(body) }));
    next.run(request).await
}

/// A body of which the rest is read when it is dropped.
struct Lingering {
    body: Option<Body>,
}

impl HttpBody for Lingering {
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

impl Drop for Lingering {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(async { tokio::time::timeout(TIME, discard(rest)).await });
        }
    }
}

async fn discard(mut body: Body) -> Result<(), Infallible> {
    let mut left = BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        left = left.saturating_sub(length);
        if left == 0 {
            break;
        }
    }
    Ok(())
}
