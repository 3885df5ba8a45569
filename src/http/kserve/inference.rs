use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use crate::http::admission::read_with_permit;
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::request_body::{check_headers, read_body};
use crate::http::server_timing::add_server_timing;
use crate::runtime::{CancellationToken, Permit};
use crate::service::{Job, ServiceError};

/// A place in the queue for a request whose body has been read.
pub(super) struct Admission {
    permit: Permit,
    /// How long reading the body took.
    read: Duration,
}

/// Takes a place in the queue and reads the body, which a worker parses.
///
/// # Errors
/// The queue is full, or the body is too large or slow.
pub(super) async fn admit(
    state: &AppState,
    request: Request,
) -> Result<(Bytes, Admission), HttpError> {
    state.require_loaded()?;
    let body_limit = state.limits.body_bytes;
    check_headers(request.headers(), body_limit)?;
    let (permit, started) = (state.admit()?, Instant::now());
    let reading = pin!(read_body(request, body_limit));
    let (body, permit) = read_with_permit(state, reading, permit).await?;
    Ok((body, Admission { permit, read: started.elapsed() }))
}

/// Runs `work` on a worker until the deadline of the request.
///
/// # Errors
/// Those of `work` and of the worker.
pub(super) async fn run_on_worker<W>(
    state: &Arc<AppState>,
    admission: Admission,
    work: W,
) -> Result<Response, HttpError>
where
    W: FnOnce(&AppState, &mut Job) -> Result<Response, HttpError> + Send + 'static,
{
    let Admission { permit, read } = admission;
    let (shared, queued) = (Arc::clone(state), Instant::now());
    let work = move |token: &CancellationToken| {
        let queue = queued.elapsed();
        shared.unread.check()?;
        let mut job = Job::new(token.clone());
        let response = work(&shared, &mut job)?;
        job.stages.end("encode");
        job.stages.precede(&[("read", read), ("queue", queue)]);
        Ok::<_, HttpError>((response, job.stages))
    };
    let (mut response, stages) =
        state.workers.run(permit, state.cancellation_token(), work).await??;
    add_server_timing(&mut response, stages);
    Ok(response)
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
