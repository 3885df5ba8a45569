//! The limits of requests and answers, in KServe's protocols.

use serde_json::{Value, json};

use super::client::base64;
use super::limits::{LIMIT, is_parsed_by_a_worker, post_json, refusal};
use super::output_size::{client, is_too_large};
use super::pictures;

const PREDICT: &str = "/v1/models/cats_and_dogs_small_1:predict";
const EXPLAIN: &str = "/v1/models/cats_and_dogs_small_1:explain";
const INFER: &str = "/v2/models/cats_and_dogs_small_1/infer";

#[tokio::test]
async fn a_json_body_is_parsed_by_a_worker() {
    for path in [PREDICT, EXPLAIN, INFER] {
        assert!(is_parsed_by_a_worker(path).await, "{path} was answered without a worker");
    }
}

#[tokio::test]
async fn more_values_than_the_limit_are_refused_in_an_instance() {
    let instance = json!({ "image": base64(&pictures::png()), "class": vec!["cat"; 20_000] });
    let reply = post_json(EXPLAIN, &json!({ "instances": [instance] })).await;
    assert_eq!(refusal("class", &reply), None);
}

#[tokio::test]
async fn an_output_that_is_repeated_up_to_the_limit_is_given_once() {
    let data = [base64(&pictures::png())];
    let input = json!({ "name": "image", "datatype": "BYTES", "shape": [1], "data": data });
    let ask = async |times| {
        let outputs = vec![json!({ "name": "logits" }); times];
        post_json(INFER, &json!({ "inputs": [input], "outputs": outputs })).await
    };
    let reply: Value = serde_json::from_slice(&ask(LIMIT).await.file()).unwrap();
    assert_eq!(reply["outputs"].as_array().unwrap().len(), 1);
    assert_eq!(refusal("outputs", &ask(LIMIT + 1).await), None);
}

#[tokio::test]
async fn answers_are_refused_beyond_the_limit() {
    let (image, count) = (base64(&pictures::png()), 12);
    let v1 = json!({ "instances": vec![json!({ "image": image }); count] });
    let data = vec![image; count];
    let input = json!({ "name": "image", "datatype": "BYTES", "shape": [count], "data": data });
    let v2 = json!({ "inputs": [input] });
    let binary = json!({ "inputs": [input], "parameters": { "binary_data_output": true } });
    // One instance fits into the limit of V1, twelve do not.
    let cases: [(&str, &Value, u64); 4] = [
        (PREDICT, &v1, 500),
        (EXPLAIN, &v1, 60_000),
        (INFER, &v2, 12 * 2 * 2 * 17 - 1),
        (INFER, &binary, 12 * 2 * 2 * 4 - 1),
    ];
    let headers = [("content-type", "application/json")];
    for (path, body, limit) in cases {
        let ask = async |limit| client(limit).send("POST", path, &headers, body.to_string()).await;
        let reply = ask(limit).await;
        assert!(is_too_large(&reply), "{path}: {reply}");
        let reply = ask(limit * 1000).await;
        assert_eq!(reply.status, 200, "{path}: {reply}");
    }
}
