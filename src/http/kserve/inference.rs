use std::pin::pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use crate::http::admission::read_with_permit;
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::request_body::{check_headers, read_body};
use crate::runtime::{CancellationToken, Permit};
use crate::service::ServiceError;

/// Takes a place in the queue and reads the body, which a worker parses.
///
/// # Errors
/// The queue is full, or the body is too large or slow.
pub(super) async fn admit(
    state: &AppState,
    request: Request,
) -> Result<(Bytes, Permit), HttpError> {
    state.require_loaded()?;
    let body_limit = state.limits.body_bytes;
    check_headers(request.headers(), body_limit)?;
    let permit = state.workers.admit()?;
    read_with_permit(state, pin!(read_body(request, body_limit)), permit).await
}

/// Runs `work` on a worker until the deadline of the request, and serializes its result there too.
///
/// # Errors
/// Those of `work` and of the worker.
pub(super) async fn run_on_worker<T: Serialize>(
    state: &Arc<AppState>,
    permit: Permit,
    work: impl FnOnce(&AppState, &CancellationToken) -> Result<T, HttpError> + Send + 'static,
) -> Result<Response, HttpError> {
    let shared = Arc::clone(state);
    let work = move |token: &CancellationToken| {
        let answer = work(&shared, token)?;
        serde_json::to_vec(&answer).map_err(internal)
    };
    let json = state.workers.run(permit, state.cancellation_token(), work).await??;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// An answer could not be serialized.
pub(super) fn internal(error: serde_json::Error) -> HttpError {
    ServiceError::Internal(error.to_string()).into()
}

/// Checks the number of pictures in a request. `key` is the JSON key of their list.
///
/// # Errors
/// The list is empty or has more pictures than the limit.
pub(super) fn check_count(state: &AppState, key: &str, count: usize) -> Result<(), HttpError> {
    let limit = state.limits.instances;
    if count == 0 {
        return Err(HttpError::InvalidJson(format!("{key} is empty; send at least one picture")));
    }
    if count > limit {
        return Err(HttpError::TooManyPictures { given: count, limit });
    }
    Ok(())
}
