use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::Listener;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::app::AppState;
use super::patience::{Answering, Patient, Phase};
use crate::config::HttpLimits;

/// Connections beyond the limit that are still told so, and whose probes are answered. Beyond
/// these, connections wait in the kernel's backlog.
const RESERVE: usize = 32;

/// Marks a request that came by a connection beyond the limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowded;

/// Answers requests from `listener` until `shutdown` is done, then those under way, for at most the
/// drain timeout. Idle and half-sent connections do not hold it up longer.
///
/// # Errors
/// None at present: a connection that cannot be accepted is tried again.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    app: &AppState,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let limits = &app.limits;
    let (connections, graceful) = (limits.connections as usize, GracefulShutdown::new());
    let seats = Arc::new(Semaphore::new(connections + RESERVE));
    let mut shutdown = pin!(shutdown);
    loop {
        let (seat, stream) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&mut listener, &seats) => accepted,
        };
        // Answers are small or written at once; waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let crowded = seats.available_permits() < RESERVE;
        let connection = connection(stream, router.clone(), crowded, limits);
        let connection = graceful.watch(connection);
        let open = app.metrics.connections.clone();
        open.inc();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection");
            }
            open.dec();
            drop(seat);
        });
    }
    drop(listener);
    let open = graceful.count();
    tracing::info!(connections = open, "draining");
    if tokio::time::timeout(limits.drain_timeout.duration(), graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were still open after the drain timeout");
    }
    Ok(())
}

/// A seat first, then a connection: without a seat none is taken from the backlog.
async fn accept(
    listener: &mut TcpListener,
    seats: &Arc<Semaphore>,
) -> (Option<tokio::sync::OwnedSemaphorePermit>, TcpStream) {
    let seat = Arc::clone(seats).acquire_owned().await.ok();
    let (stream, _) = Listener::accept(listener).await;
    (seat, stream)
}

fn connection(
    stream: TcpStream,
    router: Router,
    crowded: bool,
    limits: &HttpLimits,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + use<> {
    let phase = Phase::default();
    let stream = TokioIo::new(Patient::new(stream, phase.clone(), limits));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let answering = phase.request();
        if crowded {
            request.extensions_mut().insert(Crowded);
        }
        answer(router.clone(), request.map(Body::new), answering)
    });
    // The stream has its own, stricter times; this one is the last resort.
    let longest = limits.header_timeout.duration() + limits.idle_timeout.duration();
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(longest)
        .max_header_size(limits.header_bytes as usize)
        .max_buf_size((limits.header_bytes as usize).max(READ_BUFFER))
        .keep_alive(!crowded)
        .serve_connection(stream, service)
}

/// What hyper reads ahead of a body; its own default.
const READ_BUFFER: usize = 400 << 10;

async fn answer(
    router: Router,
    request: Request,
    answering: Answering,
) -> Result<hyper::Response<Answered>, Infallible> {
    let response: Response = router.oneshot(request).await?;
    Ok(response.map(|body| Answered { body, _answering: answering }))
}

/// An answer's body, with which the answering ends.
struct Answered {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
