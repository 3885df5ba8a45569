//! KServe's protocols give the numbers of the service's own routes.

use serde_json::{Value, json};

use super::client::{Client, base64};
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
    let instances = json!([{ "image": { "b64": base64(&one) } }, { "image": base64(&other) }]);
    let (status, answer) = post(&format!("{V1}:predict"), &json!({ "instances": instances })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer, json!({ "predictions": [expected[0].0, expected[1].0] }));

    let explain =
        |picture: &[u8]| json!({ "image": base64(picture), "class": "cat", "view": "mask" });
    let body = json!({ "inputs": [explain(&one), explain(&other)] });
    let (status, answer) = post(&format!("{V1}:explain"), &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["predictions"], json!([expected[0].0, expected[1].0]));
    assert_eq!(answer["explanations"], json!([expected[0].1, expected[1].1]));
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
    vec![
        (INFER, json!({}), 400, "invalid-json", "inputs"),
        (INFER, json!({ "inputs": [] }), 400, "invalid-json", "0 inputs"),
        (INFER, named, 400, "invalid-json", "picture"),
        (INFER, floats, 400, "invalid-json", "FP32"),
        (INFER, bytes(json!([2]), json!([png])), 400, "invalid-json", "[2]"),
        (INFER, bytes(json!([0]), json!([])), 400, "invalid-json", "empty"),
        (INFER, bytes(json!([1]), json!(["#"])), 400, "invalid-json", "instance 0: "),
        (INFER, bytes(json!([1]), json!([1])), 400, "invalid-json", "string"),
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
        let detail = problem["detail"].as_str().unwrap_or_default();
        if found != status || problem["code"] != code || !detail.contains(says) {
            wrong.push(format!("{path} {status} {code} {says}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
