//! A request has a bounded number of values, each counts once, and its body is parsed by a worker.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use convscope::config::HttpLimits;
use convscope::runtime::CancellationToken;
use serde_json::{Value, json};

use super::client::{Client, FORM, Part, Reply, app, base64, embedded, form};
use super::pictures;

/// The most values in one request.
pub(crate) const LIMIT: usize = 1024;

pub(crate) async fn post_json(route: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("accept", "*/*")];
    Client::new().send("POST", route, &headers, body.to_string()).await
}

async fn post_query(query: &str) -> Reply {
    Client::new().post(&format!("/activations?{query}"), "*/*", &pictures::png()).await
}

async fn post_form(values: &[String]) -> Reply {
    let png = pictures::png();
    let mut parts: Vec<Part<'_>> = vec![("image", Some("a.png"), &png)];
    parts.extend(values.iter().map(|value| ("channel", None, value.as_bytes())));
    Client::new().send("POST", "/activations", &[("content-type", FORM)], form(&parts)).await
}

pub(crate) fn refusal(name: &str, reply: &Reply) -> Option<String> {
    let is_expected = reply.status == 400
        && reply.json()["code"] == "too-many-values"
        && reply.json()["detail"].as_str().unwrap().contains("1024");
    (!is_expected).then(|| format!("{name}: {reply}"))
}

#[tokio::test]
async fn more_values_than_the_limit_are_refused_in_every_form() {
    let image = base64(&pictures::png());
    let many = 20_000;
    let numbers = vec!["0"; LIMIT + 1].join(",");
    let halves: Vec<String> = vec![vec!["0"; LIMIT / 2 + 1].join(","); 2];
    let list = json!({ "image": image, "layer": vec!["x"; many] });
    let flags = json!({ "image": image, "x": vec![true; many] });
    let numbers_in_json = json!({ "image": image, "channel": numbers });
    let mut keys = json!({ "image": image });
    let mut nulls = keys.clone();
    for index in 0..many {
        keys[format!("k{index}")] = json!(1);
        nulls[format!("k{index}")] = json!(null);
    }
    let pairs = vec!["layer=x"; LIMIT + 1].join("&");
    let wrong: Vec<String> = [
        refusal("a JSON list", &post_json("/activations", &list).await),
        refusal("a JSON list of booleans", &post_json("/predict", &flags).await),
        refusal("commas in JSON", &post_json("/activations", &numbers_in_json).await),
        refusal("JSON keys", &post_json("/gradcam", &keys).await),
        refusal("JSON keys without a value", &post_json("/explain", &nulls).await),
        refusal("a query string", &post_query(&pairs).await),
        refusal("commas in a query string", &post_query(&format!("channel={numbers}")).await),
        refusal("fields of a form", &post_form(&halves).await),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_value_that_is_repeated_up_to_the_limit_counts_once() {
    let image = base64(&pictures::png());
    let (npz, zeros) = ("application/x-npz", vec!["0"; LIMIT].join(","));
    let ask = async |query: &str| {
        let path = format!("/activations?layer=conv2d_4&{query}");
        Client::new().post(&path, npz, &pictures::png()).await.file()
    };
    let expected = ask("channel=0").await;
    assert!(ask(&format!("channel={zeros}")).await == expected, "commas");
    assert!(ask("channel=0&channel=0&layer=conv2d_4").await == expected, "repeated");
    assert!(ask("channel=3,0,3").await == ask("channel=3,0").await, "order");

    let once = json!({ "image": image, "class": "cat", "layer": "conv2d_4" });
    let mut often = once.clone();
    often["class"] = json!(vec!["cat"; LIMIT - 1]);
    let [once, often] =
        [post_json("/gradcam", &once).await.file(), post_json("/gradcam", &often).await.file()];
    assert!(once == often, "classes");
}

/// Whether a JSON body that is posted to `path` waits for a worker before it is parsed.
pub(crate) async fn is_parsed_by_a_worker(path: &str) -> bool {
    let app = Arc::new(app(embedded(), 8, HttpLimits::default()));
    // Both workers are busy until the senders are dropped.
    let (senders, busy): (Vec<_>, Vec<_>) = (0..2)
        .map(|_| {
            let (sender, receiver) = mpsc::channel::<()>();
            let (app, permit) = (Arc::clone(&app), app.workers.admit().unwrap());
            let work = move |_: &CancellationToken| receiver.recv().is_ok();
            let work =
                async move { app.workers.run(permit, CancellationToken::never(), work).await };
            (sender, tokio::spawn(work))
        })
        .unzip();
    while app.workers.load().busy < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let headers = [("content-type", "application/json")];
    let client = Client::of(Arc::clone(&app));
    let mut asked = Box::pin(client.send_unchecked("POST", path, &headers, "{broken"));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut asked).await;
    drop(senders);
    let is_early = early.is_ok();
    let reply = if let Ok(reply) = early { reply } else { asked.await };
    assert!((400..500).contains(&reply.status), "{path}: {reply}");
    for work in busy {
        work.await.unwrap().unwrap();
    }
    !is_early
}

#[tokio::test]
async fn a_json_body_is_parsed_by_a_worker() {
    for path in ["/predict", "/activations", "/gradcam", "/explain"] {
        assert!(is_parsed_by_a_worker(path).await, "{path} was answered without a worker");
    }
}
