//! Computations that are cancelled, time out or panic, and the shutdown of the server.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use convscope::attribution::{AttributionError, Need};
use convscope::config::{HttpLimits, Parameters, Seconds};
use convscope::gradient::Rules;
use convscope::http::{use_case, with_middleware};
use convscope::runtime::{CancellationToken, Engine, Interrupted, RuntimeError};
use convscope::service::{Job, LoadedModels, PictureFile, Predict, UseCase};

use super::client::{Client, app, embedded};
use super::pictures;
use super::socket::{Server, post as request, status};
use super::use_cases::{Endless, RUNNING, SlowOrPanic};

async fn server(queue: usize, limits: HttpLimits) -> Server {
    let app = Arc::new(app(embedded(), queue, limits));
    let routes = Router::new()
        .route("/predict", post(use_case::<Predict>))
        .route("/endless", post(use_case::<Endless<0>>))
        .route("/slow-or-panic", post(use_case::<SlowOrPanic>));
    Server::of(Arc::clone(&app), with_middleware(app, routes)).await
}

/// Waits until `holds` is true, for at most five seconds, and returns how long that took.
async fn eventually(what: &str, holds: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(5), "not yet: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn a_closed_connection_cancels_its_computation_and_frees_its_place() {
    let server = server(2, HttpLimits::default()).await;
    let load = || server.app.workers.load();
    let mut callers = Vec::new();
    for _ in 0..4 {
        let mut connection = server.connect().await;
        connection.send(&request("/endless", b"x")).await;
        callers.push(connection);
    }
    eventually("two run and two wait", || (load().busy, load().waiting) == (2, 2)).await;
    eventually("both have begun", || RUNNING[0].load(Ordering::SeqCst) == 2).await;
    // A waiting request leaves the queue at once. A running one stops at its next check.
    callers.pop();
    callers.pop();
    eventually("none waits", || load().waiting == 0).await;
    assert_eq!(load().busy, 2);
    drop(callers);
    let took = eventually("none runs", || load().busy == 0).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(RUNNING[0].load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_deadline_applies_in_the_queue_and_at_work() {
    let request_timeout = Seconds::from_millis(400);
    let server = server(2, HttpLimits { request_timeout, ..HttpLimits::default() }).await;
    let ask = async || {
        let mut connection = server.connect().await;
        connection.send(&request("/slow-or-panic", b"slow")).await;
        connection.answer().await
    };
    let begun = Instant::now();
    let answers = tokio::join!(ask(), ask(), ask(), ask());
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(status(&answer), 503, "{answer}");
        assert!(answer.contains("deadline-passed"), "{answer}");
    }
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
}

#[test]
fn a_picture_is_not_decoded_once_its_caller_has_gone() {
    let app = app(embedded(), 0, HttpLimits::default());
    let token = CancellationToken::never();
    token.cancel();
    let predict = Predict::check(&Parameters::default(), &app.context).unwrap();
    // Decoded, it would be refused.
    let broken = PictureFile::from(pictures::cut_png());
    let error = predict.run(&broken, &app.context, &mut Job::new(token)).unwrap_err();
    assert_eq!(error.to_string(), Interrupted::Cancelled.to_string());
}

async fn metric(server: &Server, line: &str) -> Option<f64> {
    let client = Client::of(Arc::clone(&server.app));
    let text = String::from_utf8(client.get("/metrics").await.body).unwrap();
    let value = text.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

#[tokio::test]
async fn a_job_past_its_deadline_is_a_stuck_worker_until_it_ends() {
    let request_timeout = Seconds::from_millis(300);
    let server = server(0, HttpLimits { request_timeout, ..HttpLimits::default() }).await;
    let mut connection = server.connect().await;
    connection.send(&request("/slow-or-panic", b"slow")).await;
    eventually("it runs", || server.app.workers.load().busy == 1).await;
    assert_eq!(metric(&server, "convscope_stuck_workers").await, Some(0.0));
    assert_eq!(status(&connection.answer().await), 503);
    assert_eq!(metric(&server, "convscope_stuck_workers").await, Some(1.0));
    eventually("it has ended", || server.app.workers.load().stuck == 0).await;
}

#[tokio::test]
async fn an_aborted_upload_counts_as_cancelled() {
    let server = server(2, HttpLimits::default()).await;
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let part = "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nhalf";
    for (index, (headers, body)) in [
        ("Content-Length: 1000\r\n", "half of a body"),
        ("Transfer-Encoding: chunked\r\n", "400\r\nhalf of a chunk"),
        (&format!("{form}Content-Length: 1000\r\n"), part),
    ]
    .into_iter()
    .enumerate()
    {
        let mut connection = server.connect().await;
        let head = format!("POST /predict HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}");
        connection.send(head.as_bytes()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(connection);
        let (begun, expected) = (Instant::now(), (index + 1) as f64);
        while metric(&server, "convscope_cancelled_total").await != Some(expected) {
            assert!(begun.elapsed() < Duration::from_secs(5), "not cancelled: {headers}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let durations = "http_request_duration_seconds_count";
    let cancelled = format!("{durations}{{method=\"POST\",route=\"/predict\",status=\"499\"}}");
    assert_eq!(metric(&server, &cancelled).await, Some(3.0));
    let rejected = "convscope_rejected_total{reason=\"unreadable-body\"}";
    assert_eq!(metric(&server, rejected).await, None);
}

#[tokio::test]
async fn a_panic_is_answered_and_the_worker_survives() {
    let server = server(0, HttpLimits::default()).await;
    let mut connection = server.connect().await;
    for _ in 0..10 {
        connection.send(&request("/slow-or-panic", b"x")).await;
        let answer = connection.answer().await;
        assert_eq!(status(&answer), 500, "{answer}");
        assert!(!answer.contains("secret") && !answer.contains(".rs"), "{answer}");
    }
    eventually("the workers are free", || server.app.workers.load().busy == 0).await;
    connection.send(&request("/predict", &pictures::png())).await;
    assert_eq!(status(&connection.answer().await), 200);
}

#[tokio::test]
async fn a_shutdown_waits_for_computations_and_closes_idle_connections() {
    let drain_timeout = Seconds::new(8);
    let server = server(2, HttpLimits { drain_timeout, ..HttpLimits::default() }).await;
    let mut idle = server.connect().await;
    idle.send(&request("/predict", &pictures::png())).await;
    assert_eq!(status(&idle.answer().await), 200);
    let mut working = Vec::new();
    for _ in 0..4 {
        let mut connection = server.connect().await;
        connection.send(&request("/slow-or-panic", b"slow")).await;
        working.push(connection);
    }
    let app = Arc::clone(&server.app);
    let load = || app.workers.load();
    eventually("all four are admitted", || load().busy + load().waiting == 4).await;
    let stopped = tokio::spawn(server.stop());
    for connection in &mut working {
        assert_eq!(status(&connection.answer().await), 200);
    }
    let took = stopped.await.unwrap();
    assert!(took < Duration::from_secs(7), "{took:?}");
    assert_eq!(idle.rest().await, "");
}

#[tokio::test]
async fn half_a_request_delays_the_shutdown_by_the_drain_timeout_at_most() {
    let drain_timeout = Seconds::from_millis(500);
    let server = server(2, HttpLimits { drain_timeout, ..HttpLimits::default() }).await;
    let mut half_headers = server.connect().await;
    half_headers.send(b"POST /predict HTTP/1.1\r\nHost:").await;
    let mut half_body = server.connect().await;
    half_body.send(&request("/predict", &pictures::png())[..120]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let took = server.stop().await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// What a derivation with a cancelled token gives.
fn is_cancelled<T>(result: Result<T, AttributionError>) -> bool {
    let cancelled = RuntimeError::Interrupted(Interrupted::Cancelled).to_string();
    result.err().is_some_and(|error| error.to_string() == cancelled)
}

#[test]
fn a_cancelled_token_stops_the_preparation_of_a_graph() {
    // A model of its own, so that no other test has compiled the graph already.
    let models = LoadedModels::load(Path::new("no such folder"), "", &Engine::default()).unwrap();
    let classifier = models.get(None).unwrap();
    let layer = classifier.explained_layer(Some("conv2d_2")).unwrap();
    let token = CancellationToken::never();
    token.cancel();
    let explainer = classifier.explainer();
    assert!(is_cancelled(explainer.gradient_model(
        &[&layer.value],
        Rules::GRADIENT,
        u64::MAX,
        &token
    )));
    let prepare = |need: Need, token: &CancellationToken| {
        explainer.prepare(std::slice::from_ref(&layer), [need].iter(), token).map(|_| ())
    };
    for need in [Need::ChannelSums, Need::Scores, Need::ScoresFromLayer] {
        assert!(is_cancelled(prepare(need, &token)), "{need:?}");
        assert!(prepare(need, &CancellationToken::never()).is_ok(), "{need:?}");
    }
}
