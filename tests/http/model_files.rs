//! Broken model files. Each is reported with its cause, and none stops the server. A request for a
//! broken model gets 404.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use convscope::config::HttpLimits;
use convscope::gradient::Rules;
use convscope::onnx::pb::tensor_proto::DataLocation;
use convscope::onnx::pb::{GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto};
use convscope::runtime::{CancellationToken, Engine};
use convscope::service::{LoadedModels, ModelLoader, ModelRegistry};
use prost::Message;

use super::client::{Client, app};
use super::pictures;

const CONVNET: &[u8] = include_bytes!("../../models/cats_and_dogs_small_1/model.onnx");

/// The bundled model with a change.
fn changed(change: impl FnOnce(&mut GraphProto)) -> Vec<u8> {
    let mut model = ModelProto::decode(CONVNET).unwrap();
    change(model.graph.as_mut().unwrap());
    model.encode_to_vec()
}

fn weight(graph: &mut GraphProto) -> &mut TensorProto {
    graph.initializer.iter_mut().find(|weight| weight.dims.len() == 4).unwrap()
}

fn node(graph: &mut GraphProto, operator: &str) -> usize {
    graph.node.iter().position(|node| node.op_type == operator).unwrap()
}

fn external(location: &str) -> Vec<u8> {
    changed(|graph| {
        let weight = weight(graph);
        weight.raw_data.clear();
        weight.float_data.clear();
        weight.data_location = Some(DataLocation::External.into());
        let entry = |key: &str, value: &str| StringStringEntryProto {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        weight.external_data = vec![entry("location", location)];
    })
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let empty = ModelProto::default().encode_to_vec();
    let mut flipped = CONVNET.to_vec();
    flipped[..64].iter_mut().for_each(|byte| *byte ^= 0x5a);
    vec![
        ("empty", Vec::new()),
        ("text", b"hello".to_vec()),
        ("picture", pictures::png()),
        ("no-graph", empty),
        ("half", CONVNET[..CONVNET.len() / 2].to_vec()),
        ("head", CONVNET[..100].to_vec()),
        ("flipped", flipped),
        ("no-nodes", changed(|graph| graph.node.clear())),
        ("no-inputs", changed(|graph| graph.input.clear())),
        ("no-outputs", changed(|graph| graph.output.clear())),
        ("no-weights", changed(|graph| graph.initializer.clear())),
        ("unknown-operator", changed(|graph| graph.node[0].op_type = "Frobnicate".to_owned())),
        ("unknown-input", changed(|graph| graph.node[1].input[0] = "nowhere".to_owned())),
        ("unknown-output", changed(|graph| graph.output[0].name = "nowhere".to_owned())),
        ("twice-defined", changed(|graph| graph.node[1].output = graph.node[0].output.clone())),
        (
            "cycle",
            changed(|graph| {
                let (at, last) =
                    (node(graph, "Conv"), graph.node.last().unwrap().output[0].clone());
                graph.node[at].input[0] = last;
            }),
        ),
        (
            "no-attributes",
            changed(|graph| {
                let at = node(graph, "MaxPool");
                graph.node[at].attribute.clear();
            }),
        ),
        ("short-weights", changed(|graph| weight(graph).raw_data.truncate(8))),
        ("negative-weights", changed(|graph| weight(graph).dims[0] = -1)),
        ("huge-weights", changed(|graph| weight(graph).dims[0] = 1 << 40)),
        ("other-weights", changed(|graph| weight(graph).dims.reverse())),
        ("flat-input", changed(|graph| shape(graph, &[1, 150]))),
        ("five-channels", changed(|graph| shape(graph, &[1, 150, 150, 5]))),
        ("huge-input", changed(|graph| shape(graph, &[1, 1 << 20, 1 << 20, 3]))),
        ("empty-input", changed(|graph| shape(graph, &[1, 0, 150, 3]))),
        ("external-missing", external("weights.bin")),
        ("external-outside", external("../../../../etc/hostname")),
        (
            "function-of-itself",
            changed(|graph| {
                graph.node.push(NodeProto {
                    op_type: "Relu".to_owned(),
                    input: vec!["x".to_owned()],
                    output: vec!["x".to_owned()],
                    ..NodeProto::default()
                });
                graph.output[0].name = "x".to_owned();
            }),
        ),
    ]
}

/// Declares another shape of the input.
fn shape(graph: &mut GraphProto, dims: &[i64]) {
    use convscope::onnx::pb::tensor_shape_proto::Dimension;
    use convscope::onnx::pb::tensor_shape_proto::dimension::Value;
    use convscope::onnx::pb::type_proto;
    let Some(type_proto::Value::TensorType(tensor)) =
        graph.input[0].r#type.as_mut().unwrap().value.as_mut()
    else {
        panic!("the input is no tensor")
    };
    let dim =
        |&value: &i64| Dimension { value: Some(Value::DimValue(value)), ..Dimension::default() };
    tensor.shape.as_mut().unwrap().dim = dims.iter().map(dim).collect();
}

#[tokio::test]
async fn broken_models_are_not_served() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("model-files");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in files() {
        fs::write(folder.join(name).with_extension("onnx"), bytes).unwrap();
    }
    let registry = ModelRegistry::from(LoadedModels::empty());
    let loader = ModelLoader::new(&folder, "none", Engine::default());
    loader.reload(&registry, false).unwrap();
    let models = LoadedModels::clone(&registry.current());
    let mut served = Vec::new();
    for (name, _) in files() {
        match models.refused().iter().find(|refused| refused.name == name) {
            Some(refused) => assert!(!refused.error.cause.is_empty(), "{name}"),
            None => served.push(name),
        }
    }
    assert!(served.is_empty(), "served: {served:?}");
    let client = Client::of(Arc::new(app(models, 8, HttpLimits::default())));
    for (name, _) in files() {
        let reply = client.post(&format!("/predict?model={name}"), "*/*", &pictures::png()).await;
        let code = reply.json()["code"].as_str().map(str::to_owned);
        assert_eq!((reply.status, code.as_deref()), (404, Some("unknown-model")), "{name}");
    }
}

/// The gradient graph of the bundled model's last convolution, with a change.
fn gradient(change: impl FnOnce(&mut GraphProto)) -> Vec<u8> {
    let models = LoadedModels::load(Path::new("no such folder"), "", &Engine::default()).unwrap();
    let explainer = models.get(None).unwrap().explainer();
    let token = CancellationToken::never();
    let gradient =
        explainer.gradient_model(&["conv2d_4"], Rules::GRADIENT, u64::MAX, &token).unwrap();
    let mut model = gradient.model.proto().clone();
    change(model.graph.as_mut().unwrap());
    model.encode_to_vec()
}

/// Loads the bundled network with `gradient` as the gradient graph in its folder.
fn load_with_gradient(name: &str, gradient: &[u8]) -> Result<LoadedModels, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("beside-{name}"));
    fs::create_dir_all(folder.join("mine")).unwrap();
    fs::write(folder.join("mine/model.onnx"), CONVNET).unwrap();
    fs::write(folder.join("mine/gradient.onnx"), gradient).unwrap();
    LoadedModels::load(&folder, "mine", &Engine::default()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_gradient_graph_in_the_model_folder_is_used() {
    let map = async |models| {
        let client = Client::of(Arc::new(app(models, 8, HttpLimits::default())));
        let path = "/gradcam?class=1&layer=conv2d_4";
        client.post(path, "application/json", &pictures::png()).await.json()["maps"][0].clone()
    };
    let same = map(load_with_gradient("same", &gradient(|_| {})).unwrap()).await;
    // This graph doubles the gradient, so the map doubles.
    let twice = gradient(|graph| {
        let (output, node) = (graph.output[0].name.clone(), graph.node.last_mut().unwrap());
        assert_eq!((node.op_type.as_str(), &node.output[0]), ("Identity", &output));
        node.op_type = "Add".to_owned();
        node.input.push(node.input[0].clone());
    });
    let twice = map(load_with_gradient("twice", &twice).unwrap()).await;
    let ratio = twice["max"].as_f64().unwrap() / same["max"].as_f64().unwrap();
    assert!((ratio - 2.0).abs() < 1e-5, "{ratio}");
}

#[test]
fn a_gradient_graph_of_another_model_is_a_load_error() {
    let cases = [
        ("layer", gradient(|graph| rename(graph, "grad/conv2d_3")), "has shape"),
        ("stray", gradient(|graph| rename(graph, "grad/nothing")), "not grad/ and a layer's name"),
        ("seed", gradient(|graph| graph.input[0].name = "cotangent".to_owned()), "first input"),
        ("rules", gradient(|graph| graph.name = "deconvnet of it".to_owned()), "backward rules"),
        ("half", gradient(|_| {})[..1000].to_vec(), "gradient.onnx"),
    ];
    for (name, file, says) in cases {
        let error = load_with_gradient(name, &file).unwrap_err();
        assert!(error.contains("mine") && error.contains(says), "{name}: {error}");
    }
}

fn rename(graph: &mut GraphProto, output: &str) {
    graph.output[0].name = output.to_owned();
    graph.node.last_mut().unwrap().output[0] = output.to_owned();
}

#[tokio::test]
async fn a_bare_file_called_model_onnx_can_be_explained() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare-model");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("model.onnx"), CONVNET).unwrap();
    fs::write(folder.join("notes.txt"), "what else lies in a models folder").unwrap();
    let models = LoadedModels::load(&folder, "model", &Engine::default()).unwrap();
    let client = Client::of(Arc::new(app(models, 8, HttpLimits::default())));
    // The gradient graph of an early layer has kernels, which are read from the file again.
    let reply = client.post("/gradcam?class=1&layer=conv2d_1", "*/*", &pictures::png()).await;
    assert_eq!(reply.status, 200, "{reply}");
}
