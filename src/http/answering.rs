use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::time::timeout;

use super::HttpError;
use super::accept::negotiate;
use super::app::AppState;
use super::submission::{Submission, refuse_early};
use crate::runtime::{CancellationToken, Permit};
use crate::service::{Answer, PictureFile, UseCase};

/// A body that takes longer than this gives its place in the queue back until it has arrived: who
/// sends slowly must not keep others out.
const PROMPT: Duration = Duration::from_secs(1);

/// Any use case: a picture and parameters in, a file out.
pub(super) async fn use_case<U: UseCase<Input = PictureFile>>(
    State(app): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, HttpError> {
    app.loaded()?;
    let form = negotiate(request.headers(), U::FORMATS)?;
    refuse_early(request.headers(), app.limits.body_bytes)?;
    let permit = app.workers.admit()?;
    let (token, started) = (app.deadline(), Instant::now());
    let reading = pin!(Submission::read(request, app.limits.body_bytes));
    let (submission, permit) = arrive(&app, reading, permit).await?;
    let (read, queued) = (started.elapsed(), Instant::now());
    let shared = Arc::clone(&app);
    let work = move |token: &CancellationToken| {
        let waited = queued.elapsed();
        // A refusal may say which layers can be explained, which is work too.
        let checked = U::check(&submission.parameters, &shared.context)?;
        let mut answer = checked.answer(&submission.image, form, &shared.context, token)?;
        answer.stages.precede(&[("read", read), ("queue", waited)]);
        Ok::<_, HttpError>(answer)
    };
    let answer = app.workers.run(permit, token, work).await??;
    Ok(respond(answer))
}

/// Waits for what is being read, and tells which place in the queue it has.
pub(super) async fn arrive<T>(
    app: &AppState,
    mut reading: Pin<&mut impl Future<Output = Result<T, HttpError>>>,
    permit: Permit,
) -> Result<(T, Permit), HttpError> {
    let limits = &app.limits;
    let patience = limits.body_timeout.min(limits.request_timeout);
    let prompt = PROMPT.min(patience.duration());
    if let Ok(read) = timeout(prompt, &mut reading).await {
        return Ok((read?, permit));
    }
    drop(permit);
    let Ok(_slow) = app.slow_bodies.try_acquire() else {
        return Err(HttpError::SlowBodies { limit: limits.slow_bodies });
    };
    let rest = timeout(patience.duration() - prompt, reading).await;
    let read = rest.map_err(|_| HttpError::SlowBody { seconds: patience })??;
    Ok((read, app.workers.admit()?))
}

/// What a header's value cannot hold as it is, and the sign itself. `utf8_percent_encode` adds what
/// is not ASCII.
const UNPRINTABLE: &AsciiSet = &CONTROLS.add(b'%');

/// The file, with what the caller should know beside it in headers.
fn respond(answer: Answer) -> Response {
    let mut headers = HeaderMap::new();
    let media_type = HeaderValue::from_static(answer.format.media_type());
    headers.insert(header::CONTENT_TYPE, media_type);
    for (name, value) in &answer.notes {
        let name = HeaderName::from_bytes(format!("convscope-{name}").as_bytes());
        let value = utf8_percent_encode(value, UNPRINTABLE).to_string();
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&answer.stages.to_string()) {
        headers.insert("server-timing", value);
    }
    let mut response = (headers, answer.body).into_response();
    response.extensions_mut().insert(answer.stages);
    response
}
