use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::probes::is_probe;

/// Request extension: the request came over a connection beyond the limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct OverConnectionLimit;

/// Middleware: on a connection beyond the limit, answers health probes only.
pub(super) async fn refuse_over_connection_limit(request: Request, next: Next) -> Response {
    let is_over_limit = request.extensions().get::<OverConnectionLimit>().is_some();
    if is_over_limit && !is_probe(request.uri().path()) {
        return HttpError::TooManyConnections.into_response();
    }
    next.run(request).await
}
