//! Server-sent events: progress while a computation runs, then its result or its error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use convscope::config::{HttpLimits, Seconds};
use convscope::http::{streaming_use_case, with_middleware};
use convscope::service::{Explain, GradCam};
use serde_json::{Value, json};

use super::client::{Client, app, embedded, from_base64};
use super::pictures;
use super::socket::{Server, head_and_body, status};
use super::use_cases::{Count, Endless, SlowOrPanic};

async fn server(limits: HttpLimits) -> Server {
    let app = Arc::new(app(embedded(), 8, limits));
    let routes = Router::new()
        .route("/count", get(streaming_use_case::<Count>))
        .route("/endless", post(streaming_use_case::<Endless<1>>))
        .route("/explain", post(streaming_use_case::<Explain>))
        .route("/gradcam", post(streaming_use_case::<GradCam>))
        .route("/slow-or-panic", post(streaming_use_case::<SlowOrPanic>));
    Server::of(Arc::clone(&app), with_middleware(app, routes)).await
}

fn request(line: &str, accept: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: {accept}\r\n\
         X-Request-Id: mine\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The head of an answer, and its events: names and data.
async fn events(server: &Server, line: &str, body: &[u8]) -> (String, Vec<(String, String)>) {
    let answer = server.ask(&request(line, "text/event-stream", body)).await;
    let (head, body) = head_and_body(&answer);
    assert!(head.contains("content-type: text/event-stream"), "{answer}");
    let events = body.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':'));
    let parse = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap();
        (name.to_owned(), data.strip_prefix("data: ").unwrap().to_owned())
    };
    (head, events.map(parse).collect())
}

fn parsed(data: &str) -> Value {
    serde_json::from_str(data).unwrap()
}

async fn metric(server: &Server, line: &str) -> f64 {
    let client = Client::of(Arc::clone(&server.app));
    let text = String::from_utf8(client.get("/metrics").await.body).unwrap();
    let value = text.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn progress_is_followed_by_the_result() {
    let server = server(HttpLimits::default()).await;
    let begun = Instant::now();
    let (head, events) = events(&server, "GET /count?passes=100", b"").await;
    let took = begun.elapsed();
    assert_eq!(status(&head), 200);
    assert!(head.contains("cache-control: no-cache") && head.contains("x-accel-buffering: no"));
    let (last, progress) = events.split_last().unwrap();
    let expected = json!({ "model": "cats_and_dogs_small_1", "counted": 100 });
    assert_eq!((last.0.as_str(), parsed(&last.1)), ("result", expected));
    assert!(progress.iter().all(|(name, _)| name == "progress"), "{progress:?}");
    let progress: Vec<Value> = progress.iter().map(|(_, data)| parsed(data)).collect();
    assert!(progress.iter().all(|it| it["total"] == 100), "{progress:?}");
    let done: Vec<u64> = progress.iter().map(|it| it["done"].as_u64().unwrap()).collect();
    assert!(done.is_sorted_by(|a, b| a < b) && done.last() == Some(&100), "{done:?}");
    // The computation takes at least half a second. The first and the last event are extra.
    let at_most = took.as_millis() / 100 + 2;
    assert!(done.len() >= 3 && done.len() as u128 <= at_most, "{done:?} in {took:?}");
}

#[tokio::test]
async fn the_result_is_the_json_answer() {
    let server = server(HttpLimits::default()).await;
    let line = "POST /gradcam?class=cat&class=dog";
    let plain = server.ask(&request(line, "application/json", &pictures::png())).await;
    let (_, events) = events(&server, line, &pictures::png()).await;
    let (name, data) = events.last().unwrap();
    assert_eq!(name, "result");
    assert!(*data == head_and_body(&plain).1, "{data}");
}

#[tokio::test]
async fn previews_show_the_map_as_far_as_it_is_computed() {
    let server = server(HttpLimits::default()).await;
    for (line, is_signed) in [
        ("POST /explain?method=rise&masks=300&class=cat", false),
        ("POST /explain?method=smoothgrad&samples=60", true),
        ("POST /explain?method=occlusion&window=16&stride=8", true),
        ("POST /explain?method=integrated_gradients&steps=50&max_steps=50", true),
    ] {
        let begun = Instant::now();
        let (_, events) = events(&server, line, &pictures::png()).await;
        let took = begun.elapsed();
        let (last, others) = events.split_last().unwrap();
        assert_eq!(last.0, "result");
        let map = &parsed(&last.1)["maps"][0];
        let previews = others.iter().filter(|(name, _)| name == "preview");
        let previews: Vec<Value> = previews.map(|(_, data)| parsed(data)).collect();
        assert!(!previews.is_empty() && previews.len() as u128 <= took.as_millis() / 250, "{line}");
        for preview in &previews {
            for key in ["method", "class", "sign"] {
                assert_eq!(preview[key], map[key], "{line}");
            }
        }
        let png = from_base64(&previews.last().unwrap()["png"]);
        let drawn = image::load_from_memory(&png).unwrap().to_luma8();
        assert_eq!(drawn.dimensions(), (150, 150));
        // The picture of the last preview is nearly that of the map.
        let offset = map["offset"].as_f64().unwrap_or_default();
        let rows = map["map"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
        let values = rows.map(|value| value.as_f64().unwrap() - offset);
        let shown = values.map(|value| if is_signed { value } else { value.max(0.0) });
        let levels = drawn.pixels().map(|level| f64::from(level.0[0]));
        let similarity = correlation(&levels.collect::<Vec<_>>(), &shown.collect::<Vec<_>>());
        assert!(similarity > 0.6, "{line}: {similarity}");
    }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let centred = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|value| value - mean).collect::<Vec<_>>()
    };
    let (a, b) = (centred(a), centred(b));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

#[tokio::test]
async fn an_error_of_the_parameters_is_an_ordinary_answer() {
    let server = server(HttpLimits::default()).await;
    for (line, expected, code) in [
        ("GET /count?passes=0", 400, "invalid-parameter"),
        ("GET /count?model=vgg61", 404, "unknown-model"),
        ("POST /gradcam?layer=flatten_1", 422, "not-explainable"),
    ] {
        let answer = server.ask(&request(line, "text/event-stream", &pictures::png())).await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(answer.contains("application/problem+json") && answer.contains(code), "{answer}");
    }
}

#[tokio::test]
async fn an_error_of_the_computation_is_an_event_with_the_problem() {
    let server = server(HttpLimits::default()).await;
    let cases: [(&str, &[u8], u16, &str); 3] = [
        ("GET /count?passes=13", b"", 400, "invalid-parameter"),
        ("POST /gradcam", b"no picture", 415, "unknown-picture-format"),
        ("POST /slow-or-panic", b"x", 500, "internal"),
    ];
    for (line, body, expected, code) in cases {
        let plain = server.ask(&request(line, "application/json", body)).await;
        let (head, events) = events(&server, line, body).await;
        assert_eq!((status(&plain), status(&head)), (expected, 200), "{plain}");
        let (name, data) = events.last().unwrap();
        assert_eq!((name.as_str(), data.as_str()), ("error", head_and_body(&plain).1.as_str()));
        let problem = parsed(data);
        assert_eq!((&problem["status"], &problem["code"]), (&json!(expected), &json!(code)));
        assert_eq!(problem["request_id"], "mine");
    }
    let rejected = metric(&server, "convscope_rejected_total{reason=\"internal\"}").await;
    let panics = metric(&server, "convscope_panics_total").await;
    assert_eq!((rejected, panics), (2.0, 2.0), "one plain request, one stream");
}

#[tokio::test]
async fn a_deadline_ends_the_stream_with_an_error() {
    let request_timeout = Seconds::from_millis(300);
    let server = server(HttpLimits { request_timeout, ..HttpLimits::default() }).await;
    let (_, events) = events(&server, "POST /endless", b"x").await;
    let (name, data) = events.last().unwrap();
    assert_eq!((name.as_str(), &parsed(data)["code"]), ("error", &json!("deadline-passed")));
}

#[tokio::test]
async fn a_caller_that_leaves_frees_the_worker() {
    let server = server(HttpLimits::default()).await;
    let mut connection = server.connect().await;
    connection.send(&request("POST /endless", "text/event-stream", b"x")).await;
    let begun = connection.until("event: progress").await;
    assert_eq!(status(&begun), 200);
    assert!(begun.contains(r#"data: {"done":1,"total":1}"#), "{begun}");
    assert_eq!(server.app.workers.load().busy, 1);
    drop(connection);
    let left = Instant::now();
    while server.app.workers.load().busy > 0 {
        assert!(left.elapsed() < Duration::from_secs(5), "the worker is still busy");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(metric(&server, "convscope_cancelled_total").await, 1.0);
}

#[tokio::test]
async fn a_stream_is_reported_when_it_has_ended() {
    let server = server(HttpLimits::default()).await;
    events(&server, "POST /gradcam", &pictures::png()).await;
    let labels = "{method=\"POST\",route=\"/gradcam\",status=\"200\"}";
    let line = format!("http_request_duration_seconds_count{labels}");
    assert_eq!(metric(&server, &line).await, 1.0);
    for stage in ["read", "queue", "decode", "forward", "backward", "encode"] {
        let line = format!("stage_duration_seconds_count{{stage=\"{stage}\"}}");
        assert_eq!(metric(&server, &line).await, 1.0, "{stage}");
    }
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive_by_comments() {
    let server = server(HttpLimits::default()).await;
    let mut connection = server.connect().await;
    connection.send(&request("POST /endless", "text/event-stream", b"x")).await;
    connection.until("event: progress").await;
    tokio::time::sleep(Duration::from_millis(15_500)).await;
    assert!(connection.until("\n\n").await.contains(":\n\n"));
}

#[tokio::test]
async fn a_route_without_streaming_refuses_it() {
    let reply = Client::new().post("/predict", "text/event-stream", &pictures::png()).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (406, Some("not-acceptable")));
}
