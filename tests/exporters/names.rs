use convscope::onnx::{Builder, Element, Grid, Value};
use convscope::service::{Classifier, ServiceError};

use super::{arrays, forward, load, open, saved};

fn only(name: &str) -> std::sync::Arc<Classifier> {
    load(name).get(None).unwrap().clone()
}

/// Every module whose output is in the file, by its path, has the value that a forward hook saw.
/// What the exporter has fused away may be missing.
#[test]
fn a_module_is_known_by_its_path_and_has_the_output_of_the_framework() {
    let cases = [
        ("torch_dynamo.onnx", "torch.npz", &["conv1", "conv2"][..]),
        ("torch_torchscript.onnx", "torch.npz", &["conv1", "conv2", "bn1", "bn2"]),
        ("keras.onnx", "keras.npz", &["block_conv"]),
    ];
    for (file, archive, fused) in cases {
        let (classifier, mut expected) = (only(file), arrays(archive));
        let input = expected.remove("input").unwrap();
        // The file has the convolution and the batch norm behind it as one operator.
        expected.retain(|path, _| !fused.iter().any(|end| path.ends_with(end)));
        assert!(expected.len() >= 8, "{file}: {:?}", expected.keys());
        let found = expected.keys().map(|path| classifier.info().layer(path));
        let found: Vec<_> = found.collect::<Result<_, ServiceError>>().unwrap();
        let wanted: Vec<String> = found.iter().map(|layer| layer.value.clone()).collect();
        let values = forward(&classifier, &input, &wanted);
        for (layer, (path, expected)) in found.iter().zip(&expected) {
            let value = values.view(&layer.value).unwrap().mapv(f64::from);
            // Keras keeps the channels in the last axis.
            let value = match (layer.grid, expected.ndim()) {
                (Some(Grid::Nchw), 4) if file == "keras.onnx" => {
                    value.permuted_axes(vec![0, 2, 3, 1])
                }
                _ => value,
            };
            assert_eq!(value.len(), expected.len(), "{file}: {path} is {}", layer.value);
            let difference = value.iter().zip(expected).map(|(a, b)| (a - b).abs());
            let largest = difference.fold(0.0, f64::max);
            assert!(largest < 1e-4, "{file}: {path} is {} and differs by {largest}", layer.value);
        }
    }
}

/// Both of PyTorch's exporters give the same names, except where one fuses modules.
#[test]
fn layers_are_shown_by_their_modules() {
    let names = |file: &str| -> Vec<String> {
        only(file).info().layers().iter().map(|layer| layer.name().to_owned()).collect()
    };
    let expected = [
        "stem.1",
        "pool",
        "layer1.0.relu.relu",
        "layer1.0.conv2",
        "layer1.0.relu",
        "layer1.1.relu.relu",
        "layer1.1.conv2",
        "layer1.1.relu",
        "features.0.block.0.1",
        "features.0.block.1.0",
        "features.0.block.1.2",
        "features.0.mul",
        "features.0",
        "avgpool",
        "flatten",
        "fc",
    ];
    assert_eq!(names("torch_torchscript.onnx"), expected);
    let fused = expected.map(|name| match name {
        "flatten" => "reshape".to_owned(),
        name => name.replace("conv2", "bn2"),
    });
    assert_eq!(names("torch_dynamo.onnx"), fused);
    let expected = ["rescaling", "conv1", "block_bn", "block_out", "pool", "gap", "predictions"];
    assert_eq!(names("keras.onnx"), expected);
}

#[test]
fn a_layer_is_also_known_by_its_value_its_container_and_its_weights() {
    let classifier = only("torch_dynamo.onnx");
    let value = |name: &str| classifier.info().layer(name).unwrap().value;
    for (name, expected) in [
        ("layer1.1.relu", "relu_3"),
        ("relu_3", "relu_3"),
        ("layer1.1", "relu_3"),
        ("layer1", "relu_3"),
        ("layer1.1.add", "add_1"),
        ("layer1.1.relu.relu", "relu_2"),
        ("layer1.1.bn2", "getitem_9"),
        ("layer1.1.conv2", "getitem_9"),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    let error = classifier.info().layer("layer1.1.rely").unwrap_err().to_string();
    assert!(error.contains("layer1.1.relu"), "{error}");
}

/// The normalization behind a block reads the sum, but does not belong to the block.
#[test]
fn a_residual_sum_belongs_to_its_own_block() {
    let builder = Builder::default();
    let shape = [1, 3, 4, 4];
    let picture = builder.input("picture", Element::F32, &shape);
    let weights = builder.floats("weights", &[3, 3, 1, 1], &[0.5; 9]);
    let conv = |scope: &str, input: &Value| {
        builder.set_scope(scope);
        builder.node("Conv", &[input, &weights], &[], Element::F32, &shape)
    };
    let stem = conv("/stem", &picture);
    let branch = conv("/blocks.0/conv", &stem);
    builder.set_scope("/blocks.0");
    let sum = builder.node("Add", &[&stem, &branch], &[], Element::F32, &shape);
    builder.set_scope("/norm");
    let [scale, offset, mean, variance] =
        [1.0, 0.0, 0.0, 1.0].map(|value| builder.floats("channel", &[3], &[value; 3]));
    let inputs = [&sum, &scale, &offset, &mean, &variance];
    let normal = builder.node("BatchNormalization", &inputs, &[], Element::F32, &shape);
    builder.set_scope("/pool");
    let pool = builder.node("GlobalAveragePool", &[&normal], &[], Element::F32, &[1, 3, 1, 1]);
    let logits = builder.node("Flatten", &[&pool], &[], Element::F32, &[1, 3]);
    builder.output("logits", &logits);
    let models = open(&saved(&builder.finish("network").unwrap(), None).0);
    let info = models.get(None).unwrap().info();
    let names: Vec<&str> = info.layers().iter().map(|layer| layer.name()).collect();
    assert_eq!(names[..3], ["stem", "blocks.0.conv", "blocks.0"]);
    assert_eq!(info.layer_name(info.settings().gradcam.as_deref().unwrap()), "blocks.0");
}
