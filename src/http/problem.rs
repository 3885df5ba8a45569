use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::kserve;
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

/// The body of an error answer of KServe's protocols. They want the message under `error`; the
/// members of the problem details are added to it.
#[derive(Debug, Serialize)]
struct KserveError {
    error: String,
    #[serde(flatten)]
    problem: Problem,
}

/// Middleware: writes the [`Problem`] that a response carries as an extension into its body.
pub(super) async fn write_problems(request: Request, next: Next) -> Response {
    let request_id = request_id(request.extensions());
    let is_kserve = kserve::is_kserve(request.uri().path());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let problem = problem.with_request_id(request_id);
    let (body, media_type) = if is_kserve {
        // KServe's client shows the message only of an answer of exactly this type.
        let error = KserveError { error: problem.detail.clone(), problem };
        (Json(error).into_response().into_body(), "application/json")
    } else {
        (Json(problem).into_response().into_body(), "application/problem+json")
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, body)
}
