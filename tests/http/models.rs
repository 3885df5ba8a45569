use serde_json::{Value, json};

use super::client::Client;

#[tokio::test]
async fn the_list_names_the_default() {
    let list = Client::new().get("/models").await.json();
    assert_eq!(list["default"], "cats_and_dogs_small_1");
    assert_eq!(list["models"][0]["name"], "cats_and_dogs_small_1");
    assert_eq!(list["models"][0]["parameters"], 3_453_121);
}

#[tokio::test]
async fn the_convnet_has_the_layers_that_keras_prints() {
    let expected: [(&str, &[u64], u64); 12] = [
        ("conv2d_1", &[148, 148, 32], 896),
        ("max_pooling2d_1", &[74, 74, 32], 0),
        ("conv2d_2", &[72, 72, 64], 18_496),
        ("max_pooling2d_2", &[36, 36, 64], 0),
        ("conv2d_3", &[34, 34, 128], 73_856),
        ("max_pooling2d_3", &[17, 17, 128], 0),
        ("conv2d_4", &[15, 15, 128], 147_584),
        ("max_pooling2d_4", &[7, 7, 128], 0),
        ("flatten_1", &[6272], 0),
        ("dropout_1", &[6272], 0),
        ("dense_1", &[512], 3_211_776),
        ("dense_2", &[1], 513),
    ];
    let model = Client::new().get("/models/cats_and_dogs_small_1").await.json();
    let found: Vec<Value> = model["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| json!([layer["name"], layer["shape"], layer["parameters"]]))
        .collect();
    let expected: Vec<Value> =
        expected.iter().map(|(name, shape, parameters)| json!([name, shape, parameters])).collect();
    assert_eq!(found, expected);
    assert_eq!(model["gradcam"], "conv2d_4");
    assert_eq!(model["output"]["labels"], json!([{"label": "cat"}, {"label": "dog"}]));
}

#[tokio::test]
async fn the_description_is_served_as_it_is() {
    let reply = Client::new().get("/openapi.yaml").await;
    assert_eq!(reply.body, include_bytes!("../../openapi.yaml"));
}

#[tokio::test]
async fn health_and_readiness() {
    let client = Client::new();
    assert_eq!(client.get("/healthz").await.body, b"ok\n");
    assert_eq!(client.get("/readyz").await.body, b"ready\n");
}
