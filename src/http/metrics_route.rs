use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::app_state::AppState;
use super::error::HttpError;
use crate::service::ServiceError;

/// `GET /metrics`, for Prometheus.
pub(super) async fn metrics(State(state): State<Arc<AppState>>) -> Result<Response, HttpError> {
    let (load, unread) = (state.workers.load(), state.unread.bytes());
    let text = state.metrics.encode(load, unread, &state.context.models.current());
    let text = text.map_err(|error| ServiceError::Internal(error.to_string()))?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}
