use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};

use super::HttpError;
use super::accept::negotiate;
use super::error::complete;
use super::page;
use super::submission::{Submission, query};
use crate::runtime::{Stop, WorkError, Workers};
use crate::service::{
    Activations, Answer, Desk, GradCam, GradientRequest, Predict, ServiceError, UseCase,
    model_description, model_list,
};

/// What every request shares.
#[derive(Debug)]
pub struct App {
    /// What every use case works with.
    pub desk: Desk,
    /// The threads that do the work.
    pub workers: Workers,
}

impl App {
    /// When a request that comes now has taken too long.
    fn deadline(&self) -> Stop {
        Stop::at(Instant::now() + Duration::from_secs(self.desk.limits.request_seconds))
    }
}

const OPENAPI: &str = include_str!("../../openapi.yaml");

/// Every route.
pub fn router(app: Arc<App>) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    Router::new()
        .route("/activations", post(use_case::<Activations>))
        .route("/gradcam", post(use_case::<GradCam>))
        .route("/predict", post(use_case::<Predict>))
        .route("/models", get(models))
        .route("/models/{model}/gradient", get(gradient))
        .route("/models/{model}", get(model))
        .route("/", get(page::index))
        .route("/docs", get(page::docs))
        .route("/openapi.yaml", get(openapi))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async || "ready\n"))
        .merge(page::files())
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(finish))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .layer(middleware::from_fn(drop_odd_request_id))
        .with_state(app)
}

/// Answers requests from `listener` until `shutdown` is done, then those under way.
///
/// # Errors
/// The operating system's.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(app)).with_graceful_shutdown(shutdown).await
}

/// Any use case: a picture and parameters in, a file out.
async fn use_case<U: UseCase>(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, HttpError> {
    let form = negotiate(request.headers(), U::FORMS)?;
    let permit = app.workers.admit()?;
    let limits = &app.desk.limits;
    let (seconds, stop) = (limits.request_seconds, app.deadline());
    let time = Duration::from_secs(seconds);
    // The permit is held meanwhile: who sends slowly must not keep others out for ever.
    let submission = tokio::time::timeout(time, Submission::read(request, limits.body_bytes))
        .await
        .map_err(|_| HttpError::SlowBody { seconds })??;
    let shared = Arc::clone(&app);
    let work = move |stop: &Stop| {
        // A refusal may say which layers can be explained, which is work too.
        let checked = U::check(&submission.parameters, &shared.desk)?;
        checked.answer(&submission.image, form, &shared.desk, stop)
    };
    let answer = app.workers.run(permit, stop, work).await??;
    Ok(respond(answer))
}

/// The file, with what the caller should know beside it in headers.
fn respond(answer: Answer) -> Response {
    let mut headers = HeaderMap::new();
    let media_type = HeaderValue::from_static(answer.form.media_type());
    headers.insert(header::CONTENT_TYPE, media_type);
    for (name, value) in &answer.notes {
        let name = HeaderName::from_bytes(format!("convscope-{name}").as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&answer.stages.to_string()) {
        headers.insert("server-timing", value);
    }
    (headers, answer.body).into_response()
}

/// For routes that take no parameter.
fn refuse_parameters(uri: &Uri) -> Result<(), HttpError> {
    Ok(query(uri.query())?.check(&[]).map_err(ServiceError::from)?)
}

async fn models(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, HttpError> {
    refuse_parameters(&uri)?;
    Ok(axum::Json(model_list(&app.desk.library)).into_response())
}

async fn model(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, HttpError> {
    refuse_parameters(&uri)?;
    let classifier = app.desk.library.get(Some(&name))?;
    Ok(axum::Json(model_description(classifier)).into_response())
}

/// The derived gradient graph as an ONNX file.
async fn gradient(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, HttpError> {
    let parameters = query(uri.query())?;
    let classifier = Arc::clone(app.desk.library.get(Some(&name))?);
    let permit = app.workers.admit()?;
    let work = move |_: &Stop| GradientRequest::check(&parameters, classifier)?.file();
    let file = app.workers.run(permit, app.deadline(), work).await??;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"gradient.onnx\""),
    ];
    Ok((headers, file).into_response())
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/yaml")], OPENAPI).into_response()
}

async fn no_route(uri: Uri) -> HttpError {
    HttpError::NoRoute { path: uri.path().to_owned() }
}

async fn wrong_method(method: Method, uri: Uri) -> HttpError {
    HttpError::Method { path: uri.path().to_owned(), method: method.to_string() }
}

/// A panic in a handler, which should not be: the caller gets a problem answer all the same.
fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    HttpError::Work(WorkError::Panicked("handler".to_owned())).into_response()
}

/// Writes problems out and adds the headers that every answer has.
async fn finish(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok()).map(str::to_owned);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = Instant::now();
    let mut response = complete(next.run(request).await, id.clone());
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let status = response.status().as_u16();
    tracing::info!(%method, path, status, milliseconds, id, "request");
    response
}

/// A caller's request id is kept where it is plain and short; anything else is replaced.
async fn drop_odd_request_id(mut request: Request, next: Next) -> Response {
    let plain = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        let symbols = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        (1..=128).contains(&bytes.len()) && bytes.iter().all(symbols)
    };
    if request.headers().get("x-request-id").is_some_and(|value| !plain(value)) {
        request.headers_mut().remove("x-request-id");
    }
    next.run(request).await
}
