//! Work whose caller has gone, work that fails, and the end of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use convscope::config::{HttpLimits, Parameter, Parameters, Seconds};
use convscope::http::{answering, dressed};
use convscope::service::{Context, Job, OutputFormat, PictureFile, Predict, ServiceError, UseCase};

use super::client::{app, embedded};
use super::pictures;
use super::wire::{Server, post, status};

/// Work that goes on until it is stopped.
struct Endless;

static AT_WORK: AtomicUsize = AtomicUsize::new(0);

impl UseCase for Endless {
    type Input = PictureFile;
    type Output = ();
    type Json<'o> = serde_json::Value;
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn parameters() -> &'static [Parameter] {
        &[]
    }

    fn check(_: &Parameters, _: &Context) -> Result<Self, ServiceError> {
        Ok(Self)
    }

    fn run(&self, _: &PictureFile, _: &Context, job: &mut Job) -> Result<(), ServiceError> {
        AT_WORK.fetch_add(1, Ordering::SeqCst);
        while job.token.check().is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        AT_WORK.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    fn json(&self, (): &()) -> Result<serde_json::Value, ServiceError> {
        Ok(serde_json::json!({}))
    }

    fn notes(&self, (): &()) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Work that is a mistake of ours; with the picture `slow` it takes a while and goes well.
struct Odd;

impl UseCase for Odd {
    type Input = PictureFile;
    type Output = ();
    type Json<'o> = serde_json::Value;
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn parameters() -> &'static [Parameter] {
        &[]
    }

    fn check(_: &Parameters, _: &Context) -> Result<Self, ServiceError> {
        Ok(Self)
    }

    fn run(&self, picture: &PictureFile, _: &Context, _: &mut Job) -> Result<(), ServiceError> {
        assert_eq!(picture.0, &b"slow"[..], "a secret of the house");
        std::thread::sleep(Duration::from_secs(2));
        Ok(())
    }

    fn json(&self, (): &()) -> Result<serde_json::Value, ServiceError> {
        Ok(serde_json::json!({}))
    }

    fn notes(&self, (): &()) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

async fn server(queue: usize, limits: HttpLimits) -> Server {
    let app = Arc::new(app(embedded(), queue, limits));
    let routes = Router::new()
        .route("/predict", answering::<Predict>())
        .route("/endless", answering::<Endless>())
        .route("/odd", answering::<Odd>());
    Server::of(Arc::clone(&app), dressed(app, routes)).await
}

/// Waits until `holds`, for at most five seconds.
async fn eventually(what: &str, holds: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(5), "not yet: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn work_ends_with_the_callers_connection_and_its_place_is_free() {
    let server = server(2, HttpLimits::default()).await;
    let load = || server.app.workers.load();
    let mut callers = Vec::new();
    for _ in 0..4 {
        let mut connection = server.connect().await;
        connection.send(&post("/endless", b"x")).await;
        callers.push(connection);
    }
    eventually("two at work, two waiting", || (load().busy, load().waiting) == (2, 2)).await;
    eventually("both have begun", || AT_WORK.load(Ordering::SeqCst) == 2).await;
    // Those who wait leave the queue at once; those at work stop between two steps.
    callers.pop();
    callers.pop();
    eventually("nobody waits", || load().waiting == 0).await;
    assert_eq!(load().busy, 2);
    drop(callers);
    let took = eventually("nobody works", || load().busy == 0).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(AT_WORK.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_deadline_is_kept_in_the_queue_and_at_work() {
    let request_timeout = Seconds::from_millis(400);
    let server = server(2, HttpLimits { request_timeout, ..HttpLimits::default() }).await;
    let ask = async || {
        let mut connection = server.connect().await;
        connection.send(&post("/odd", b"slow")).await;
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

#[tokio::test]
async fn a_panic_is_an_answer_and_the_pool_stays_whole() {
    let server = server(0, HttpLimits::default()).await;
    let mut connection = server.connect().await;
    for _ in 0..10 {
        connection.send(&post("/odd", b"x")).await;
        let answer = connection.answer().await;
        assert_eq!(status(&answer), 500, "{answer}");
        assert!(!answer.contains("secret") && !answer.contains(".rs"), "{answer}");
    }
    eventually("the places are free", || server.app.workers.load().busy == 0).await;
    connection.send(&post("/predict", &pictures::png())).await;
    assert_eq!(status(&connection.answer().await), 200);
}

#[tokio::test]
async fn the_end_waits_for_work_and_not_for_silence() {
    let drain_timeout = Seconds::new(8);
    let server = server(2, HttpLimits { drain_timeout, ..HttpLimits::default() }).await;
    let mut idle = server.connect().await;
    idle.send(&post("/predict", &pictures::png())).await;
    assert_eq!(status(&idle.answer().await), 200);
    let mut working = Vec::new();
    for _ in 0..4 {
        let mut connection = server.connect().await;
        connection.send(&post("/odd", b"slow")).await;
        working.push(connection);
    }
    let app = Arc::clone(&server.app);
    let load = || app.workers.load();
    eventually("all four are in", || load().busy + load().waiting == 4).await;
    let stopped = tokio::spawn(server.stop());
    for connection in &mut working {
        assert_eq!(status(&connection.answer().await), 200);
    }
    let took = stopped.await.unwrap();
    assert!(took < Duration::from_secs(7), "{took:?}");
    assert_eq!(idle.rest().await, "");
}

#[tokio::test]
async fn half_a_request_holds_the_end_up_for_the_drain_timeout_at_most() {
    let drain_timeout = Seconds::from_millis(500);
    let server = server(2, HttpLimits { drain_timeout, ..HttpLimits::default() }).await;
    let mut half = server.connect().await;
    half.send(b"POST /predict HTTP/1.1\r\nHost:").await;
    let mut bodiless = server.connect().await;
    bodiless.send(&post("/predict", &pictures::png())[..120]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let took = server.stop().await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}
