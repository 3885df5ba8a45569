use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::answer_body::AnswerBody;
use super::app_state::AppState;
use super::connection_limit::ConnectionLimit;
use super::connection_state::{RequestGuard, SharedConnectionState};
use super::early_refusal::EarlyRefusal;
use super::routes::admin_router;
use super::timeout_stream::TimeoutStream;
use super::unread_bytes::{InProgram, UnreadBytes};

/// The open connections of the admin listener.
pub const ADMIN_CONNECTIONS: u32 = 64;

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
    let limit = ConnectionLimit::new(limits.connections, limits.connections_per_address);
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    tokio::select! {
        biased;
        () = &mut shutdown => {}
        never = accept_all(&mut listener, &router, state, &limit, &graceful) => match never {},
    }
    drop(listener);
    let open = graceful.count();
    tracing::info!(connections = open, "draining");
    if tokio::time::timeout(limits.drain_timeout.duration(), graceful.shutdown()).await.is_err() {
        tracing::warn!("the drain timeout has passed and some connections are still open");
    }
    Ok(())
}

/// Serves the routes of the admin listener. It never returns, so that probes and metrics are
/// answered while the main listener drains. It has connections of its own, so that those of the
/// main listener cannot use them up.
pub async fn serve_admin(mut listener: TcpListener, state: Arc<AppState>) -> Infallible {
    let router = admin_router(Arc::clone(&state));
    let limit = ConnectionLimit::new(ADMIN_CONNECTIONS, 0);
    accept_all(&mut listener, &router, &state, &limit, &GracefulShutdown::new()).await
}

/// Accepts connections within `limit` and serves each in a task of its own.
async fn accept_all(
    listener: &mut TcpListener,
    router: &Router,
    state: &AppState,
    limit: &ConnectionLimit,
    graceful: &GracefulShutdown,
) -> Infallible {
    loop {
        let (place, stream) = limit.accept(listener).await;
        // Answers are small or written at once: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let connection = connection(stream, router.clone(), place.is_over_limit, state);
        let connection = graceful.watch(connection);
        let open = state.metrics.connections.clone();
        open.inc();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection");
            }
            open.dec();
            drop(place);
        });
    }
}

fn connection(
    stream: TcpStream,
    router: Router,
    is_over_limit: bool,
    app: &AppState,
) -> impl GracefulConnection<Error = hyper::Error> + Send + use<> {
    let (state, limits, unread) =
        (SharedConnectionState::default(), &app.limits, app.unread.clone());
    let stream = TimeoutStream::new(stream, state.clone(), limits, unread.clone());
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let guard = state.begin_request();
        if let Some(refusal) = EarlyRefusal::of(&request, is_over_limit) {
            request.extensions_mut().insert(refusal);
        }
        respond(router.clone(), request.map(Body::new), unread.clone(), guard)
    });
    // The timeouts of the stream are stricter. This one only catches what they might miss.
    let longest = limits.header_timeout.duration() + limits.idle_timeout.duration();
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(longest)
        .max_header_size(limits.header_bytes as usize)
        .max_buf_size((limits.header_bytes as usize).max(READ_BUFFER))
        .keep_alive(!is_over_limit)
        .serve_connection(TokioIo::new(stream), service)
}

/// How much of a body hyper reads ahead, in bytes; its own default.
const READ_BUFFER: usize = 400 << 10;

async fn respond(
    router: Router,
    request: Request,
    unread: UnreadBytes,
    guard: RequestGuard,
) -> Result<hyper::Response<AnswerBody>, Infallible> {
    let response: Response = router.oneshot(request).await?;
    let is_counted = response.extensions().get::<InProgram>().is_none();
    let unread = is_counted.then_some(unread);
    Ok(response.map(|body| AnswerBody::new(body, unread, guard)))
}
