use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use axum::http::HeaderName;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::Span;

use super::error::HttpError;
use super::outcome::{Outcome, PendingOutcome};
use crate::runtime::Progress;
use crate::service::{Answer, ServiceError};

/// The shortest time between two `progress` events, except before the last one.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// After this time without an event a comment is sent, so that proxies keep the connection open.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// This header asks nginx to forward each event at once instead of filling a buffer first.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A computation under way.
pub(super) type Computation = Pin<Box<dyn Future<Output = Result<Answer, HttpError>> + Send>>;

/// An answer of server-sent events: `progress` and `preview` events while `computation` runs, then
/// one `result` event with the JSON answer, or one `error` event with the problem details.
///
/// Dropping the body drops the computation.
pub(super) fn event_stream(
    computation: Computation,
    progress: watch::Receiver<Progress>,
    previews: watch::Receiver<String>,
    request_id: Option<String>,
) -> Response {
    let outcome = PendingOutcome::default();
    let stream = EventStream {
        computation,
        progress,
        previews,
        next_progress: Instant::now(),
        request_id,
        outcome: outcome.clone(),
        span: Span::current(),
    };
    let events = unfold(State::Running(stream), next_event);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL);
    let events = Sse::new(events).keep_alive(keep_alive);
    let mut response = ([(X_ACCEL_BUFFERING, "no")], events).into_response();
    response.extensions_mut().insert(outcome);
    response
}

enum State {
    Running(EventStream),
    /// The computation has ended, and its last event follows.
    Last(Result<Event, axum::Error>),
    Ended,
}

struct EventStream {
    computation: Computation,
    progress: watch::Receiver<Progress>,
    previews: watch::Receiver<String>,
    /// The earliest time of the next `progress` event.
    next_progress: Instant,
    request_id: Option<String>,
    outcome: PendingOutcome,
    span: Span,
}

async fn next_event(state: State) -> Option<(Result<Event, axum::Error>, State)> {
    let mut stream = match state {
        State::Running(stream) => stream,
        State::Last(event) => return Some((event, State::Ended)),
        State::Ended => return None,
    };
    let result = tokio::select! {
        biased;
        result = &mut stream.computation => result,
        preview = next_preview(&mut stream.previews) => {
            let event = Event::default().event("preview").data(preview);
            return Some((Ok(event), State::Running(stream)));
        }
        progress = next_progress(&mut stream.progress, stream.next_progress) => {
            stream.next_progress = Instant::now() + PROGRESS_INTERVAL;
            return Some((progress_event(progress), State::Running(stream)));
        }
    };
    let last = stream.last_event(result);
    let progress = stream.progress.borrow_and_update();
    if progress.has_changed() {
        Some((progress_event(*progress), State::Last(last)))
    } else {
        Some((last, State::Ended))
    }
}

/// Waits until `earliest`, then until the progress differs from the one that was sent last.
async fn next_progress(receiver: &mut watch::Receiver<Progress>, earliest: Instant) -> Progress {
    sleep_until(earliest).await;
    if receiver.changed().await.is_err() {
        // The computation has dropped its token: its result follows.
        pending::<()>().await;
    }
    *receiver.borrow_and_update()
}

/// Waits until there is a preview that was not sent.
async fn next_preview(receiver: &mut watch::Receiver<String>) -> String {
    if receiver.changed().await.is_err() {
        // The computation has dropped its token: its result follows.
        pending::<()>().await;
    }
    receiver.borrow_and_update().clone()
}

fn progress_event(progress: Progress) -> Result<Event, axum::Error> {
    #[derive(Serialize)]
    struct Data {
        done: u64,
        total: u64,
    }
    let Progress { done, total } = progress;
    Event::default().event("progress").json_data(Data { done, total })
}

impl EventStream {
    fn last_event(&self, result: Result<Answer, HttpError>) -> Result<Event, axum::Error> {
        match result.and_then(|answer| self.result_event(answer)) {
            Ok(event) => Ok(event),
            Err(error) => self.error_event(&error),
        }
    }

    fn result_event(&self, answer: Answer) -> Result<Event, HttpError> {
        let json = String::from_utf8(answer.body)
            .map_err(|error| ServiceError::Internal(error.to_string()))?;
        let model = answer.notes.into_iter().find(|(name, _)| *name == "model");
        self.outcome.set(Outcome {
            stages: Some(answer.stages),
            model: model.map(|(_, model)| model),
            ..Outcome::default()
        });
        Ok(Event::default().event("result").data(json))
    }

    fn error_event(&self, error: &HttpError) -> Result<Event, axum::Error> {
        let problem = self.span.in_scope(|| error.problem());
        self.outcome.set(Outcome::of_problem(&problem));
        let problem = problem.with_request_id(self.request_id.clone());
        Event::default().event("error").json_data(problem)
    }
}
