use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};

use super::HttpError;
use super::access::require_key;
use super::answering::use_case;
use super::app::AppState;
use super::connections::Crowded;
use super::info::{info, metrics, readyz};
use super::kserve;
use super::leftover::read_leftovers;
use super::observe::observe;
use super::page;
use super::path_name::PathName;
use super::random_id::RandomId;
use super::submission::query;
use crate::runtime::{CancellationToken, WorkError};
use crate::service::{
    Activations, Classifier, Explain, GradCam, GradientFile, PictureFile, Predict, ServiceError,
    UseCase, method_list, model_description, model_list,
};

const OPENAPI: &str = include_str!("../../openapi.yaml");

/// What a balancer asks; answered whatever else is refused.
pub(super) const PROBES: [&str; 4] = ["/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"];

/// Every route, as it is served.
pub fn router(app: Arc<AppState>) -> Router {
    let key = middleware::from_fn_with_state(Arc::clone(&app), require_key);
    dressed(app, guarded().route_layer(key).merge(open()))
}

/// A use case as a route of its own.
pub fn answering<U: UseCase<Input = PictureFile>>() -> MethodRouter<Arc<AppState>> {
    post(use_case::<U>)
}

/// What needs a key, where keys are needed.
fn guarded() -> Router<Arc<AppState>> {
    Router::new()
        .route("/activations", post(use_case::<Activations>))
        .route("/explain", post(use_case::<Explain>))
        .route("/gradcam", post(use_case::<GradCam>))
        .route("/predict", post(use_case::<Predict>))
        .route("/methods", get(methods))
        .route("/models", get(models))
        .route("/models/{model}/gradient", get(gradient))
        .route("/models/{model}", get(model))
        .route("/v1/models", get(kserve::v1_models))
        .route("/v1/models/{model}", get(kserve::model_ready).post(kserve::v1_run))
        .route("/v2/models/{model}", get(kserve::v2_model))
        .route("/v2/models/{model}/ready", get(kserve::model_ready))
        .route("/v2/models/{model}/infer", post(kserve::v2_infer))
        .route("/info", get(info))
        .route("/metrics", get(metrics))
}

/// What everybody may see.
fn open() -> Router<Arc<AppState>> {
    Router::new()
        .route("/", get(page::index))
        .route("/docs", get(page::docs))
        .route("/openapi.yaml", get(openapi))
        .route("/v2", get(kserve::v2_metadata))
        .route("/v2/health/live", get(kserve::v2_live))
        .route("/v2/health/ready", get(kserve::v2_ready))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .merge(page::files())
}

/// `routes` with what every answer has: request id, log line, problems written out, limits kept.
pub fn dressed(app: Arc<AppState>, routes: Router<Arc<AppState>>) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    let cors = app.access.cors();
    let router = routes
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(refuse_crowd))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), observe))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(SetRequestIdLayer::new(request_id, RandomId))
        .layer(middleware::from_fn(drop_odd_request_id))
        .layer(middleware::from_fn(read_leftovers))
        .with_state(app);
    match cors {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// For routes that take no parameter.
pub(super) fn refuse_parameters(uri: &Uri) -> Result<(), HttpError> {
    Ok(query(uri.query())?.check(&[]).map_err(ServiceError::from)?)
}

/// The model that the path names, for routes that take no parameter.
pub(super) fn named(app: &AppState, name: &str, uri: &Uri) -> Result<Arc<Classifier>, HttpError> {
    app.loaded()?;
    refuse_parameters(uri)?;
    Ok(app.context.models.get(Some(name))?)
}

/// `GET /methods`.
async fn methods(uri: Uri) -> Result<Response, HttpError> {
    refuse_parameters(&uri)?;
    Ok(axum::Json(method_list()).into_response())
}

async fn models(State(app): State<Arc<AppState>>, uri: Uri) -> Result<Response, HttpError> {
    app.loaded()?;
    refuse_parameters(&uri)?;
    Ok(axum::Json(model_list(&app.context.models.now())).into_response())
}

async fn model(
    State(app): State<Arc<AppState>>,
    PathName(name): PathName,
    uri: Uri,
) -> Result<Response, HttpError> {
    let classifier = named(&app, &name, &uri)?;
    Ok(axum::Json(model_description(&classifier)).into_response())
}

/// The derived gradient graph as an ONNX file.
async fn gradient(
    State(app): State<Arc<AppState>>,
    PathName(name): PathName,
    uri: Uri,
) -> Result<Response, HttpError> {
    app.loaded()?;
    let parameters = query(uri.query())?;
    let classifier = app.context.models.get(Some(&name))?;
    let permit = app.workers.admit()?;
    let work = move |_: &CancellationToken| GradientFile::check(&parameters, classifier)?.encode();
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

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let error = HttpError::Method { path: uri.path().to_owned(), method: method.to_string() };
    let mut response = error.into_response();
    // The router sees one route where the protocol has two; elsewhere it says itself what it
    // allows.
    if let Some(allowed) = kserve::v1_allowed(uri.path()) {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
    response
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
