//! KServe's protocols give the numbers of the service's own routes.

use std::sync::Arc;

use convscope::config::HttpLimits;
use convscope::service::LoadedModels;
use serde_json::{Value, json};

use super::client::{Client, app, base64, embedded};
use super::pictures;

const V1: &str = "/v1/models/cats_and_dogs_small_1";
const V2: &str = "/v2/models/cats_and_dogs_small_1";

async fn post(path: &str, body: &Value) -> (u16, Value) {
    let headers = [("content-type", "application/json")];
    let reply = Client::new().send("POST", path, &headers, body.to_string()).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn loaded_models_are_listed_and_ready() {
    let client = Client::new();
    let name = "cats_and_dogs_small_1";
    assert_eq!(client.get("/v1/models").await.json(), json!({ "models": [name] }));
    assert_eq!(client.get(V1).await.json(), json!({ "name": name, "ready": true }));
    let ready = client.get(&format!("{V2}/ready")).await.json();
    assert_eq!(ready, json!({ "name": name, "ready": true }));
    assert_eq!(client.get("/v2/health/live").await.json(), json!({ "live": true }));
    assert_eq!(client.get("/v2/health/ready").await.json(), json!({ "ready": true }));
    assert_eq!(client.get("/v2").await.json()["name"], "convscope");
    for path in ["/v1/models/vgg61", "/v2/models/vgg61", "/v2/models/vgg61/ready"] {
        let reply = client.get(path).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (404, Some("unknown-model")));
    }
}

#[tokio::test]
async fn v1_gives_the_json_of_predict_and_gradcam() {
    let client = Client::new();
    let (one, other) = (pictures::png(), pictures::other_png());
    let mut expected = Vec::new();
    for picture in [&one, &other] {
        let predict = client.post("/predict", "*/*", picture).await.json();
        let explain =
            client.post("/gradcam?class=cat&view=mask", "application/json", picture).await;
        expected.push((predict["predictions"].clone(), explain.json()));
    }
    assert_ne!(expected[0], expected[1]);
    for instances in [
        json!([{ "image": { "b64": base64(&one) } }, { "image": base64(&other) }]),
        json!([{ "b64": base64(&one) }, { "b64": base64(&other) }]),
    ] {
        let body = json!({ "instances": instances });
        let (status, answer) = post(&format!("{V1}:predict"), &body).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer, json!({ "predictions": [expected[0].0, expected[1].0] }));
    }

    let explain =
        |picture: &[u8]| json!({ "image": base64(picture), "class": "cat", "view": "mask" });
    let body = json!({ "inputs": [explain(&one), explain(&other)] });
    let (status, answer) = post(&format!("{V1}:explain"), &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["predictions"], json!([expected[0].0, expected[1].0]));
    assert_eq!(answer["explanations"], json!([expected[0].1, expected[1].1]));

    let unnamed = client.post("/gradcam", "application/json", &one).await.json();
    let body = json!({ "instances": [{ "b64": base64(&one) }] });
    let (status, answer) = post(&format!("{V1}:explain"), &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["explanations"], json!([unnamed]));
}

#[tokio::test]
async fn a_client_of_v1_is_told_at_the_root_that_the_server_is_alive() {
    let client = Client::new();
    for accept in ["*/*", "application/json"] {
        let reply = client.send_unchecked("GET", "/", &[("accept", accept)], Vec::new()).await;
        assert_eq!((reply.status, reply.json()), (200, json!({ "status": "alive" })), "{accept}");
        assert_eq!(reply.header("vary"), Some("accept"));
    }
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = client.send("GET", "/", &browser, Vec::new()).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn the_default_model_has_one_more_name() {
    let named = |models: LoadedModels, name: &str| {
        let app = app(models, 8, HttpLimits::default());
        Client::of(Arc::new(app.with_model_name(Some(name.to_owned()))))
    };
    let (client, png) = (named(embedded(), "pets"), base64(&pictures::png()));
    let models = client.get("/v1/models").await.json();
    assert_eq!(models, json!({ "models": ["cats_and_dogs_small_1", "pets"] }));
    for path in ["/v1/models/pets", "/v2/models/pets/ready"] {
        assert_eq!(client.get(path).await.json(), json!({ "name": "pets", "ready": true }));
    }
    assert_eq!(client.get("/v2/models/pets").await.json()["name"], "pets");
    let headers = [("content-type", "application/json")];
    let ask = async |path: &str, body: &Value| {
        client.send("POST", path, &headers, body.to_string()).await.json()
    };
    let v1 = json!({ "instances": [{ "b64": png }] });
    for verb in [":predict", ":explain"] {
        let answer = ask(&format!("/v1/models/pets{verb}"), &v1).await;
        assert_eq!(answer, ask(&format!("{V1}{verb}"), &v1).await);
        assert!(answer["predictions"][0][0]["label"].is_string(), "{answer}");
    }
    let input = json!({ "name": "image", "datatype": "BYTES", "shape": [1], "data": [png] });
    let v2 = json!({ "inputs": [input] });
    let answer = ask("/v2/models/pets/infer", &v2).await;
    assert_eq!(answer["model_name"], "pets");
    assert_eq!(answer["outputs"], ask(&format!("{V2}/infer"), &v2).await["outputs"]);

    assert_eq!(client.get("/models/pets").await.status, 404, "only in KServe's protocols");
    let own_name = named(embedded(), "cats_and_dogs_small_1").get("/v1/models").await.json();
    assert_eq!(own_name, json!({ "models": ["cats_and_dogs_small_1"] }));
    let empty = named(LoadedModels::empty(), "pets");
    assert_eq!(empty.get("/v1/models").await.json(), json!({ "models": [] }));
    assert_eq!(empty.get("/v1/models/pets").await.json()["code"], "unknown-model");
}

#[tokio::test]
async fn v2_gives_the_probabilities_of_predict_as_a_tensor() {
    let client = Client::new();
    let metadata = client.get(V2).await.json();
    assert_eq!(
        metadata["inputs"],
        json!([{ "name": "image", "datatype": "BYTES", "shape": [-1] }])
    );
    let names: Vec<&Value> = metadata["outputs"].as_array().unwrap().iter().collect();
    assert_eq!(
        (names[0]["name"].as_str(), &names[0]["shape"]),
        (Some("probabilities"), &json!([-1, 2]))
    );

    let (one, other) = (pictures::png(), pictures::other_png());
    let mut expected = Vec::new();
    for picture in [&one, &other] {
        let answer = client.post("/predict", "*/*", picture).await.json();
        let mut classes = answer["predictions"].as_array().unwrap().clone();
        classes.sort_by_key(|class| class["class"].as_u64());
        expected.extend(classes.iter().map(|class| class["probability"].as_f64().unwrap()));
    }
    let data = [base64(&one), base64(&other)];
    let input = json!({ "name": "image", "datatype": "BYTES", "shape": [2], "data": data });
    let body = json!({ "id": "mine", "inputs": [input], "outputs": [{ "name": "probabilities" }] });
    let (status, answer) = post(&format!("{V2}/infer"), &body).await;
    assert_eq!(status, 200, "{answer}");
    let mut nested = body.clone();
    nested["inputs"][0]["shape"] = json!([2, 1]);
    nested["inputs"][0]["data"] = json!([[data[0]], [data[1]]]);
    assert_eq!(post(&format!("{V2}/infer"), &nested).await, (200, answer.clone()));
    assert_eq!((&answer["id"], answer["outputs"].as_array().unwrap().len()), (&json!("mine"), 1));
    let output = &answer["outputs"][0];
    assert_eq!((&output["shape"], &output["datatype"]), (&json!([2, 2]), &json!("FP32")));
    for (found, expected) in output["data"].as_array().unwrap().iter().zip(&expected) {
        assert!((found.as_f64().unwrap() - expected).abs() < 1e-6, "{output} {expected}");
    }
}

const PREDICT: &str = "/v1/models/cats_and_dogs_small_1:predict";
const EXPLAIN: &str = "/v1/models/cats_and_dogs_small_1:explain";
const INFER: &str = "/v2/models/cats_and_dogs_small_1/infer";

/// A path, a body, and the expected status, code and part of the detail.
type Case = (&'static str, Value, u16, &'static str, &'static str);

fn v1_cases(png: &str) -> Vec<Case> {
    let good = json!({ "image": png });
    let many = vec![good.clone(); 17];
    let one = |instance: Value| json!({ "instances": [instance] });
    let not_a_picture = one(json!({ "image": "aGVsbG8=" }));
    let with_model = one(json!({ "image": png, "model": "x" }));
    let top_outside = json!({ "instances": [good], "top": 1 });
    let b64_and_more = one(json!({ "b64": png, "top": 1 }));
    let unknown_class = one(json!({ "image": png, "class": "fox" }));
    let with_class = one(json!({ "image": png, "class": 1 }));
    vec![
        (PREDICT, json!({}), 400, "invalid-json", "list of instances"),
        (PREDICT, json!([]), 400, "invalid-json", "not an object"),
        (PREDICT, json!({ "instances": good }), 400, "invalid-json", "list of instances"),
        (PREDICT, json!({ "instances": [] }), 400, "invalid-json", "empty"),
        (PREDICT, json!({ "instances": many }), 422, "too-many-pictures", "at most 16"),
        (PREDICT, json!({ "instances": [good, 1] }), 400, "invalid-json", "instance 1: "),
        (PREDICT, one(json!({})), 400, "no-image", "instance 0: "),
        (PREDICT, one(json!({ "image": {} })), 400, "invalid-json", "base64"),
        (PREDICT, one(json!({ "b64": 1 })), 400, "invalid-json", "base64"),
        (PREDICT, b64_and_more, 400, "no-image", "instance 0: "),
        (PREDICT, not_a_picture, 415, "unknown-picture-format", "instance 0: "),
        (PREDICT, with_class, 400, "unknown-parameter", "class"),
        (PREDICT, with_model, 400, "repeated-parameter", "model"),
        (PREDICT, top_outside, 400, "invalid-json", "in each instance"),
        (EXPLAIN, unknown_class, 422, "unknown-class", "fox"),
    ]
}

fn v2_cases(png: &str) -> Vec<Case> {
    let of = |name: &str, kind: &str, shape: Value, data: Value| {
        let input = json!({ "name": name, "datatype": kind, "shape": shape, "data": data });
        json!({ "inputs": [input], "outputs": [{ "name": "logits" }] })
    };
    let mut other = of("image", "BYTES", json!([1]), json!([png]));
    other["outputs"] = json!([{ "name": "x" }]);
    let bytes = |shape: Value, data: Value| of("image", "BYTES", shape, data);
    let named = of("picture", "BYTES", json!([1]), json!([png]));
    let floats = of("image", "FP32", json!([1]), json!([png]));
    let mut twice = of("image", "BYTES", json!([1]), json!([png]));
    twice["outputs"] =
        json!([{ "name": "logits" }, { "name": "logits", "parameters": { "binary_data": true } }]);
    let mut classes = of("image", "BYTES", json!([1]), json!([png]));
    classes["outputs"] = json!([{ "name": "logits", "parameters": { "classification": 1 } }]);
    let without_data = json!([{ "name": "image", "datatype": "BYTES", "shape": [1] }]);
    vec![
        (INFER, json!({}), 400, "invalid-json", "inputs"),
        (INFER, json!({ "inputs": without_data }), 400, "invalid-json", "no data"),
        (INFER, twice, 400, "invalid-json", "in JSON and in binary"),
        (INFER, classes, 400, "invalid-json", "classification"),
        (INFER, bytes(json!([1, 1, 1]), json!([png])), 400, "invalid-json", "neither [n]"),
        (INFER, bytes(json!([17]), json!([])), 422, "too-many-pictures", "at most 16"),
        (INFER, json!({ "inputs": [] }), 400, "invalid-json", "0 inputs"),
        (INFER, named, 400, "invalid-json", "picture"),
        (INFER, floats, 400, "invalid-json", "FP32"),
        (INFER, bytes(json!([2]), json!([png])), 400, "invalid-json", "[2]"),
        (INFER, bytes(json!([0]), json!([])), 400, "invalid-json", "empty"),
        (INFER, bytes(json!([1]), json!(["#"])), 400, "invalid-json", "instance 0: "),
        (INFER, bytes(json!([1]), json!([1])), 400, "invalid-json", "string"),
        (INFER, bytes(json!([1]), json!([[]])), 400, "invalid-json", "list of one string"),
        (INFER, bytes(json!([1, 1]), json!([[png, png]])), 400, "invalid-json", "of one string"),
        (INFER, other, 400, "invalid-json", "no output"),
    ]
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
async fn an_error_names_the_instance() {
    let png = base64(&pictures::png());
    let mut wrong = Vec::new();
    for (path, body, status, code, says) in v1_cases(&png).into_iter().chain(v2_cases(&png)) {
        let (found, problem) = post(path, &body).await;
        let error = problem["error"].as_str().unwrap_or_default();
        if found != status || problem["code"] != code || !error.contains(says) {
            wrong.push(format!("{path} {status} {code} {says}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// KServe's client shows the message only if the media type is exactly `application/json`.
#[tokio::test]
async fn errors_have_the_string_error() {
    let client = Client::new();
    let cases = [
        ("GET", "/v1/models/vgg61", 404),
        ("POST", "/v1/models/vgg61:predict", 404),
        ("POST", "/v1/models/vgg61:train", 404),
        ("DELETE", V1, 405),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v2?x=1", 400),
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/vgg61", 404),
        ("POST", INFER, 400),
    ];
    for (method, path, status) in cases {
        let reply = client.send_unchecked(method, path, &[], Vec::new()).await;
        assert_eq!(reply.status, status, "{method} {path}: {reply}");
        assert_eq!(reply.header("content-type"), Some("application/json"), "{method} {path}");
        let error = reply.json();
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        assert_eq!(error["error"], error["detail"]);
        assert_eq!(error["request_id"].as_str(), reply.header("x-request-id"));
    }
    let own = client.get("/models/vgg61").await;
    assert_eq!(own.header("content-type"), Some("application/problem+json"));
    assert_eq!(own.json().get("error"), None);
}
