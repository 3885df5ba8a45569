use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};

use super::app_state::AppState;
use super::early_refusal::refuse_early;
use super::error::HttpError;
use super::kserve;
use super::lingering_close::lingering_close;
use super::problem::write_problems;
use super::request_id::{RandomId, drop_invalid_request_id};
use super::request_log::log_requests;
use super::security_headers::add_security_headers;
use crate::runtime::WorkError;

/// `routes` with the middleware that every request passes, and with answers for unknown paths and
/// methods. The last layer in this list sees a request first.
pub fn with_middleware(state: Arc<AppState>, routes: Router<Arc<AppState>>) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    let cors = state.access.cors();
    let router = routes
        .fallback(no_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(handler_panicked))
        .layer(middleware::from_fn(refuse_early))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), log_requests))
        .layer(middleware::from_fn(write_problems))
        .layer(middleware::map_response(add_security_headers))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(SetRequestIdLayer::new(request_id, RandomId))
        .layer(middleware::from_fn(drop_invalid_request_id))
        .layer(middleware::from_fn(lingering_close))
        .with_state(state);
    match cors {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

async fn no_route(uri: Uri) -> HttpError {
    HttpError::NoRoute { path: uri.path().to_owned() }
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let (path, method) = (uri.path().to_owned(), method.to_string());
    let mut response = HttpError::MethodNotAllowed { path, method }.into_response();
    // For axum, a model and a verb of KServe's V1 are one route, so it cannot set this header.
    if let Some(allowed) = kserve::v1_allowed_methods(uri.path()) {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

/// The answer after a panic in a handler.
fn handler_panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    HttpError::Work(WorkError::Panicked("handler".to_owned())).into_response()
}
