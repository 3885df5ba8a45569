use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};

use super::HttpError;
use super::answering::use_case;
use super::app::App;
use super::connections::Crowded;
use super::error::complete;
use super::leftover::read_leftovers;
use super::page;
use super::submission::query;
use crate::runtime::{Stop, WorkError};
use crate::service::{
    Activations, GradCam, GradientRequest, Predict, ServiceError, UseCase, model_description,
    model_list,
};

const OPENAPI: &str = include_str!("../../openapi.yaml");

/// What a balancer asks; answered whatever else is refused.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Every route, as it is served.
pub fn router(app: Arc<App>) -> Router {
    dressed(app, routes())
}

/// A use case as a route of its own.
pub fn answering<U: UseCase>() -> MethodRouter<Arc<App>> {
    post(use_case::<U>)
}

fn routes() -> Router<Arc<App>> {
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
}

/// `routes` with what every answer has: request id, log line, problems written out, limits kept.
pub fn dressed(app: Arc<App>, routes: Router<Arc<App>>) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    routes
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(refuse_crowd))
        .layer(middleware::from_fn(finish))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .layer(middleware::from_fn(drop_odd_request_id))
        .layer(middleware::from_fn(read_leftovers))
        .with_state(app)
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

/// A connection beyond the limit gets no answer but to probes.
async fn refuse_crowd(request: Request, next: Next) -> Response {
    let is_crowded = request.extensions().get::<Crowded>().is_some();
    if is_crowded && !PROBES.contains(&request.uri().path()) {
        return HttpError::Crowded.into_response();
    }
    next.run(request).await
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
