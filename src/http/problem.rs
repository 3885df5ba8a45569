use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::request_id::request_id;

/// The body of an error answer: problem details as in RFC 9457.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    /// Stable, for programs.
    pub(super) code: &'static str,
    /// What is wrong and how to fix it, for people.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// What log and metrics tell apart.
    #[serde(skip)]
    pub(super) cause: Cause,
}

/// What caused a problem, as far as log and metrics tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A computation panicked.
    Panic,
    /// The caller went away while it sent the request.
    Abort,
    /// Everything else.
    Other,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        detail: String,
        cause: Cause,
    ) -> Self {
        Self {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail,
            request_id: None,
            cause,
        }
    }

    /// The same problem with the id of the request that caused it.
    pub(super) fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.request_id = request_id;
        self
    }
}

/// Middleware: writes the [`Problem`] that a response carries as an extension into its body.
pub(super) async fn write_problems(request: Request, next: Next) -> Response {
    let request_id = request_id(request.extensions());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let body = Json(problem.with_request_id(request_id)).into_response().into_body();
    let (mut parts, _) = response.into_parts();
    let media_type = HeaderValue::from_static("application/problem+json");
    parts.headers.insert(header::CONTENT_TYPE, media_type);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, body)
}
