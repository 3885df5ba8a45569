//! Routes of use cases that need no picture.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use convscope::config::HttpLimits;
use convscope::http::{use_case, with_middleware};
use serde_json::json;

use super::client::{Client, app, embedded};
use super::use_cases::Count;

fn client() -> Client {
    let routes = Router::new()
        .route("/count", get(use_case::<Count>))
        .route("/models/{model}/count", get(use_case::<Count>));
    let app = Arc::new(app(embedded(), 8, HttpLimits::default()));
    Client::over(with_middleware(app, routes))
}

#[tokio::test]
async fn parameters_come_from_the_query_string_and_the_path() {
    let expected = json!({ "model": "cats_and_dogs_small_1", "counted": 3 });
    for path in [
        "/count?passes=3",
        "/count?passes=3&model=cats_and_dogs_small_1",
        "/models/cats_and_dogs_small_1/count?passes=3",
        "/models/cats%5Fand_dogs_small_1/count?passes=3",
    ] {
        let reply = client().send_unchecked("GET", path, &[], Vec::new()).await;
        assert_eq!((reply.status, reply.json()), (200, expected.clone()), "{path}");
        assert_eq!(reply.header("convscope-model"), Some("cats_and_dogs_small_1"));
        let stages = reply.header("server-timing").unwrap();
        assert!(stages.starts_with("read;dur="), "{stages}");
    }
}

#[tokio::test]
async fn wrong_parameters_are_refused() {
    for (path, status, code) in [
        ("/count?passes=0", 400, "invalid-parameter"),
        ("/count?steps=1", 400, "unknown-parameter"),
        ("/models/vgg61/count", 404, "unknown-model"),
        ("/models/%ff/count", 404, "no-such-route"),
        ("/models/vgg16/count?model=vgg16", 400, "repeated-parameter"),
    ] {
        let reply = client().send_unchecked("GET", path, &[], Vec::new()).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{path}");
    }
}
