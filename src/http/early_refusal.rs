use axum::extract::Request;
use axum::http::{HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::probes::is_probe;

/// Request extension: why the connection refuses the request, whatever its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EarlyRefusal {
    /// The connection is beyond the limit. Health probes are answered all the same.
    OverConnectionLimit,
    /// HTTP/1.1 needs exactly one `Host` header (RFC 9112, 3.2). With two, a proxy in front and
    /// this server may mean different hosts.
    Host {
        /// How many the request has.
        count: usize,
    },
}

impl EarlyRefusal {
    /// Whether `request` is refused.
    pub(super) fn of<B>(request: &axum::http::Request<B>, is_over_limit: bool) -> Option<Self> {
        let count = request.headers().get_all(header::HOST).iter().count();
        let may_miss = request.version() < Version::HTTP_11;
        match count {
            0 if !may_miss => Some(Self::Host { count }),
            2.. => Some(Self::Host { count }),
            _ => is_over_limit.then_some(Self::OverConnectionLimit),
        }
    }
}

/// Middleware: answers a request that its connection refuses.
pub(super) async fn refuse_early(request: Request, next: Next) -> Response {
    match request.extensions().get() {
        Some(EarlyRefusal::OverConnectionLimit) if !is_probe(request.uri().path()) => {
            HttpError::TooManyConnections.into_response()
        }
        Some(&EarlyRefusal::Host { count }) => {
            let mut response = HttpError::Host { count }.into_response();
            // What follows on this connection cannot be trusted.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            response
        }
        _ => next.run(request).await,
    }
}
