use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::config::{ParameterError, Seconds};
use crate::preprocess::PictureError;
use crate::render::RenderError;
use crate::runtime::{Interrupted, QueueFull, RuntimeError, WorkError};
use crate::service::ServiceError;

/// Why a request gets no answer. The one place where an error meets its status.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// What the use case said.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The queue is full.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The work gave no answer.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// No such route.
    #[error("there is nothing at {path}; GET /openapi.yaml describes what there is")]
    NoRoute {
        /// The path that was asked for.
        path: String,
    },
    /// The route has other methods.
    #[error("{path} does not answer {method}; see the Allow header")]
    Method {
        /// The path.
        path: String,
        /// The method that was used.
        method: String,
    },
    /// None of the answer's forms is accepted.
    #[error("the Accept header takes none of {}", .offered.join(", "))]
    NotAcceptable {
        /// The media types there are.
        offered: Vec<&'static str>,
    },
    /// The body is of a type that is not read.
    #[error(
        "a body of type {given:?} is not read; send multipart/form-data with a part named image \
         (curl -F image=@photo.jpg), the picture itself as image/* or application/octet-stream, \
         or application/json with the picture as base64 under image"
    )]
    ContentType {
        /// The type that was sent.
        given: String,
    },
    /// The body is compressed.
    #[error("content-encoding {given:?} is not read; send the body as it is")]
    ContentEncoding {
        /// The encoding that was sent.
        given: String,
    },
    /// The body is larger than the limit.
    #[error("the body is larger than {limit} bytes; send a smaller picture")]
    BodyTooLarge {
        /// The most bytes that are read.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error(
        "the body did not arrive within {seconds} seconds; send it again, or a smaller picture"
    )]
    SlowBody {
        /// How long it was waited for.
        seconds: Seconds,
    },
    /// Too many bodies arrive slowly already.
    #[error("{limit} bodies arrive slowly already; ask again in a moment, or send faster")]
    SlowBodies {
        /// How many may.
        limit: u32,
    },
    /// The models are not loaded yet.
    #[error("the models are being loaded; ask again in a moment")]
    Loading,
    /// The server is about to end.
    #[error("the server is about to end; ask another")]
    Draining,
    /// The request has no key, or a wrong one.
    #[error(
        "this needs a key that the server knows: send it as Authorization: Bearer KEY, or as X-API-Key"
    )]
    Unauthorized,
    /// Too many connections are open.
    #[error("too many connections are open; ask again in a moment")]
    Crowded,
    /// The body could not be read to its end.
    #[error("the body could not be read: {0}")]
    Body(String),
    /// More pictures than one request may hold.
    #[error("there are {given} pictures, at most {limit} fit one request: ask in several")]
    TooManyPictures {
        /// How many were sent.
        given: usize,
        /// The most that are taken.
        limit: usize,
    },
    /// Something is wrong with one of several pictures.
    #[error("instance {index}: {error}")]
    Instance {
        /// Which of them, from 0.
        index: usize,
        /// What is wrong.
        error: Box<HttpError>,
    },
    /// There is no picture in the request.
    #[error("there is no picture: {0}")]
    NoImage(&'static str),
    /// There is more than one picture.
    #[error("there are several parts named image; send one picture a request")]
    SeveralImages,
    /// The body is not the JSON that is expected.
    #[error("{0}")]
    Json(String),
    /// The query string cannot be read.
    #[error("the query string cannot be read: {0}")]
    Query(String),
}

/// RFC 9457.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    /// Stable, for programs.
    code: &'static str,
    /// For people: what is wrong and what to do.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl HttpError {
    /// Seconds after which the caller should come back.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::QueueFull(busy) => Some(busy.retry_after.as_secs()),
            Self::SlowBodies { .. } | Self::Crowded | Self::Loading => Some(1),
            _ => None,
        }
    }

    /// The same, of the picture `index` of several.
    pub(super) fn of_instance(self, index: usize) -> Self {
        Self::Instance { index, error: Box::new(self) }
    }

    /// Status and stable code.
    pub(super) fn kind(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Service(error) => service_kind(error),
            Self::QueueFull(_) | Self::SlowBodies { .. } => (S::SERVICE_UNAVAILABLE, "busy"),
            Self::Loading => (S::SERVICE_UNAVAILABLE, "loading"),
            Self::Draining => (S::SERVICE_UNAVAILABLE, "shutting-down"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized"),
            Self::Crowded => (S::SERVICE_UNAVAILABLE, "too-many-connections"),
            Self::Work(WorkError::Panicked(_)) => (S::INTERNAL_SERVER_ERROR, "internal"),
            Self::Work(WorkError::Interrupted(Interrupted::DeadlineExceeded)) => {
                (S::SERVICE_UNAVAILABLE, "deadline-passed")
            }
            Self::Work(WorkError::Interrupted(Interrupted::Cancelled)) => {
                (S::SERVICE_UNAVAILABLE, "cancelled")
            }
            Self::Work(WorkError::Gone) => (S::SERVICE_UNAVAILABLE, "shutting-down"),
            Self::NoRoute { .. } => (S::NOT_FOUND, "no-such-route"),
            Self::Method { .. } => (S::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::NotAcceptable { .. } => (S::NOT_ACCEPTABLE, "not-acceptable"),
            Self::ContentType { .. } => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-content-type"),
            Self::ContentEncoding { .. } => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-content-encoding")
            }
            Self::BodyTooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "body-too-large"),
            Self::SlowBody { .. } => (S::REQUEST_TIMEOUT, "slow-body"),
            Self::Body(_) => (S::BAD_REQUEST, "unreadable-body"),
            Self::TooManyPictures { .. } => (S::UNPROCESSABLE_ENTITY, "too-many-pictures"),
            Self::Instance { error, .. } => error.kind(),
            Self::NoImage(_) => (S::BAD_REQUEST, "no-image"),
            Self::SeveralImages => (S::BAD_REQUEST, "several-images"),
            Self::Json(_) => (S::BAD_REQUEST, "invalid-json"),
            Self::Query(_) => (S::BAD_REQUEST, "invalid-query"),
        }
    }
}

fn service_kind(error: &ServiceError) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match error {
        ServiceError::Parameter(ParameterError::Unknown { .. }) => {
            (S::BAD_REQUEST, "unknown-parameter")
        }
        ServiceError::Parameter(ParameterError::Repeated { .. }) => {
            (S::BAD_REQUEST, "repeated-parameter")
        }
        ServiceError::Parameter(ParameterError::Invalid { .. }) => {
            (S::BAD_REQUEST, "invalid-parameter")
        }
        ServiceError::UnknownModel { .. } => (S::NOT_FOUND, "unknown-model"),
        ServiceError::NoModelNamed { .. } => (S::BAD_REQUEST, "no-model-named"),
        ServiceError::UnknownLayer { .. } => (S::UNPROCESSABLE_ENTITY, "unknown-layer"),
        ServiceError::UnknownChannel { .. } => (S::UNPROCESSABLE_ENTITY, "unknown-channel"),
        ServiceError::NotAPicture { .. } => (S::UNPROCESSABLE_ENTITY, "not-a-picture"),
        ServiceError::UnknownClass { .. } => (S::UNPROCESSABLE_ENTITY, "unknown-class"),
        ServiceError::AmbiguousClass { .. } => (S::UNPROCESSABLE_ENTITY, "ambiguous-class"),
        ServiceError::NotExplainable { .. } => (S::UNPROCESSABLE_ENTITY, "not-explainable"),
        ServiceError::TooManyClasses { .. } => (S::UNPROCESSABLE_ENTITY, "too-many-classes"),
        ServiceError::TooManyPasses { .. } => (S::UNPROCESSABLE_ENTITY, "too-many-passes"),
        ServiceError::UnknownMethod(_) => (S::BAD_REQUEST, "unknown-method"),
        ServiceError::NotFinite(_) => (S::UNPROCESSABLE_ENTITY, "not-finite"),
        ServiceError::TooManyLayers { .. } => (S::UNPROCESSABLE_ENTITY, "too-many-layers"),
        ServiceError::Picture(error) => picture_kind(error),
        ServiceError::Render(error) => render_kind(error),
        ServiceError::Runtime(RuntimeError::Interrupted(Interrupted::DeadlineExceeded)) => {
            (S::SERVICE_UNAVAILABLE, "deadline-passed")
        }
        ServiceError::Runtime(RuntimeError::Interrupted(Interrupted::Cancelled)) => {
            (S::SERVICE_UNAVAILABLE, "cancelled")
        }
        ServiceError::Runtime(_) | ServiceError::Internal(_) => {
            (S::INTERNAL_SERVER_ERROR, "internal")
        }
    }
}

fn picture_kind(error: &PictureError) -> (StatusCode, &'static str) {
    let status = match error {
        PictureError::Empty => StatusCode::BAD_REQUEST,
        PictureError::UnknownFormat { .. } | PictureError::UnsupportedFeature { .. } => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        PictureError::TooManyPixels { .. }
        | PictureError::TooLargeSide { .. }
        | PictureError::TooMuchMemory { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        PictureError::Broken { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    };
    (status, error.kind())
}

fn render_kind(error: &RenderError) -> (StatusCode, &'static str) {
    match error {
        RenderError::TooLarge { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "answer-too-large"),
        RenderError::Nothing => (StatusCode::UNPROCESSABLE_ENTITY, "nothing-to-draw"),
        RenderError::Encode(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

impl IntoResponse for HttpError {
    /// The problem travels as an extension; `complete` writes it out with the request's id.
    fn into_response(self) -> Response {
        let ((status, code), retry_after) = (self.kind(), self.retry_after());
        let detail = if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %self, "internal error");
            "something went wrong on our side; the log has the cause under the request id"
                .to_owned()
        } else {
            self.to_string()
        };
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail,
            request_id: None,
        };
        let mut response = status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"convscope\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        if matches!(self, Self::Work(WorkError::Panicked(_))) {
            response.extensions_mut().insert(Panicked);
        }
        response.extensions_mut().insert(problem);
        response
    }
}

/// Marks the answer to work that panicked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panicked;

/// The stable code of a problem that is yet to be written out.
pub(super) fn problem_code(response: &Response) -> Option<&'static str> {
    response.extensions().get::<Problem>().map(|problem| problem.code)
}

/// Writes a problem out, with the request's id.
pub(super) fn complete(mut response: Response, request_id: Option<String>) -> Response {
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else { return response };
    problem.request_id = request_id;
    let body = Json(problem).into_response().into_body();
    let (mut parts, _) = response.into_parts();
    let media_type = HeaderValue::from_static("application/problem+json");
    parts.headers.insert(header::CONTENT_TYPE, media_type);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, body)
}
