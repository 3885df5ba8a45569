//! `GET /methods`, of no model and of one.

use std::sync::Arc;

use convscope::attribution::METHODS;
use convscope::config::{HttpLimits, Limits};
use convscope::http::AppState;
use convscope::runtime::WorkerPool;
use convscope::service::{Context, ForwardCache};
use serde_json::Value;

use super::client::{Client, embedded};
use super::pictures;

async fn methods(query: &str) -> Vec<Value> {
    let reply = Client::new().get(&format!("/methods{query}")).await;
    assert_eq!(reply.status, 200, "{reply}");
    reply.json().as_array().unwrap().clone()
}

async fn passes(query: &str, name: &str) -> Value {
    let methods = methods(query).await;
    methods.iter().find(|method| method["name"] == name).unwrap()["passes"].clone()
}

#[tokio::test]
async fn methods_are_described_as_the_table_has_them() {
    for query in ["", "?model=cats_and_dogs_small_1"] {
        let list = methods(query).await;
        assert_eq!(list.len(), METHODS.len());
        for (description, method) in list.iter().zip(METHODS) {
            assert_eq!(description["name"], method.name);
            assert_eq!(description["paper"], method.paper);
            assert_eq!(description["summary"], method.summary);
        }
    }
}

#[tokio::test]
async fn a_summary_is_one_short_sentence() {
    for method in METHODS {
        let sentence = method.summary;
        let is_sentence = sentence.ends_with('.') && !sentence[..sentence.len() - 1].contains(". ");
        assert!(is_sentence && sentence.len() <= 90, "{}: {sentence:?}", method.name);
    }
}

#[tokio::test]
async fn the_cost_is_that_of_the_model_and_the_layer() {
    // The last convolution has 128 channels of 15 × 15 positions, the first 32.
    let model = "?model=cats_and_dogs_small_1";
    assert_eq!(passes("", "ablationcam").await, 512);
    assert_eq!(passes(model, "ablationcam").await, 128);
    assert_eq!(passes("?layer=conv2d_1", "ablationcam").await, 32);
    assert_eq!(passes(model, "reciprocam").await, 15 * 15 + 1);
    // Windows of 22 pixels every 11 pixels in 150 pixels: the last of 13 ends at the border.
    assert_eq!(passes(model, "occlusion").await, 13 * 13);
}

#[tokio::test]
async fn methods_of_more_passes_than_allowed_say_so() {
    let (models, forwards) = (embedded().into(), ForwardCache::with_capacity(0));
    let context = Context { models, forwards, limits: Limits { passes: 100, ..Limits::default() } };
    let workers = WorkerPool::start(1, 8).unwrap();
    let client = Client::of(Arc::new(AppState::new(context, workers, HttpLimits::default())));
    let exceeds = |methods: &Value, name: &str| {
        let methods = methods.as_array().unwrap();
        let method = methods.iter().find(|method| method["name"] == name).unwrap();
        method.get("exceeds_max_passes").is_some_and(|exceeds| *exceeds == true)
    };
    let methods = client.get("/methods?model=cats_and_dogs_small_1").await.json();
    assert!(exceeds(&methods, "rise") && exceeds(&methods, "occlusion"));
    assert!(!exceeds(&methods, "gradcam") && !exceeds(&methods, "deeplift"));
    assert!(!exceeds(&client.get("/methods").await.json(), "rise"), "no model is named");
}

#[tokio::test]
async fn a_method_is_refused_exactly_if_its_map_is() {
    let client = Client::new();
    let few = [
        ("steps", "2"),
        ("max_steps", "2"),
        ("samples", "2"),
        ("masks", "2"),
        ("window", "75"),
        ("stride", "75"),
        ("grid", "2"),
        ("channels", "4"),
    ];
    for layer in ["conv2d_1", "conv2d_4"] {
        let list = methods(&format!("?layer={layer}")).await;
        for (description, method) in list.iter().zip(METHODS) {
            let own = |name: &str| method.parameters.iter().any(|own| own.name() == name);
            let mut path = format!("/explain?method={}", method.name.replace('+', "%2B"));
            for (name, value) in few.iter().filter(|(name, _)| own(name)) {
                path += &format!("&{name}={value}");
            }
            if method.reads_layer() {
                path += &format!("&layer={layer}");
            }
            let reply = client.post(&path, "application/x-npz", &pictures::png()).await;
            let refusal = description["refusal"].as_str();
            if description["passes"].as_u64() > Some(Limits::default().passes) {
                assert_eq!(
                    (reply.json()["code"].as_str(), refusal),
                    (Some("too-many-passes"), None)
                );
                continue;
            }
            assert_eq!(reply.status != 200, refusal.is_some(), "{path}: {refusal:?}, {reply}");
            if let Some(refusal) = refusal {
                assert!(reply.json()["detail"].as_str().unwrap().contains(refusal), "{reply}");
            }
        }
        assert!(list.iter().any(|method| method["name"] == "cam" && method["refusal"].is_string()));
    }
    assert!(methods("").await.iter().all(|method| method.get("refusal").is_none()));
}

#[tokio::test]
async fn what_the_request_names_is_checked() {
    for (query, status, code) in [
        ("model=vgg61", 404, "unknown-model"),
        ("layer=conv2d_9", 422, "unknown-layer"),
        ("layer=flatten_1", 422, "not-explainable"),
        ("method=gradcam", 400, "unknown-parameter"),
    ] {
        let reply = Client::new().get(&format!("/methods?{query}")).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{query}");
    }
}
