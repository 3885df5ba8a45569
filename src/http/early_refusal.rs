use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::probes::is_probe;
use crate::config::excerpt;

/// Request extension: why the connection refuses the request, whatever its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EarlyRefusal {
    /// The connection is beyond the limit. Health probes are answered all the same.
    OverConnectionLimit,
    /// HTTP/1.1 needs exactly one `Host` header, with a host (RFC 9112, 3.2). With two, a proxy in
    /// front and this server may mean different hosts.
    Host,
}

impl EarlyRefusal {
    /// Whether `request` is refused.
    pub(super) fn of<B>(request: &axum::http::Request<B>, is_over_limit: bool) -> Option<Self> {
        let may_miss = request.version() < Version::HTTP_11;
        let hosts: Vec<&HeaderValue> = request.headers().get_all(header::HOST).iter().collect();
        let is_valid = match hosts.as_slice() {
            [] => may_miss,
            [host] => is_host(host),
            _ => false,
        };
        if !is_valid {
            return Some(Self::Host);
        }
        is_over_limit.then_some(Self::OverConnectionLimit)
    }
}

/// Whether `value` is a host with or without a port, or empty.
fn is_host(value: &HeaderValue) -> bool {
    let text = value.as_bytes();
    text.is_empty() || (Authority::try_from(text).is_ok() && !text.contains(&b'@'))
}

/// Middleware: answers a request that its connection refuses.
pub(super) async fn refuse_early(request: Request, next: Next) -> Response {
    match request.extensions().get() {
        Some(EarlyRefusal::OverConnectionLimit) if !is_probe(request.uri().path()) => {
            HttpError::TooManyConnections.into_response()
        }
        Some(EarlyRefusal::Host) => {
            let hosts = request.headers().get_all(header::HOST).iter();
            let given = hosts.map(|host| excerpt(&String::from_utf8_lossy(host.as_bytes())));
            let mut response = HttpError::Host { given: given.collect() }.into_response();
            // What follows on this connection cannot be trusted.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            response
        }
        _ => next.run(request).await,
    }
}
