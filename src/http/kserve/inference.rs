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
use crate::http::request_body::{check_headers, read_bytes};
use crate::runtime::{CancellationToken, Permit};
use crate::service::ServiceError;

/// Takes a place in the queue and reads the body.
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
    read_with_permit(state, pin!(read_bytes(request, body_limit)), permit).await
}

/// Runs `work` on a worker until the deadline of the request.
///
/// # Errors
/// Those of `work` and of the worker.
pub(super) async fn run_on_worker<W>(
    state: &Arc<AppState>,
    permit: Permit,
    work: W,
) -> Result<Response, HttpError>
where
    W: FnOnce(&AppState, &CancellationToken) -> Result<Response, HttpError> + Send + 'static,
{
    let shared = Arc::clone(state);
    let work = move |token: &CancellationToken| work(&shared, token);
    state.workers.run(permit, state.cancellation_token(), work).await?
}

/// `answer` as JSON.
///
/// # Errors
/// [`ServiceError::Internal`].
pub(super) fn json_response(answer: &impl Serialize) -> Result<Response, HttpError> {
    let json = serde_json::to_vec(answer).map_err(internal)?;
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
