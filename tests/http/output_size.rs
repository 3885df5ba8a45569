//! No answer has more bytes than its limit.

use std::sync::Arc;

use convscope::config::HttpLimits;

use super::client::{Client, Reply, app, embedded};
use super::pictures;

/// A client of a server whose answers have at most `limit` bytes.
pub(crate) fn client(limit: u64) -> Client {
    let mut app = app(embedded(), 64, HttpLimits::default());
    app.context.limits.output_bytes = limit;
    Client::of(Arc::new(app))
}

pub(crate) fn is_too_large(reply: &Reply) -> bool {
    reply.status == 422 && reply.json()["code"] == "answer-too-large"
}

#[tokio::test]
async fn every_kind_of_answer_is_refused_beyond_the_limit() {
    let cases = [
        ("/activations", "image/png"),
        ("/activations", "application/json"),
        ("/activations", "application/zip"),
        ("/activations", "application/x-npz"),
        ("/activations?channel=1", "image/png"),
        ("/gradcam", "image/png"),
        ("/gradcam", "application/json"),
        ("/gradcam", "application/x-npy"),
        ("/gradcam", "application/x-npz"),
        ("/explain?method=hirescam", "application/json"),
        ("/explain?method=saliency", "application/json"),
        ("/explain?method=saliency", "application/x-npy"),
        ("/explain?method=saliency", "application/x-npz"),
        ("/explain?method=occlusion&window=74&stride=74", "application/x-npz"),
        ("/predict", "application/json"),
    ];
    let (small, enough) = (client(100), client(60_000_000));
    for (path, accept) in cases {
        let reply = small.post(path, accept, &pictures::png()).await;
        assert!(is_too_large(&reply), "{path} {accept}: {reply}");
        let reply = enough.post(path, accept, &pictures::png()).await;
        assert_eq!(reply.status, 200, "{path} {accept}: {reply}");
    }
    let reply = small.post("/explain", "text/event-stream", &pictures::png()).await;
    assert!(is_too_large(&reply), "events: {reply}");
}

#[tokio::test]
async fn arrays_are_refused_before_the_picture_is_decoded() {
    let no_picture = [0; 50];
    let layer = 32 * 148 * 148 * 4;
    let client = client(layer);
    let npz = "application/x-npz";
    let path = "/activations?layer=conv2d_1";
    let reply = client.post(path, npz, &no_picture).await;
    assert!(is_too_large(&reply), "{reply}");
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    for says in [&layer.to_string(), "fewer layers", "limit"] {
        assert!(detail.contains(says), "{detail}");
    }
    let one_less = client.post(&format!("{path}&limit=31"), npz, &pictures::png()).await;
    let file = one_less.file();
    assert!((file.len() as u64) < layer && file.len() > 31 * 148 * 148 * 4);
}
