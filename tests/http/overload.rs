use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use convscope::config::{HttpLimits, Seconds};
use http_body::Frame;

use super::client::{Client, app, embedded};
use super::pictures;

/// A body that never arrives.
struct Never;

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_full_queue_gets_503_with_retry_after_at_once() {
    let app = Arc::new(app(embedded(), 1, HttpLimits::default()));
    let client = Client::of(Arc::clone(&app));
    let permits: Vec<_> = (0..3).map(|_| app.workers.admit().unwrap()).collect();
    let reply = client.post("/activations", "*/*", &pictures::png()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{reply}");
    assert_eq!(reply.json()["code"], "busy");
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(client.get("/models").await.status, 200);
    drop(permits);
    assert_eq!(client.post("/activations", "*/*", &pictures::png()).await.status, 200);
}

#[tokio::test]
async fn a_body_that_never_arrives_times_out_and_frees_its_place() {
    let limits = HttpLimits { body_timeout: Seconds::from_millis(300), ..HttpLimits::default() };
    let client = Client::of(Arc::new(app(embedded(), 0, limits)));
    let headers = [("content-type", "image/png")];
    let reply = client.send("POST", "/activations", &headers, Body::new(Never)).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (408, Some("slow-body")), "{reply}");
    assert_eq!(client.post("/predict", "*/*", &pictures::png()).await.status, 200);
}

#[tokio::test]
async fn a_request_past_its_deadline_gets_503() {
    let limits = HttpLimits { request_timeout: Seconds::new(0), ..HttpLimits::default() };
    let client = Client::of(Arc::new(app(embedded(), 8, limits)));
    for path in ["/activations", "/gradcam", "/predict"] {
        let reply = client.post(path, "*/*", &pictures::png()).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (503, Some("deadline-passed")));
    }
}

#[tokio::test]
async fn more_layers_than_the_limit_are_refused() {
    let mut app = app(embedded(), 8, HttpLimits::default());
    app.context.limits.layers = 2;
    let client = Client::of(Arc::new(app));
    let reply = client.post("/activations", "*/*", &[0; 50]).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (422, Some("too-many-layers")));
}

#[tokio::test]
async fn parallel_requests_get_the_same_answer_as_a_single_one() {
    let ask = || async {
        let path = "/gradcam?class=cat&class=dog";
        Client::new().post(path, "application/json", &pictures::png()).await.file()
    };
    let alone = ask().await;
    let together: Vec<_> = (0..64).map(|_| tokio::spawn(ask())).collect();
    for answer in together {
        assert!(answer.await.unwrap() == alone);
    }
}
