use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::sync::oneshot;

use super::accept::{Representation, negotiate};
use super::admission::read_with_permit;
use super::app_state::AppState;
use super::error::HttpError;
use super::event_stream::{Computation, event_stream};
use super::request_id::request_id;
use super::request_input::{RequestInput, UseCaseRequest};
use super::server_timing::add_server_timing;
use crate::runtime::{CancellationToken, Permit};
use crate::service::{Answer, OutputFormat, UseCase};

/// Answers a request for any use case with a file.
///
/// # Errors
/// What is wrong with the request, and internal errors.
pub async fn use_case<U>(
    State(state): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, HttpError>
where
    U: UseCase,
    U::Input: RequestInput,
{
    let offered: Vec<_> = U::FORMATS.iter().copied().map(Representation::File).collect();
    answer::<U>(state, request, &offered).await
}

/// Answers a request for any use case with a file, or with server-sent events where the `Accept`
/// header prefers `text/event-stream`.
///
/// # Errors
/// What is wrong with the request, and internal errors.
pub async fn streaming_use_case<U>(
    State(state): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, HttpError>
where
    U: UseCase,
    U::Input: RequestInput,
{
    let files = U::FORMATS.iter().copied().map(Representation::File);
    let offered: Vec<_> = files.chain([Representation::EventStream]).collect();
    answer::<U>(state, request, &offered).await
}

async fn answer<U>(
    state: Arc<AppState>,
    request: Request,
    offered: &[Representation],
) -> Result<Response, HttpError>
where
    U: UseCase,
    U::Input: RequestInput,
{
    state.require_loaded()?;
    let representation = negotiate(request.headers(), offered)?;
    let body_limit = state.limits.body_bytes;
    U::Input::check_headers(request.headers(), body_limit)?;
    let permit = state.admit()?;
    let request_id = request_id(request.extensions());
    let (token, started) = (state.cancellation_token(), Instant::now());
    let reading = pin!(U::Input::read(request, body_limit));
    let (request, permit) = read_with_permit(&state, reading, permit).await?;
    let admitted = AdmittedRequest { state, permit, request, read: started.elapsed() };
    match representation {
        Representation::File(format) => {
            let computation = admitted.run::<U>(token, format, || ());
            Ok(file_response(computation.await?))
        }
        Representation::EventStream => {
            let (token, progress) = token.with_progress();
            let (token, previews) = token.with_previews();
            let (checked, is_checked) = oneshot::channel();
            let on_checked = || {
                // The receiver is gone if the caller went away.
                let _ = checked.send(());
            };
            let computation = admitted.run::<U>(token, OutputFormat::Json, on_checked);
            let computation = started_computation(computation, is_checked).await?;
            Ok(event_stream(computation, progress, previews, request_id))
        }
    }
}

/// A request that has been read and has a place in the queue.
struct AdmittedRequest<I: RequestInput> {
    state: Arc<AppState>,
    permit: Permit,
    request: UseCaseRequest<I::Body>,
    /// How long it took until the body had arrived.
    read: Duration,
}

impl<I: RequestInput> AdmittedRequest<I> {
    /// Parses the body, checks the parameters and computes the answer, all on a worker: an error
    /// about parameters may list the layers that can be explained, which takes time to find out.
    /// `on_checked` is called before the answer is computed.
    ///
    /// Dropping the future cancels the computation. The permit belongs to the computation and is
    /// returned when it has stopped.
    async fn run<U: UseCase<Input = I>>(
        self,
        token: CancellationToken,
        format: OutputFormat,
        on_checked: impl FnOnce() + Send + 'static,
    ) -> Result<Answer, HttpError> {
        let Self { state, permit, request, read } = self;
        let (shared, queued) = (Arc::clone(&state), Instant::now());
        let work = move |token: &CancellationToken| {
            let (queue, begun) = (queued.elapsed(), Instant::now());
            shared.unread.check()?;
            let request = I::parse(request)?;
            let read = read + begun.elapsed();
            let use_case = U::check(&request.parameters, &shared.context)?;
            use_case.check_format(format)?;
            on_checked();
            let mut answer = use_case.answer(&request.input, format, &shared.context, token)?;
            answer.stages.precede(&[("read", read), ("queue", queue)]);
            Ok::<_, HttpError>(answer)
        };
        state.workers.run(permit, token, work).await?
    }
}

/// Runs a computation until its parameters are checked, so that an error found until then can be a
/// problem answer with its own status.
async fn started_computation(
    computation: impl Future<Output = Result<Answer, HttpError>> + Send + 'static,
    mut is_checked: oneshot::Receiver<()>,
) -> Result<Computation, HttpError> {
    let mut computation: Computation = Box::pin(computation);
    let result = tokio::select! {
        Ok(()) = &mut is_checked => return Ok(computation),
        result = &mut computation => result,
    };
    match result {
        Err(error) if is_checked.try_recv().is_err() => Err(error),
        result => Ok(Box::pin(std::future::ready(result))),
    }
}

/// The characters that a header value cannot hold, and `%` itself. `utf8_percent_encode` adds all
/// non-ASCII characters.
const ENCODED_IN_HEADERS: &AsciiSet = &CONTROLS.add(b'%');

/// The file as the body, and the notes and the time of each stage as headers.
fn file_response(answer: Answer) -> Response {
    let mut headers = HeaderMap::new();
    let media_type = HeaderValue::from_static(answer.format.media_type());
    headers.insert(header::CONTENT_TYPE, media_type);
    if let Some(name) = answer.file_name
        && let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\""))
    {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    for (name, value) in &answer.notes {
        let name = HeaderName::from_bytes(format!("convscope-{name}").as_bytes());
        let value = utf8_percent_encode(value, ENCODED_IN_HEADERS).to_string();
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let mut response = (headers, answer.body).into_response();
    add_server_timing(&mut response, answer.stages);
    response
}
