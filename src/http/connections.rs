use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use super::app_state::AppState;
use super::connection_limit::OverConnectionLimit;
use super::connection_state::{RequestGuard, SharedConnectionState};
use super::guarded_body::GuardedBody;
use super::timeout_stream::TimeoutStream;
use crate::config::HttpLimits;

/// How many connections beyond the limit are accepted. Their health probes are answered, and their
/// other requests get 503. Further connections wait in the kernel's backlog.
const EXTRA_CONNECTIONS: usize = 32;

/// Serves requests from `listener` until `shutdown` completes. Then it closes idle connections and
/// finishes the requests in progress. It returns after the drain timeout at the latest, even if a
/// client has sent only half a request.
///
/// hyper is driven directly because `axum::serve` sets no timer, so that its header timeout never
/// fires, and has no limit of connections.
///
/// # Errors
/// None at present: a connection that cannot be accepted is retried.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    state: &AppState,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let limits = &state.limits;
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(limits.connections as usize + EXTRA_CONNECTIONS));
    let mut shutdown = pin!(shutdown);
    loop {
        let (permit, stream) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&mut listener, &permits) => accepted,
        };
        // Answers are small or written at once: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let is_over_limit = permits.available_permits() < EXTRA_CONNECTIONS;
        let connection = connection(stream, router.clone(), is_over_limit, limits);
        let connection = graceful.watch(connection);
        let open = state.metrics.connections.clone();
        open.inc();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection");
            }
            open.dec();
            drop(permit);
        });
    }
    drop(listener);
    let open = graceful.count();
    tracing::info!(connections = open, "draining");
    if tokio::time::timeout(limits.drain_timeout.duration(), graceful.shutdown()).await.is_err() {
        tracing::warn!("the drain timeout has passed and some connections are still open");
    }
    Ok(())
}

/// Takes a permit first and accepts a connection then, so that connections without a permit stay in
/// the kernel's backlog.
async fn accept(
    listener: &mut TcpListener,
    permits: &Arc<Semaphore>,
) -> (Option<OwnedSemaphorePermit>, TcpStream) {
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    let (stream, _) = Listener::accept(listener).await;
    (permit, stream)
}

fn connection(
    stream: TcpStream,
    router: Router,
    is_over_limit: bool,
    limits: &HttpLimits,
) -> impl GracefulConnection<Error = hyper::Error> + Send + use<> {
    let state = SharedConnectionState::default();
    let stream = TokioIo::new(TimeoutStream::new(stream, state.clone(), limits));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let guard = state.begin_request();
        if is_over_limit {
            request.extensions_mut().insert(OverConnectionLimit);
        }
        respond(router.clone(), request.map(Body::new), guard)
    });
    // The timeouts of the stream are stricter. This one only catches what they might miss.
    let longest = limits.header_timeout.duration() + limits.idle_timeout.duration();
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(longest)
        .max_header_size(limits.header_bytes as usize)
        .max_buf_size((limits.header_bytes as usize).max(READ_BUFFER))
        .keep_alive(!is_over_limit)
        .serve_connection(stream, service)
}

/// How much of a body hyper reads ahead, in bytes; its own default.
const READ_BUFFER: usize = 400 << 10;

async fn respond(
    router: Router,
    request: Request,
    guard: RequestGuard,
) -> Result<hyper::Response<GuardedBody<RequestGuard>>, Infallible> {
    let response: Response = router.oneshot(request).await?;
    Ok(response.map(|body| GuardedBody::new(body, guard)))
}
