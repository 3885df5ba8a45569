//! `GET /metrics`, `GET /info` and request ids.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use convscope::config::HttpLimits;
use serde_json::json;

use super::client::{Client, app, base64, embedded};
use super::pictures;

/// The value of one line of `GET /metrics`.
async fn metric(client: &Client, line: &str) -> f64 {
    let text = String::from_utf8(client.get("/metrics").await.body).unwrap();
    let value = text.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {line} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn metrics_count_requests_problems_and_the_cache() {
    let mut app = app(embedded(), 1, HttpLimits::default());
    app.context.forwards = convscope::service::ForwardCache::with_capacity(64 << 20);
    let app = Arc::new(app);
    let client = Client::of(Arc::clone(&app));
    let png = pictures::png();
    for (path, expected) in [("/predict", 200), ("/predict", 200), ("/predict?x=1", 400)] {
        assert_eq!(client.post(path, "*/*", &png).await.status, expected);
    }
    let permits: Vec<_> = (0..3).map(|_| app.workers.admit().unwrap()).collect();
    assert_eq!(client.post("/gradcam", "*/*", &png).await.status, 503);
    assert_eq!(metric(&client, "convscope_queue_depth").await, 3.0);
    drop(permits);
    let duration = "http_request_duration_seconds_count";
    let expected = [
        (format!("{duration}{{method=\"POST\",route=\"/predict\",status=\"200\"}}"), 2.0),
        (format!("{duration}{{method=\"POST\",route=\"/predict\",status=\"400\"}}"), 1.0),
        ("stage_duration_seconds_count{stage=\"forward\"}".to_owned(), 1.0),
        ("stage_duration_seconds_count{stage=\"cache\"}".to_owned(), 1.0),
        ("stage_duration_seconds_count{stage=\"queue\"}".to_owned(), 2.0),
        ("convscope_picture_cache_total{result=\"hit\"}".to_owned(), 1.0),
        ("convscope_picture_cache_total{result=\"miss\"}".to_owned(), 1.0),
        ("convscope_rejected_total{reason=\"busy\"}".to_owned(), 1.0),
        ("convscope_rejected_total{reason=\"unknown-parameter\"}".to_owned(), 1.0),
        ("convscope_cancelled_total".to_owned(), 0.0),
        ("convscope_panics_total".to_owned(), 0.0),
        ("convscope_workers".to_owned(), 2.0),
        ("convscope_busy_workers".to_owned(), 0.0),
        ("convscope_queue_capacity".to_owned(), 1.0),
        ("convscope_queue_depth".to_owned(), 0.0),
    ];
    for (line, value) in expected {
        assert_eq!(metric(&client, &line).await, value, "{line}");
    }
    let model = "convscope_model{model=\"cats_and_dogs_small_1\",input=\"150x150\",classes=\"2\"}";
    assert_eq!(metric(&client, model).await, 1.0);
    assert!(metric(&client, "process_resident_memory_bytes").await > 1e6);
}

#[tokio::test]
async fn the_protocols_of_kserve_report_their_stages() {
    let client = Client::of(Arc::new(app(embedded(), 8, HttpLimits::default())));
    let image = base64(&pictures::png());
    let v1 = json!({ "instances": [{ "image": { "b64": image } }, { "image": image }] });
    let input = json!({ "name": "image", "datatype": "BYTES", "shape": [1], "data": [image] });
    let v2 = json!({ "inputs": [input] });
    let model = "cats_and_dogs_small_1";
    for (path, body, own) in [
        (format!("/v1/models/{model}:predict"), &v1, ""),
        (format!("/v1/models/{model}:explain"), &v1, "backward"),
        (format!("/v2/models/{model}/infer"), &v2, ""),
    ] {
        let headers = [("content-type", "application/json")];
        let reply = client.send("POST", &path, &headers, body.to_string()).await;
        let timing = reply.header("server-timing").unwrap_or_default().to_owned();
        for stage in ["read", "queue", "decode", "forward", own, "encode"] {
            assert!(timing.contains(stage), "{path}: no {stage} in {timing}");
        }
        // The times of several pictures are added up.
        assert_eq!(timing.matches("decode").count(), 1, "{path}: {timing}");
    }
    for (stage, count) in [("read", 3.0), ("queue", 3.0), ("forward", 3.0), ("backward", 1.0)] {
        let line = format!("stage_duration_seconds_count{{stage=\"{stage}\"}}");
        assert_eq!(metric(&client, &line).await, count, "{line}");
    }
}

#[tokio::test]
async fn metrics_describe_the_build_the_process_and_the_last_reload() {
    let app = Arc::new(app(embedded(), 1, HttpLimits::default()));
    let client = Client::of(Arc::clone(&app));
    let reloaded = "convscope_last_reload_success_timestamp_seconds";
    app.count_reload(false);
    assert_eq!(metric(&client, reloaded).await, 0.0);
    app.count_reload(true);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((metric(&client, reloaded).await - now).abs() < 5.0);
    assert_eq!(metric(&client, "convscope_models_kept").await, 0.0);
    let text = String::from_utf8(client.get("/metrics").await.body).unwrap();
    let build = format!("convscope_build_info{{version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&build), "{text}");
    if cfg!(target_os = "linux") {
        let started = metric(&client, "process_start_time_seconds").await;
        assert!(started > now - 86_400.0 && started < now + 2.0, "{started}");
        assert!(metric(&client, "process_cpu_seconds_total").await >= 0.0);
        let (open, max) = ("process_open_fds", "process_max_fds");
        assert!(metric(&client, open).await >= 3.0);
        assert!(metric(&client, open).await < metric(&client, max).await);
    }
}

#[tokio::test]
async fn unknown_methods_and_paths_create_no_labels() {
    let client = Client::of(Arc::new(app(embedded(), 1, HttpLimits::default())));
    for method in ["BREW", "PROPFIND"] {
        for path in ["/made/up", "/models/made-up"] {
            client.send_unchecked(method, path, &[], Vec::new()).await;
        }
    }
    let text = String::from_utf8(client.get("/metrics").await.body).unwrap();
    assert!(!text.contains("made") && !text.contains("BREW"), "{text}");
    let other =
        "http_request_duration_seconds_count{method=\"other\",route=\"none\",status=\"404\"}";
    assert_eq!(metric(&client, other).await, 2.0);
}

#[tokio::test]
async fn a_valid_request_id_is_kept_and_any_other_replaced() {
    let client = Client::new();
    let long = "x".repeat(129);
    for (id, is_kept) in
        [("a-1_b.C", true), ("two words", false), ("", false), (long.as_str(), false)]
    {
        let reply = client.send("GET", "/healthz", &[("x-request-id", id)], Vec::new()).await;
        assert_eq!(reply.header("x-request-id") == Some(id), is_kept, "{id:?}");
        assert!(!reply.header("x-request-id").unwrap().is_empty());
    }
}

#[tokio::test]
async fn info_lists_every_limit_that_is_a_flag() {
    let info = Client::new().get("/info").await.json();
    let limits = info["limits"].as_object().unwrap();
    let command = convscope::cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let flags = serve.get_arguments().filter_map(|argument| argument.get_long());
    let is_limit = |flag: &&str| {
        let ends = ["-timeout", "-delay", "-bytes", "-rate"];
        flag.starts_with("max-")
            || ends.iter().any(|end| flag.ends_with(end))
            || ["workers", "queue"].contains(flag)
    };
    let mut expected: Vec<String> = flags.filter(is_limit).map(|it| it.replace('-', "_")).collect();
    let mut found: Vec<String> = limits.keys().cloned().collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert!(expected.len() > 15, "{expected:?}");
    assert_eq!(info["models"]["loaded"][0], "cats_and_dogs_small_1");
}
