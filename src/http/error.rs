use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::{Cause, Problem};
use crate::config::{ParameterError, Seconds};
use crate::preprocess::PictureError;
use crate::render::RenderError;
use crate::runtime::{Interrupted, QueueFull, RuntimeError, WorkError};
use crate::service::ServiceError;

/// Why a request failed. This is the one place where an error gets its HTTP status.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An error of the use case.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The queue is full.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The worker did not finish the computation.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// No route has this path.
    #[error("no route matches {path}; GET /openapi.yaml describes all routes")]
    NoRoute {
        /// The path of the request.
        path: String,
    },
    /// The route does not have this method.
    #[error("{method} is not allowed on {path}; the Allow header lists the methods that are")]
    MethodNotAllowed {
        /// The path.
        path: String,
        /// The method of the request.
        method: String,
    },
    /// The `Accept` header excludes every media type of the route.
    #[error("the Accept header accepts none of {}", .offered.join(", "))]
    NotAcceptable {
        /// The media types that the route can send.
        offered: Vec<&'static str>,
    },
    /// The content type is not supported.
    #[error(
        "the content type {given:?} is not supported; send multipart/form-data with a part named \
         image (curl -F image=@photo.jpg), the picture itself as image/* or \
         application/octet-stream, or application/json with the picture as base64 under image"
    )]
    ContentType {
        /// The content type of the request.
        given: String,
    },
    /// The body is compressed.
    #[error("the content encoding {given:?} is not supported; send the body uncompressed")]
    ContentEncoding {
        /// The content encoding of the request.
        given: String,
    },
    /// The body is larger than the limit.
    #[error("the body is larger than {limit} bytes; send a smaller picture")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive within {seconds} seconds; send it again or make it smaller")]
    SlowBody {
        /// The timeout.
        seconds: Seconds,
    },
    /// The limit of slow bodies is reached.
    #[error(
        "{limit} bodies are arriving slowly, which is the limit; try again in a moment or send \
         faster"
    )]
    TooManySlowBodies {
        /// The limit.
        limit: u32,
    },
    /// The models are still loading.
    #[error("the models are still loading; try again in a moment")]
    Loading,
    /// The server is shutting down.
    #[error("the server is shutting down; ask another server")]
    Draining,
    /// The API key is missing or wrong.
    #[error(
        "this route needs a valid API key; send it as Authorization: Bearer KEY or as X-API-Key: \
         KEY"
    )]
    Unauthorized,
    /// The limit of connections is reached.
    #[error("too many connections are open; try again in a moment")]
    TooManyConnections,
    /// The limit of unread bytes is reached.
    #[error(
        "clients have not read finished answers of {limit} bytes yet, which is the limit; try \
         again in a moment"
    )]
    TooManyUnreadBytes {
        /// The limit in bytes.
        limit: u64,
    },
    /// The request does not have exactly one `Host` header with a host.
    #[error("the request has the Host headers {given:?}; send exactly one, such as localhost:8080")]
    Host {
        /// Those that it has.
        given: Vec<String>,
    },
    /// The body could not be read to its end.
    #[error("the body could not be read: {0}")]
    UnreadableBody(String),
    /// The caller closed the connection before the end of the body.
    #[error("the body could not be read: the connection was closed before its end")]
    AbortedBody,
    /// The request has more pictures than the limit.
    #[error(
        "the request has {given} pictures, but at most {limit} are allowed; send several requests"
    )]
    TooManyPictures {
        /// How many pictures the request has.
        given: usize,
        /// The limit.
        limit: usize,
    },
    /// An error of one of several pictures.
    #[error("instance {index}: {error}")]
    Instance {
        /// The position of the picture, from 0.
        index: usize,
        /// Its error.
        error: Box<HttpError>,
    },
    /// The request has no picture.
    #[error("the request has no picture: {0}")]
    NoImage(&'static str),
    /// The form has more than one picture.
    #[error("the form has several parts named image; send one picture per request")]
    SeveralImages,
    /// The body is not JSON of the expected shape.
    #[error("{0}")]
    InvalidJson(String),
    /// The binary data of a tensor are not as the request describes them.
    #[error("{0}")]
    InvalidTensor(String),
}

impl From<ParameterError> for HttpError {
    fn from(error: ParameterError) -> Self {
        ServiceError::from(error).into()
    }
}

impl HttpError {
    /// The value of `Retry-After` in seconds.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::QueueFull(busy) => Some(busy.retry_after.as_secs()),
            Self::TooManySlowBodies { .. }
            | Self::TooManyUnreadBytes { .. }
            | Self::TooManyConnections
            | Self::Loading => Some(1),
            _ => None,
        }
    }

    /// This error as that of the picture at position `index`.
    pub(super) fn of_instance(self, index: usize) -> Self {
        Self::Instance { index, error: Box::new(self) }
    }

    /// The problem details. An internal error goes to the log, and its cause stays out of the
    /// answer.
    pub(super) fn problem(&self) -> Problem {
        let (status, code) = self.kind();
        let detail = if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %self, "internal error");
            "internal server error; the server's log has the cause under this request id".to_owned()
        } else {
            self.to_string()
        };
        let cause = match self {
            Self::Work(WorkError::Panicked(_)) => Cause::Panic,
            Self::AbortedBody => Cause::Abort,
            _ => Cause::Other,
        };
        Problem::new(status, code, detail, cause)
    }

    /// The status and the stable code.
    fn kind(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Service(error) => service_kind(error),
            Self::QueueFull(_)
            | Self::TooManySlowBodies { .. }
            | Self::TooManyUnreadBytes { .. } => (S::SERVICE_UNAVAILABLE, "busy"),
            Self::Loading => (S::SERVICE_UNAVAILABLE, "loading"),
            Self::Draining => (S::SERVICE_UNAVAILABLE, "shutting-down"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized"),
            Self::TooManyConnections => (S::SERVICE_UNAVAILABLE, "too-many-connections"),
            Self::Work(WorkError::Panicked(_)) => (S::INTERNAL_SERVER_ERROR, "internal"),
            Self::Work(WorkError::Interrupted(Interrupted::DeadlineExceeded)) => {
                (S::SERVICE_UNAVAILABLE, "deadline-passed")
            }
            Self::Work(WorkError::Interrupted(Interrupted::Cancelled)) => {
                (S::SERVICE_UNAVAILABLE, "cancelled")
            }
            Self::Work(WorkError::Gone) => (S::SERVICE_UNAVAILABLE, "shutting-down"),
            Self::NoRoute { .. } => (S::NOT_FOUND, "no-such-route"),
            Self::MethodNotAllowed { .. } => (S::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::NotAcceptable { .. } => (S::NOT_ACCEPTABLE, "not-acceptable"),
            Self::ContentType { .. } => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-content-type"),
            Self::ContentEncoding { .. } => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-content-encoding")
            }
            Self::BodyTooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "body-too-large"),
            Self::SlowBody { .. } => (S::REQUEST_TIMEOUT, "slow-body"),
            Self::Host { .. } => (S::BAD_REQUEST, "invalid-host"),
            Self::UnreadableBody(_) | Self::AbortedBody => (S::BAD_REQUEST, "unreadable-body"),
            Self::TooManyPictures { .. } => (S::UNPROCESSABLE_ENTITY, "too-many-pictures"),
            Self::Instance { error, .. } => error.kind(),
            Self::NoImage(_) => (S::BAD_REQUEST, "no-image"),
            Self::SeveralImages => (S::BAD_REQUEST, "several-images"),
            Self::InvalidJson(_) => (S::BAD_REQUEST, "invalid-json"),
            Self::InvalidTensor(_) => (S::BAD_REQUEST, "invalid-tensor"),
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
        ServiceError::Parameter(
            ParameterError::Invalid { .. } | ParameterError::TooLong { .. },
        ) => (S::BAD_REQUEST, "invalid-parameter"),
        ServiceError::Parameter(ParameterError::TooMany) => (S::BAD_REQUEST, "too-many-values"),
        ServiceError::UnknownModel { .. } => (S::NOT_FOUND, "unknown-model"),
        ServiceError::NoModelNamed { .. } => (S::BAD_REQUEST, "no-model-named"),
        ServiceError::UnknownLayer { .. } => (S::UNPROCESSABLE_ENTITY, "unknown-layer"),
        ServiceError::UnknownChannel { .. } => (S::UNPROCESSABLE_ENTITY, "unknown-channel"),
        ServiceError::NotAPicture { .. } => (S::UNPROCESSABLE_ENTITY, "not-a-picture"),
        ServiceError::UnknownClass { .. } => (S::UNPROCESSABLE_ENTITY, "unknown-class"),
        ServiceError::AmbiguousClass { .. } => (S::UNPROCESSABLE_ENTITY, "ambiguous-class"),
        ServiceError::NotExplainable { .. }
        | ServiceError::NoExplainableLayer
        | ServiceError::RulesRefused { .. }
        | ServiceError::UnsuitableLayer(_) => (S::UNPROCESSABLE_ENTITY, "not-explainable"),
        ServiceError::TooManyClasses { .. } => (S::UNPROCESSABLE_ENTITY, "too-many-classes"),
        ServiceError::TooManyPasses { .. } | ServiceError::TooSlow(_) => {
            (S::UNPROCESSABLE_ENTITY, "too-many-passes")
        }
        ServiceError::UnknownMethod(_) => (S::BAD_REQUEST, "unknown-method"),
        ServiceError::NotFinite(_) => (S::UNPROCESSABLE_ENTITY, "not-finite"),
        ServiceError::TooManyLayers { .. } => (S::UNPROCESSABLE_ENTITY, "too-many-layers"),
        ServiceError::AnswerTooLarge { .. } => (S::UNPROCESSABLE_ENTITY, "answer-too-large"),
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
        RenderError::Nothing | RenderError::NoCurves => {
            (StatusCode::UNPROCESSABLE_ENTITY, "nothing-to-draw")
        }
        RenderError::Encode(_) | RenderError::Plot(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "internal")
        }
    }
}

impl IntoResponse for HttpError {
    /// A response without a body that carries the problem as an extension. The middleware
    /// `write_problems` adds the request id and writes the body.
    fn into_response(self) -> Response {
        let (status, _) = self.kind();
        let mut response = status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"convscope\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self.problem());
        response
    }
}
