//! Binary tensors in KServe's V2 protocol.

use serde_json::{Value, json};

use super::client::{Client, Reply};
use super::pictures;

const INFER: &str = "/v2/models/cats_and_dogs_small_1/infer";
const JSON_LENGTH: &str = "inference-header-content-length";

/// Sends `request`, and `data` behind it.
async fn infer(request: &Value, data: &[u8]) -> Reply {
    let json = request.to_string();
    let length = json.len().to_string();
    let headers = [("content-type", "application/octet-stream"), (JSON_LENGTH, length.as_str())];
    let body = [json.as_bytes(), data].concat();
    Client::new().send("POST", INFER, &headers, body).await
}

/// A tensor of datatype BYTES, as Triton's client serializes it.
fn tensor(elements: &[&[u8]]) -> Vec<u8> {
    let mut tensor = Vec::new();
    for element in elements {
        tensor.extend(u32::try_from(element.len()).unwrap().to_le_bytes());
        tensor.extend_from_slice(element);
    }
    tensor
}

/// The input of `count` pictures with `size` bytes of data.
fn input(count: u64, size: usize) -> Value {
    let parameters = json!({ "binary_data_size": size });
    json!({ "name": "image", "datatype": "BYTES", "shape": [count], "parameters": parameters })
}

/// The JSON of an answer, and the numbers behind it.
fn parts(reply: &Reply) -> (Value, Vec<f32>) {
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    let length: usize = reply.header(JSON_LENGTH).unwrap().parse().unwrap();
    let (json, data) = reply.body.split_at(length);
    let numbers = data.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    (serde_json::from_slice(json).unwrap(), numbers.collect())
}

/// `key` of every class in the answer of `/predict`, by class, for each picture.
async fn predicted(key: &str) -> Vec<f32> {
    let mut values = Vec::new();
    for picture in [pictures::png(), pictures::other_png()] {
        let answer = Client::new().post("/predict", "*/*", &picture).await.json();
        let mut classes = answer["predictions"].as_array().unwrap().clone();
        classes.sort_by_key(|class| class["class"].as_u64());
        values.extend(classes.iter().map(|class| class[key].as_f64().unwrap() as f32));
    }
    values
}

fn close(found: &[f32], expected: &[f32]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
}

#[tokio::test]
async fn the_request_that_tritons_client_sends_by_default_is_answered_in_binary() {
    let data = tensor(&[&pictures::png(), &pictures::other_png()]);
    let request = json!({
        "id": "mine",
        "inputs": [input(2, data.len())],
        "parameters": { "binary_data_output": true },
    });
    let (answer, numbers) = parts(&infer(&request, &data).await);
    let output = |name: &str| {
        let parameters = json!({ "binary_data_size": 16 });
        json!({ "name": name, "datatype": "FP32", "shape": [2, 2], "parameters": parameters })
    };
    let outputs = [output("probabilities"), output("logits")];
    let expected =
        json!({ "model_name": "cats_and_dogs_small_1", "id": "mine", "outputs": outputs });
    assert_eq!(answer, expected);
    let (probabilities, logits) = numbers.split_at(4);
    assert!(close(probabilities, &predicted("probability").await), "{probabilities:?}");
    assert!(close(logits, &predicted("logit").await), "{logits:?}");
    assert_ne!(logits[..2], logits[2..], "the two pictures differ");
}

#[tokio::test]
async fn each_output_is_binary_or_json_as_it_is_asked_for() {
    let data = tensor(&[&pictures::png()]);
    let request = json!({
        "inputs": [input(1, data.len())],
        "outputs": [
            { "name": "logits", "parameters": { "binary_data": false } },
            { "name": "probabilities" },
        ],
        "parameters": { "binary_data_output": true },
    });
    let (answer, numbers) = parts(&infer(&request, &data).await);
    assert_eq!(answer["outputs"][1]["parameters"], json!({ "binary_data_size": 8 }));
    assert!(close(&numbers, &predicted("probability").await[..2]), "{numbers:?}");
    let logits = answer["outputs"][0]["data"].as_array().unwrap().iter();
    let logits: Vec<f32> = logits.map(|value| value.as_f64().unwrap() as f32).collect();
    assert!(close(&logits, &predicted("logit").await[..2]), "{logits:?}");

    let all_json = infer(&json!({ "inputs": [input(1, data.len())] }), &data).await;
    assert_eq!(all_json.header("content-type"), Some("application/json"));
    assert_eq!(all_json.header(JSON_LENGTH), None);
    assert_eq!(all_json.json()["outputs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn data_that_do_not_fit_the_request_are_refused() {
    let good = tensor(&[&pictures::png()]);
    let size = good.len();
    let cut = &good[..size - 1];
    let of = |input: Value| json!({ "inputs": [input] });
    let mut with_data = input(1, size);
    with_data["data"] = json!(["aGVsbG8="]);
    let mut without_size = input(1, size);
    without_size["parameters"] = json!({});
    let cases: [(Value, &[u8], u16, &str, &str); 10] = [
        (of(input(1, size + 1)), &good, 400, "invalid-tensor", "bytes follow the JSON object"),
        (of(input(1, size)), cut, 400, "invalid-tensor", "bytes follow the JSON object"),
        (of(without_size), &good, 400, "invalid-tensor", "binary_data_size is 0"),
        (of(with_data), &good, 400, "invalid-json", "both data and binary_data_size"),
        (of(input(1, size - 1)), cut, 400, "invalid-tensor", "element 0 of 1"),
        (of(input(2, size)), &good, 400, "invalid-tensor", "element 1 of 2"),
        (of(input(17, size)), &good, 422, "too-many-pictures", "at most 16"),
        (of(input(u64::MAX, size)), &good, 422, "too-many-pictures", "at most 16"),
        (of(input(1, 4)), &[0; 4], 400, "empty-picture", "instance 0: "),
        (of(input(1, 9)), b"\x05\0\0\0hello", 415, "unknown-picture-format", "instance 0: "),
    ];
    let mut wrong = Vec::new();
    for (request, data, status, code, says) in cases {
        let reply = infer(&request, data).await;
        let error = reply.json();
        let text = error["error"].as_str().unwrap_or_default();
        if reply.status != status || error["code"] != code || !text.contains(says) {
            wrong.push(format!("{status} {code} {says}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_length_of_the_json_that_is_not_that_of_the_body_is_refused() {
    let client = Client::new();
    for (length, says) in [("many", "not a number"), ("-1", "not a number"), ("3", "but the body")]
    {
        let reply = client.send("POST", INFER, &[(JSON_LENGTH, length)], "{}").await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (400, Some("invalid-tensor")));
        assert!(reply.json()["error"].as_str().unwrap().contains(says), "{reply}");
    }
}
