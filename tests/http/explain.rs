//! `POST /explain`, and `POST /gradcam` as its preset.

use std::sync::Arc;

use convscope::attribution::{Family, METHODS, Method, Resolution};
use convscope::config::{HttpLimits, Limits};
use convscope::http::AppState;
use convscope::runtime::WorkerPool;
use convscope::service::{Context, ForwardCache};
use serde_json::{Value, json};

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

/// The methods that can explain the last convolution of the bundled network: all but `cam` and
/// those that read attention.
fn usable() -> Vec<&'static Method> {
    let is_usable = |it: &&Method| it.name != "cam" && it.family != Family::Attention;
    METHODS.iter().filter(is_usable).collect()
}

#[tokio::test]
async fn every_method_answers_for_every_class() {
    // Each method takes few passes.
    let few = "steps=2&max_steps=2&samples=2&masks=2&window=75&stride=75&grid=2&channels=4";
    let methods = usable();
    let names: Vec<&str> = methods.iter().map(|method| method.name).collect();
    let query: String = names.iter().map(|name| format!("method={name}&")).collect();
    let answer = json(&format!("/explain?{query}{few}&class=cat&class=dog")).await;
    let maps = answer["maps"].as_array().unwrap();
    assert_eq!(maps.len(), 2 * names.len());
    let side = |method: &Method| match method.resolution {
        Resolution::Layer => 15,
        Resolution::Input => 150,
        Resolution::Tokens => 0,
    };
    for (index, map) in maps.iter().enumerate() {
        let method = methods[index % names.len()];
        assert_eq!(map["method"], method.name);
        assert_eq!(map["label"], ["cat", "dog"][index / names.len()]);
        assert_eq!(map["map"].as_array().unwrap().len(), side(method), "{}", method.name);
    }
    let passes = maps.iter().map(|map| map["passes"].as_u64().unwrap());
    assert_eq!(
        answer["passes"],
        1 + passes.sum::<u64>(),
        "one forward pass, and those of the maps"
    );
    let archive =
        file(&format!("/explain?{query}{few}&class=0&class=1"), "application/x-npz").await;
    let arrays = crate::convnet::npz(&archive);
    for method in methods {
        for class in 0..2 {
            let (name, side) = (format!("{}/{class}", method.name), side(method));
            assert_eq!(arrays[&name].shape(), [side, side]);
            if let Some(channels) = arrays.get(&format!("{name}/channels")) {
                assert_eq!(channels.shape(), [3, 150, 150]);
            }
        }
    }
    assert!(
        arrays.contains_key("saliency/0/channels") && !arrays.contains_key("gradcam/0/channels")
    );
}

#[tokio::test]
async fn every_spelling_of_a_method_gets_the_same_answer() {
    let client = Client::new();
    // A query string that is not percent-encoded turns a plus sign into a blank.
    for name in ["gradcam++", "gradcam%2B%2B", "gradcam%20%20", "gradcam_plus_plus"] {
        let path = format!("/explain?method={name}");
        let reply = client.post(&path, "application/json", &pictures::png()).await;
        assert_eq!(reply.json()["maps"][0]["method"], "gradcam++", "{name}");
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
async fn methods_that_read_the_same_gradient_share_its_backward_pass() {
    let methods = ["hirescam", "saliency", "layercam", "gradcam", "input_x_gradient", "xgradcam"];
    let query = |methods: &[&str]| {
        let names: String = methods.iter().map(|name| format!("method={name}&")).collect();
        let at_pixels = methods == ["saliency"] || methods == ["input_x_gradient"];
        let layers = if at_pixels { "" } else { "layer=conv2d_3&layer=conv2d_4&" };
        format!("/explain?{names}{layers}class=cat&class=dog")
    };
    let answer = json(&query(&methods)).await;
    let passes: Vec<u64> = answer["maps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|map| map["passes"].as_u64().unwrap())
        .collect();
    // Each class takes a gradient at both layers, channel sums at both, and one gradient at the
    // input.
    let of_class = [1, 1, 1, 0, 0, 1, 1, 0, 0, 0];
    assert_eq!(passes, [of_class, of_class].concat());
    assert_eq!(answer["passes"], 1 + 2 * 5);
    let together = crate::convnet::npz(&file(&query(&methods), "application/x-npz").await);
    for method in methods {
        let alone = crate::convnet::npz(&file(&query(&[method]), "application/x-npz").await);
        assert!(alone.len() >= 2);
        for (name, map) in alone {
            assert!(together[&name] == map, "{name} is another map beside other methods");
        }
    }
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
async fn a_map_with_an_offset_says_what_its_picture_shows_as_nothing() {
    let answer = json("/explain?method=rise&method=gradcam&masks=32&sign=negative").await;
    let [rise, gradcam] = [0, 1].map(|index| &answer["maps"][index]);
    let rows = rise["map"].as_array().unwrap();
    let values: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()))
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let offset = rise["offset"].as_f64().unwrap();
    assert!(offset < 0.0 && (offset - mean).abs() < 1e-5 * mean.abs(), "{offset} {mean}");
    assert_eq!(gradcam["offset"].to_string(), "0.0");
}

#[tokio::test]
async fn a_method_at_the_pixels_has_no_layer() {
    let answer = json("/explain?method=saliency").await;
    assert_eq!((answer.get("layer"), answer.get("layer_shape")), (None, None));
    let client = Client::new();
    let reply = client.post("/explain?method=saliency", "image/png", &pictures::png()).await;
    assert_eq!((reply.status, reply.header("convscope-layer")), (200, None));
    let path = "/explain?method=saliency&layer=conv2d_4";
    let problem = client.post(path, "image/png", b"no picture").await.json();
    assert_eq!(problem["code"], "unknown-parameter");
    // Beside a method that reads a layer, it is that method's.
    let both = json("/explain?method=saliency&method=gradcam&layer=conv2d_3").await;
    assert_eq!(both["layer"], "conv2d_3");
}

#[tokio::test]
async fn parameters_of_methods_are_checked_before_the_picture_is_decoded() {
    let client = Client::new();
    let cases = [
        ("method=smoothgrad&samples=0", "invalid-parameter", "a whole number from 2 to 1000"),
        ("method=smoothgrad&noise=2", "invalid-parameter", "a number from 0 to 1"),
        ("method=integrated_gradients&steps=0", "invalid-parameter", "from 1 to 1000"),
        ("method=integrated_gradients&baseline=grey", "invalid-parameter", "one of zero, black"),
        ("method=occlusion&window=0", "invalid-parameter", "from 1 to 4096"),
        ("method=lrp&composite=plus", "invalid-parameter", "one of epsilon, epsilon_plus"),
        ("method=saliency&samples=5", "unknown-parameter", "samples"),
        ("method=rise&masks=100000", "too-many-passes", "100001 passes"),
        ("method=occlusion&window=1&stride=1", "too-many-passes", "22501 passes"),
    ];
    for (query, code, text) in cases {
        let reply = client.post(&format!("/explain?{query}"), "*/*", b"no picture").await;
        let problem = reply.json();
        assert_eq!(problem["code"], code, "{query}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(text), "{query}: {problem}");
    }
}

#[tokio::test]
async fn methods_by_other_rules_state_whether_they_depend_on_the_class() {
    let methods = [
        ("guided_backprop", false, 1),
        ("deconvnet", false, 1),
        ("guided_gradcam", true, 2),
        ("deeplift", true, 2),
        ("lrp", true, 1),
        ("lrp&composite=epsilon_gamma_box", true, 3),
    ];
    for (method, class_sensitive, passes) in methods {
        let answer = json(&format!("/explain?method={method}&class=1")).await;
        let map = &answer["maps"][0];
        assert_eq!(map["class_sensitive"], class_sensitive, "{method}");
        assert_eq!((map["passes"].as_u64(), &map["sign"]), (Some(passes), &"both".into()));
        assert_eq!(map["map"].as_array().unwrap().len(), 150, "{method}");
    }
}

#[tokio::test]
async fn a_method_that_ends_early_reports_all_its_passes_as_done() {
    let path = "/explain?method=integrated_gradients&steps=2&max_steps=64&tolerance=1";
    let headers = [("content-type", "image/png"), ("accept", "text/event-stream")];
    let reply = Client::new().send_unchecked("POST", path, &headers, pictures::png()).await;
    let text = String::from_utf8(reply.body).unwrap();
    // The forward pass, the baseline's score, and two passes for each of 2, 4, 8 … 64 steps.
    let total = 1 + 1 + 2 * (2 + 4 + 8 + 16 + 32 + 64);
    let last = format!("{{\"done\":{total},\"total\":{total}}}");
    assert!(text.contains(&last), "{text}");
    let result = text.split("event: result\ndata: ").nth(1).unwrap().lines().next().unwrap();
    let result: Value = serde_json::from_str(result).unwrap();
    let map = &result["maps"][0];
    let steps = map["samples"].as_u64().unwrap();
    assert!(steps < 64, "{steps} steps");
    // 2 + 4 + … + steps = 2 · steps − 2.
    assert_eq!(map["passes"], 1 + 2 * (2 * steps - 2));
    assert_eq!(result["passes"], 2 + 2 * (2 * steps - 2));
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
async fn a_method_that_needs_another_head_is_refused_by_name() {
    let reply = Client::new().post("/explain?method=cam", "*/*", b"no picture").await;
    let problem = reply.json();
    assert_eq!((reply.status, problem["code"].as_str()), (422, Some("not-explainable")));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("cam cannot") && detail.contains("use gradcam"), "{detail}");
}

#[tokio::test]
async fn a_class_cannot_be_told_apart_from_itself() {
    let path = "/explain?method=finercam&class=cat&against=cat";
    let reply = Client::new().post(path, "*/*", &pictures::png()).await;
    let problem = reply.json();
    assert_eq!((reply.status, problem["code"].as_str()), (400, Some("invalid-parameter")));
    assert!(problem["detail"].as_str().unwrap().contains("against"), "{problem}");
}

#[tokio::test]
async fn finercam_says_that_it_is_about_logits_and_eigencam_that_it_has_no_class() {
    let answer = json("/explain?method=finercam&method=eigencam&method=gradcam&class=cat").await;
    let maps = answer["maps"].as_array().unwrap();
    let scores: Vec<&str> = maps.iter().map(|map| map["score"].as_str().unwrap()).collect();
    assert_eq!(scores, ["logit", "probability", "probability"]);
    assert_eq!(maps[1]["class_sensitive"], false);
    assert_eq!(maps[1]["passes"], 0);
    assert!(maps[1]["singular_value_ratio"].as_f64().unwrap() > 1.0);
    assert_eq!(maps[2].get("singular_value_ratio"), None);
}

#[tokio::test]
async fn several_layers_give_one_map_each_with_the_layers_name() {
    let layers = "layer=conv2d_3&layer=conv2d_4";
    let query = format!("/explain?method=layercam&method=saliency&{layers}&class=cat&class=dog");
    let arrays = crate::convnet::npz(&file(&query, "application/x-npz").await);
    let names: Vec<&str> = arrays.keys().map(String::as_str).collect();
    let expected = [
        "layercam/conv2d_3/0",
        "layercam/conv2d_3/1",
        "layercam/conv2d_4/0",
        "layercam/conv2d_4/1",
        "saliency/0",
        "saliency/0/channels",
        "saliency/1",
        "saliency/1/channels",
    ];
    assert_eq!(names, expected);
    for layer in ["conv2d_3", "conv2d_4"] {
        let alone = format!("/explain?method=layercam&layer={layer}&class=cat");
        let alone = crate::convnet::npz(&file(&alone, "application/x-npz").await);
        assert_eq!(arrays[&format!("layercam/{layer}/0")], alone["layercam/0"]);
    }
    let answer = json(&query).await;
    assert_eq!(answer.get("layer"), None);
    let layers_of = |index: usize| answer["maps"][index].get("layers").cloned();
    assert_eq!(layers_of(0), Some(json!(["conv2d_3"])));
    assert_eq!(layers_of(1), Some(json!(["conv2d_4"])));
    assert_eq!(layers_of(2), None);
    // One forward pass, and for each class a backward pass to each layer and to the input.
    assert_eq!(answer["passes"], 1 + 2 * 3);
    let reply = Client::new().post(&query, "image/png", &pictures::png()).await;
    assert_eq!(reply.header("convscope-layer"), Some("conv2d_3,conv2d_4"));
}

#[tokio::test]
async fn fused_layers_give_one_map() {
    let query = "/explain?method=layercam&class=cat&layer=conv2d_3&layer=conv2d_4&layer=conv2d_3";
    let (mean, max, product) = (
        json(&format!("{query}&fuse=mean")).await,
        json(&format!("{query}&fuse=max")).await,
        json(&format!("{query}&fuse=product")).await,
    );
    for (name, answer) in [("mean", &mean), ("max", &max), ("product", &product)] {
        assert_eq!(answer["fuse"], name);
        let maps = answer["maps"].as_array().unwrap();
        assert_eq!(maps.len(), 1, "{name}");
        assert_eq!(maps[0]["layers"], json!(["conv2d_3", "conv2d_4"]));
        assert_eq!(maps[0]["map"].as_array().unwrap().len(), 34, "the larger layer's height");
        assert_eq!(maps[0]["passes"], 2);
    }
    assert_eq!(max["maps"][0]["max"], 1.0);
    let at = |answer: &Value, i: usize, j: usize| answer["maps"][0]["map"][i][j].as_f64().unwrap();
    for (i, j) in [(0, 0), (12, 20), (20, 12), (33, 33)] {
        let (mean, max, product) = (at(&mean, i, j), at(&max, i, j), at(&product, i, j));
        // Of two numbers a ≥ b: the mean and the maximum give both, and the product is a·b.
        assert!((max * (2.0 * mean - max) - product).abs() < 1e-6, "{i}, {j}");
    }
    let fused = file(&format!("{query}&fuse=mean"), "application/x-npy").await;
    assert_eq!(crate::convnet::npy(&fused).shape(), [34, 34]);
    let fused =
        crate::convnet::npz(&file(&format!("{query}&fuse=mean"), "application/x-npz").await);
    assert_eq!(fused.keys().collect::<Vec<_>>(), ["layercam/0"]);
}

#[tokio::test]
async fn layers_that_do_not_go_together_are_refused() {
    let many: String = (0..17).map(|index| format!("&layer=value_{index}")).collect();
    let two = "layer=conv2d_3&layer=conv2d_4";
    let cases = [
        (format!("fuse=mean&{two}&sign=both"), "*/*", "invalid-parameter", "sign=positive"),
        ("fuse=mean".to_owned(), "*/*", "invalid-parameter", "several layers"),
        ("fuse=max&layer=conv2d_3".to_owned(), "*/*", "invalid-parameter", "several layers"),
        (format!("fuse=sum&{two}"), "*/*", "invalid-parameter", "product"),
        (format!("method=saliency&{two}"), "*/*", "unknown-parameter", "layer"),
        ("method=saliency&fuse=mean".to_owned(), "*/*", "unknown-parameter", "fuse"),
        (two.to_owned(), "application/x-npy", "invalid-parameter", "application/x-npz"),
        (many, "*/*", "too-many-layers", "17 layers"),
    ];
    for (query, accept, code, text) in cases {
        let path = format!("/explain?{query}");
        let problem = Client::new().post(&path, accept, b"no picture").await.json();
        assert_eq!(problem["code"], code, "{query}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(text), "{query}: {problem}");
    }
}

#[tokio::test]
async fn aug_smooth_goes_with_every_method_at_a_layer() {
    for method in usable().into_iter().filter(|it| it.resolution == Resolution::Layer) {
        let query = format!("/explain?method={}&aug_smooth=true&class=cat", method.name);
        let query = query.replace('+', "%2B");
        let answer = json(&query).await;
        let map = &answer["maps"][0];
        assert_eq!(map["samples"], 6, "{}", method.name);
        let alone = json(&query.replace("&aug_smooth=true", "")).await;
        let alone = &alone["maps"][0];
        if !matches!(method.name, "ablationcam" | "scorecam") {
            // These skip channels that are dead or constant, which may differ.
            let passes = alone["passes"].as_u64().unwrap();
            assert_eq!(map["passes"], 6 * (1 + passes), "{}", method.name);
        }
        assert_ne!(map["map"], alone["map"], "{}", method.name);
        assert_eq!(map["score"], alone["score"], "{}", method.name);
    }
    let problem = Client::new()
        .post("/explain?method=saliency&aug_smooth=true", "*/*", b"no picture")
        .await
        .json();
    assert_eq!(problem["code"], "unknown-parameter");
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
