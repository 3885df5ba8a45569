//! Answers that clients do not read, or read slowly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use convscope::config::{HttpLimits, Parameter, Parameters, Seconds};
use convscope::http::{streaming_use_case, use_case, with_middleware};
use convscope::service::{Context, Job, OutputFormat, ServiceError, UseCase};

use super::client::{Client, app, embedded};
use super::socket::{Connection, Server, status};

/// A text of this length, which is more than the kernel's buffers hold.
const LENGTH: usize = 48 << 20;
/// All of it but its end, which may have arrived together with the head.
const NEARLY_ALL: usize = LENGTH - (1 << 20);

/// Gives a JSON text of [`LENGTH`] bytes. Tests that run at the same time use different `N`.
struct Large<const N: usize>;

/// How many answers of [`Large<N>`] were computed, by `N`.
static COMPUTED: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

impl<const N: usize> UseCase for Large<N> {
    type Input = ();
    type Output = String;
    type Json<'o> = &'o str;
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn parameters() -> &'static [Parameter] {
        &[]
    }

    fn check(_: &Parameters, _: &Context) -> Result<Self, ServiceError> {
        Ok(Self)
    }

    fn run(&self, (): &(), _: &Context, _: &mut Job) -> Result<String, ServiceError> {
        COMPUTED[N].fetch_add(1, Ordering::SeqCst);
        Ok("x".repeat(LENGTH - 2))
    }

    fn json<'o>(&'o self, output: &'o String) -> Result<&'o str, ServiceError> {
        Ok(output)
    }

    fn notes(&self, _: &String) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

async fn server(limits: HttpLimits) -> Server {
    let app = Arc::new(app(embedded(), 8, limits));
    let routes = Router::new()
        .route("/large", get(use_case::<Large<0>>))
        .route("/other", get(use_case::<Large<1>>))
        .route("/events", get(streaming_use_case::<Large<1>>));
    Server::of(Arc::clone(&app), with_middleware(app, routes)).await
}

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n").into_bytes()
}

/// A connection that has asked for `path`, and the head of the answer.
async fn asked(server: &Server, path: &str) -> (Connection, String) {
    let mut connection = server.connect().await;
    connection.send(&request(path)).await;
    let head = connection.until("\r\n\r\n").await;
    (connection, head)
}

async fn unread_bytes(server: &Server) -> usize {
    let client = Client::of(Arc::clone(&server.app));
    let text = String::from_utf8(client.get("/metrics").await.body).unwrap();
    let line = text.lines().find_map(|it| it.strip_prefix("convscope_unread_bytes "));
    line.unwrap_or("0").parse().unwrap()
}

/// Waits until an answer is computed again, for at most five seconds.
async fn accepted(server: &Server, path: &str) -> Connection {
    let begun = Instant::now();
    loop {
        let (connection, head) = asked(server, path).await;
        if status(&head) == 200 {
            return connection;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{head}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_is_computed_while_too_many_bytes_are_unread() {
    let server = server(HttpLimits { unread_bytes: 1 << 20, ..HttpLimits::default() }).await;
    // An answer that is larger than the limit is sent all the same.
    let (mut first, head) = asked(&server, "/large").await;
    assert_eq!(status(&head), 200);
    assert!(unread_bytes(&server).await >= LENGTH);
    for _ in 0..3 {
        let (_, head) = asked(&server, "/large").await;
        assert_eq!(status(&head), 503, "{head}");
        assert!(head.contains("retry-after: 1"), "{head}");
    }
    assert_eq!(COMPUTED[0].load(Ordering::SeqCst), 1);
    // What is not computed is answered.
    let other = server.ask(b"GET /nowhere HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&other), 404, "{other}");
    assert_eq!(first.read(NEARLY_ALL).await, NEARLY_ALL);
    let second = accepted(&server, "/large").await;
    drop(second);
    let third = accepted(&server, "/large").await;
    drop(third);
    let begun = Instant::now();
    while unread_bytes(&server).await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(5), "bytes of closed connections count");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Files of the page need no API key.
#[tokio::test]
async fn files_in_the_program_do_not_use_up_the_limit() {
    let limits = HttpLimits { unread_bytes: 1 << 20, ..HttpLimits::default() };
    let server = Server::start(app(embedded(), 8, limits)).await;
    let many = request("/web/vendor/swagger-ui/swagger-ui-bundle.js").repeat(20);
    let mut connections = Vec::new();
    for _ in 0..4 {
        let mut connection = server.connect().await;
        connection.send(&many).await;
        assert_eq!(status(&connection.until("\r\n\r\n").await), 200);
        connections.push(connection);
    }
    // By now the answers fill the buffers of the connections.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(unread_bytes(&server).await, 0);
    let gradient = "/models/cats_and_dogs_small_1/gradient";
    assert_eq!(status(&asked(&server, gradient).await.1), 200);
}

#[tokio::test]
async fn the_bytes_of_events_count_too() {
    let server = server(HttpLimits { unread_bytes: 1 << 20, ..HttpLimits::default() }).await;
    let mut events = server.connect().await;
    let ask = "GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n";
    events.send(ask.as_bytes()).await;
    events.until("event: result").await;
    assert!(unread_bytes(&server).await >= LENGTH);
    assert_eq!(status(&asked(&server, "/other").await.1), 503);
    drop(events);
    accepted(&server, "/other").await;
}

/// Reads `bytes` every `interval` and returns how many bytes arrived before the server closed the
/// connection or the answer was nearly complete.
async fn trickle(connection: &mut Connection, bytes: usize, interval: Duration) -> usize {
    let mut total = 0;
    while total < NEARLY_ALL {
        match connection.read(bytes).await {
            0 => break,
            read => total += read,
        }
        tokio::time::sleep(interval).await;
    }
    total
}

#[tokio::test]
async fn a_reader_below_the_least_rate_is_disconnected() {
    // About 20 MiB a second, without a pause of the length of the write timeout.
    let (step, interval) = (1 << 20, Duration::from_millis(50));
    let write_timeout = Seconds::new(1);
    for (read_rate, is_cut) in [(1 << 30, true), (1 << 10, false), (0, false)] {
        let limits = HttpLimits { read_rate, write_timeout, ..HttpLimits::default() };
        let server = server(limits).await;
        let (mut connection, _) = asked(&server, "/other").await;
        let total = trickle(&mut connection, step, interval).await;
        assert_eq!(total < NEARLY_ALL, is_cut, "{read_rate}: {total} of {LENGTH}");
    }
}

#[tokio::test]
async fn a_slow_reader_is_disconnected_while_the_limit_is_reached() {
    // About 8 MiB a second, which takes six seconds.
    let (step, interval) = (1 << 20, Duration::from_millis(125));
    for (unread_bytes, is_cut) in [(1 << 20, true), (1 << 30, false)] {
        let limits = HttpLimits { read_rate: 1 << 20, unread_bytes, ..HttpLimits::default() };
        let server = server(limits).await;
        let (mut connection, _) = asked(&server, "/other").await;
        let total = trickle(&mut connection, step, interval).await;
        assert_eq!(total < NEARLY_ALL, is_cut, "{unread_bytes}: {total} of {LENGTH}");
    }
}

#[tokio::test]
async fn a_connection_is_not_idle_while_its_answer_is_read() {
    let idle_timeout = Seconds::from_millis(200);
    let server = server(HttpLimits { idle_timeout, ..HttpLimits::default() }).await;
    let (mut connection, _) = asked(&server, "/other").await;
    let total = trickle(&mut connection, 2 << 20, Duration::from_millis(50)).await;
    assert!(total >= NEARLY_ALL, "{total} of {LENGTH}");
}
