use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use convscope::config::HttpLimits;
use convscope::gradient::rules::RULES;
use convscope::onnx::Model;
use convscope::runtime::Engine;
use convscope::service::LoadedModels;
use serde_json::{Value, json};

use super::client::{Client, app};
use super::pictures;

#[tokio::test]
async fn the_list_has_the_default_model() {
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
    assert_eq!(model["gradcam_why"], "the card names it");
    assert_eq!(model["output"]["labels"], json!([{"label": "cat"}, {"label": "dog"}]));
}

#[tokio::test]
async fn each_layer_says_whether_it_can_be_explained() {
    let model = Client::new().get("/models/cats_and_dogs_small_1").await.json();
    for layer in model["layers"].as_array().unwrap() {
        let spatial = layer["shape"].as_array().unwrap().len() == 3;
        assert_eq!(layer["explainable"], spatial, "{layer}");
        let refusal = layer["refusal"].as_str();
        assert_eq!(refusal, (!spatial).then_some("it has no height and width"), "{layer}");
    }
}

#[tokio::test]
async fn openapi_yaml_is_served_unchanged() {
    let reply = Client::new().get("/openapi.yaml").await;
    assert_eq!(reply.body, include_bytes!("../../openapi.yaml"));
}

#[tokio::test]
async fn health_probes_are_answered() {
    let client = Client::new();
    assert_eq!(client.get("/healthz").await.body, b"ok\n");
    assert_eq!(client.get("/readyz").await.body, b"ready\n");
}

/// A folder with one bare model file. The bundled model is loaded beside it.
fn folder_of_one(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bare-{name}"));
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cats_and_dogs_small_1");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(model.join("model.onnx"), folder.join(format!("{name}.onnx"))).unwrap();
    folder
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_names_the_model() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("links");
    fs::create_dir_all(&folder).unwrap();
    let (link, model) = (folder.join("linked"), "models/cats_and_dogs_small_1");
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join(model), &link).unwrap();
    let models = LoadedModels::load(&folder, "linked", &Engine::default()).unwrap();
    let client = Client::of(Arc::new(app(models, 8, HttpLimits::default())));
    assert_eq!(client.get("/models").await.json()["default"], "linked");
}

#[tokio::test]
async fn a_bare_file_is_a_model_with_assumptions() {
    let models =
        LoadedModels::load(&folder_of_one("mine"), "no such model", &Engine::default()).unwrap();
    let client = Client::of(Arc::new(app(models, 8, HttpLimits::default())));
    let list = client.get("/models").await.json();
    assert_eq!(list["default"], Value::Null);
    assert_eq!(list["models"].as_array().unwrap().len(), 2);

    let model = client.get("/models/mine").await.json();
    let assumed = model["assumed"].as_array().unwrap().iter();
    let assumed: Vec<&str> = assumed.map(|it| it["key"].as_str().unwrap()).collect();
    assert!(assumed.contains(&"input.scale") && assumed.contains(&"input.color"), "{assumed:?}");
    assert_eq!(model["output"]["labels"], json!([]));
    assert_eq!(model["gradcam"], "conv2d_4");
    assert!(model["gradcam_why"].as_str().unwrap().starts_with("the last layer"), "{model}");

    let reply = client.post("/predict", "*/*", &pictures::png()).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (400, Some("no-model-named")));
    let reply = client.post("/predict?model=mine", "*/*", &pictures::png()).await;
    assert_eq!(reply.status, 200, "{reply}");
    let reply =
        client.post("/gradcam?model=mine&class=1", "application/json", &pictures::png()).await;
    assert_eq!(reply.json()["layer"], "conv2d_4");
}

#[tokio::test]
async fn a_name_that_is_not_ascii_is_percent_encoded_in_headers() {
    let models = LoadedModels::load(&folder_of_one("größe"), "größe", &Engine::default()).unwrap();
    let client = Client::of(Arc::new(app(models, 8, HttpLimits::default())));
    let reply = client.post("/predict", "*/*", &pictures::png()).await;
    assert_eq!(reply.header("convscope-model"), Some("gr%C3%B6%C3%9Fe"), "{reply}");
}

#[tokio::test]
async fn the_graph_of_every_set_of_rules_is_given_for_layers_and_the_input() {
    let client = Client::new();
    for rules in RULES {
        for layer in ["conv2d_2", "input"] {
            let name = rules.name.replace('_', "-").to_uppercase();
            let path = format!("/models/cats_and_dogs_small_1/gradient?rules={name}&layer={layer}");
            let model = Model::decode(&client.get(&path).await.file()).unwrap();
            assert!(model.graph().name.starts_with(&rules.graph_name("")), "{path}");
            assert_eq!(model.outputs().len(), 1);
            let inputs = model.inputs();
            let at_baseline = inputs.iter().any(|input| input.name.starts_with("baseline/"));
            assert_eq!(at_baseline, rules.name == "deeplift", "{path}");
        }
    }
}
