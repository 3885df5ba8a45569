use std::sync::Arc;

use axum::http::header;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::access::require_key;
use super::app_state::AppState;
use super::handler::{streaming_use_case, use_case};
use super::info::info;
use super::kserve;
use super::methods::methods;
use super::metrics_route::metrics;
use super::middleware::with_middleware;
use super::models::{model, models};
use super::page;
use super::probes::{healthz, readyz};
use super::unread_bytes::InProgram;
use crate::service::{Activations, Evaluate, Explain, Filters, GradCam, GradientFile, Predict};

const OPENAPI: &str = include_str!("../../openapi.yaml");

/// The whole service: every route with its middleware.
pub fn router(state: Arc<AppState>) -> Router {
    let key = middleware::from_fn_with_state(state.access.clone(), require_key);
    with_middleware(state, guarded().route_layer(key).merge(open()))
}

/// The routes of the admin listener. None needs a key: who may connect to it may read the metrics.
pub(super) fn admin_router(state: Arc<AppState>) -> Router {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics));
    with_middleware(state, routes)
}

/// The routes that need an API key, where keys are configured.
fn guarded() -> Router<Arc<AppState>> {
    Router::new()
        .route("/activations", post(use_case::<Activations>))
        .route("/evaluate", post(streaming_use_case::<Evaluate>))
        .route("/explain", post(streaming_use_case::<Explain>))
        .route("/gradcam", post(use_case::<GradCam>))
        .route("/predict", post(use_case::<Predict>))
        .route("/methods", get(methods))
        .route("/models", get(models))
        .route("/models/{model}/filters", get(streaming_use_case::<Filters>))
        .route("/models/{model}/gradient", get(use_case::<GradientFile>))
        .route("/models/{model}", get(model))
        .route("/v1/models", get(kserve::v1_models))
        .route("/v1/models/{model}", get(kserve::model_ready).post(kserve::v1_run))
        .route("/v2/models/{model}", get(kserve::v2_model))
        .route("/v2/models/{model}/ready", get(kserve::model_ready))
        .route("/v2/models/{model}/infer", post(kserve::v2_infer))
        .route("/info", get(info))
        .route("/metrics", get(metrics))
}

/// The routes that never need a key.
fn open() -> Router<Arc<AppState>> {
    Router::new()
        .route("/", get(page::index))
        .route("/docs", get(page::docs))
        .route("/openapi.yaml", get(openapi))
        .route("/v2", get(kserve::v2_metadata))
        .route("/v2/health/live", get(kserve::v2_live))
        .route("/v2/health/ready", get(kserve::v2_ready))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(page::files())
}

async fn openapi() -> Response {
    let media_type = [(header::CONTENT_TYPE, "application/yaml")];
    (media_type, Extension(InProgram), OPENAPI).into_response()
}
