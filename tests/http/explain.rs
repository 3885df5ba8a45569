//! `POST /explain`, `GET /methods`, and `POST /gradcam` as their preset.

use std::sync::Arc;

use convscope::attribution::METHODS;
use convscope::config::{HttpLimits, Limits};
use convscope::http::AppState;
use convscope::runtime::WorkerPool;
use convscope::service::{Context, ForwardCache};
use serde_json::Value;

use super::client::{Client, embedded};
use super::pictures;

async fn json(path: &str) -> Value {
    let reply = Client::new().post(path, "application/json", &pictures::png()).await;
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()
}

async fn file(path: &str, accept: &str) -> Vec<u8> {
    Client::new().post(path, accept, &pictures::png()).await.file()
}

#[tokio::test]
async fn gradcam_is_explain_with_its_method() {
    for query in ["class=cat&class=dog", "layer=conv2d_2&score=logit&sign=negative", "top=2"] {
        for accept in ["image/png", "application/json", "application/x-npy", "application/x-npz"] {
            let explain = file(&format!("/explain?method=gradcam&{query}"), accept).await;
            let default = file(&format!("/explain?{query}"), accept).await;
            let gradcam = file(&format!("/gradcam?{query}"), accept).await;
            assert!(explain == gradcam && default == gradcam, "{query} as {accept}");
        }
    }
}

#[tokio::test]
async fn every_method_answers_for_every_class() {
    let names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    let query: String = names.iter().map(|name| format!("method={name}&")).collect();
    let answer = json(&format!("/explain?{query}class=cat&class=dog")).await;
    let maps = answer["maps"].as_array().unwrap();
    assert_eq!(maps.len(), 2 * names.len());
    for (index, map) in maps.iter().enumerate() {
        assert_eq!(map["method"], names[index % names.len()]);
        assert_eq!(map["label"], ["cat", "dog"][index / names.len()]);
        assert_eq!(map["map"].as_array().unwrap().len(), 15);
    }
    let passes = answer["passes"].as_u64().unwrap();
    assert_eq!(passes, 1 + maps.len() as u64, "one forward pass, one backward pass a map");
    let archive = file(&format!("/explain?{query}class=0&class=1"), "application/x-npz").await;
    let arrays = crate::convnet::npz(&archive);
    for name in &names {
        for class in 0..2 {
            assert_eq!(arrays[&format!("{name}/{class}")].shape(), [15, 15]);
        }
    }
}

#[tokio::test]
async fn methods_are_described_as_the_table_has_them() {
    let list = Client::new().get("/methods").await.json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), METHODS.len());
    for (description, method) in list.iter().zip(METHODS) {
        assert_eq!(description["name"], method.name);
        assert_eq!(description["paper"], method.paper);
    }
}

#[tokio::test]
async fn every_spelling_of_a_method_gets_the_same_answer() {
    let client = Client::new();
    // A query string that is not percent-encoded turns a plus sign into a blank.
    for name in ["gradcam++", "gradcam%2B%2B", "gradcam%20%20", "gradcam_plus_plus"] {
        let path = format!("/explain?method={name}");
        let reply = client.post(&path, "application/json", &pictures::png()).await;
        if METHODS.iter().any(|method| method.name == "gradcam++") {
            assert_eq!(reply.json()["maps"][0]["method"], "gradcam++", "{name}");
        } else {
            assert_eq!(reply.json()["code"], "unknown-method", "{name}: {reply}");
        }
    }
    let spelt = file("/explain?method=Hi-Res_CAM", "image/png").await;
    assert_eq!(spelt, file("/explain?method=hirescam", "image/png").await);
}

#[tokio::test]
async fn an_array_without_names_takes_one_method() {
    let path = "/explain?method=gradcam&method=hirescam";
    let reply = Client::new().post(path, "application/x-npy", &pictures::png()).await;
    let problem = reply.json();
    assert_eq!((reply.status, problem["code"].as_str()), (400, Some("invalid-parameter")));
    assert!(problem["detail"].as_str().unwrap().contains("application/x-npz"), "{problem}");
}

#[tokio::test]
async fn a_request_that_needs_too_many_passes_is_refused_with_their_number() {
    let (models, forwards) = (embedded().into(), ForwardCache::with_capacity(0));
    let context = Context { models, forwards, limits: Limits { passes: 3, ..Limits::default() } };
    let workers = WorkerPool::start(1, 8).unwrap();
    let client = Client::of(Arc::new(AppState::new(context, workers, HttpLimits::default())));
    // One forward pass and two backward passes.
    let within = client.post("/gradcam?class=0&class=1", "*/*", &pictures::png()).await;
    assert_eq!(within.status, 200, "{within}");
    let path = "/explain?method=gradcam&method=hirescam&class=0&class=1";
    // The picture is broken: the limit is checked before the picture is decoded.
    let beyond = client.post(path, "*/*", b"no picture").await;
    let problem = beyond.json();
    assert_eq!((beyond.status, problem["code"].as_str()), (422, Some("too-many-passes")));
    assert!(problem["detail"].as_str().unwrap().contains("5 passes"), "{problem}");
}

#[tokio::test]
async fn a_shared_scale_keeps_the_maps_comparable() {
    // The two classes of one sigmoid unit have opposite maps of different size after ReLU.
    let own = json("/explain?class=cat&class=dog&view=heatmap").await;
    let shared = json("/explain?class=cat&class=dog&view=heatmap&scale=shared").await;
    assert_eq!((&own["scale"], &shared["scale"]), (&"own".into(), &"shared".into()));
    assert_eq!(own["maps"], shared["maps"], "the raw maps are the same");
    assert_ne!(own["png"], shared["png"]);
}

#[tokio::test]
async fn a_percentile_clips_the_picture_and_not_the_map() {
    let whole = json("/explain?class=cat&view=heatmap").await;
    let clipped = json("/explain?class=cat&view=heatmap&percentile=90").await;
    assert_eq!(whole["maps"][0]["percentile"], 100.0);
    assert_eq!(clipped["maps"][0]["percentile"], 90.0);
    assert_eq!(whole["maps"][0]["map"], clipped["maps"][0]["map"]);
    assert_ne!(whole["png"], clipped["png"]);
}

#[tokio::test]
async fn a_title_is_drawn_above_every_view() {
    for view in ["overlay", "heatmap", "mask", "cells"] {
        let with = json(&format!("/explain?class=cat&view={view}&title=Evidence")).await;
        let without = json(&format!("/explain?class=cat&view={view}")).await;
        assert_eq!(with["maps"], without["maps"], "{view}");
        assert_ne!(with["png"], without["png"], "{view}");
    }
}
