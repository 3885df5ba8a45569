//! What a file says of its input, what is assumed, and presets.

use convscope::onnx::{Builder, Element, Model, Value};
use convscope::preprocess::{Color, Preset};
use convscope::service::Classifier;

use super::{load, saved};

/// A network that normalizes a picture by `normalize`, then has one convolution and a pool.
fn network(normalize: impl FnOnce(&Builder, &Value) -> Value) -> Model {
    let builder = Builder::default();
    let picture = builder.input("picture", Element::F32, &[1, 3, 8, 8]);
    let normal = normalize(&builder, &picture);
    let weights: Vec<f32> = (0..6).map(|index| index as f32 / 8.0).collect();
    let weights = builder.floats("weights", &[2, 3, 1, 1], &weights);
    let conv = builder.node("Conv", &[&normal, &weights], &[], Element::F32, &[1, 2, 8, 8]);
    let pool = builder.node("GlobalAveragePool", &[&conv], &[], Element::F32, &[1, 2, 1, 1]);
    let logits = builder.node("Flatten", &[&pool], &[], Element::F32, &[1, 2]);
    builder.output("logits", &logits);
    builder.finish("network").unwrap()
}

fn channels(builder: &Builder, values: [f32; 3]) -> Value {
    builder.floats("channels", &[1, 3, 1, 1], &values)
}

fn binary(builder: &Builder, operator: &str, a: &Value, b: &Value) -> Value {
    builder.node(operator, &[a, b], &[], Element::F32, &[1, 3, 8, 8])
}

fn reversed(builder: &Builder, picture: &Value) -> Value {
    let order = builder.ints(&[2, 1, 0]);
    let axis = [("axis", convscope::onnx::Attribute::Int(1))];
    builder.node("Gather", &[picture, &order], &axis, Element::F32, &[1, 3, 8, 8])
}

/// The scale, the order of colours, and whether both are assumed.
fn read(model: &Model) -> (f32, Color, bool) {
    let file = saved(model, None);
    let models = super::open(&file.0);
    let settings = models.get(None).unwrap().info().settings().clone();
    let assumed = settings.assumed.iter().any(|value| value.key == "input.scale");
    (settings.preprocessing.scale, settings.preprocessing.color, assumed)
}

#[test]
fn a_normalization_in_the_graph_tells_the_range_and_the_order_of_colours() {
    const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
    const STD: [f32; 3] = [0.229, 0.224, 0.225];
    const CAFFE: [f32; 3] = [103.939, 116.779, 123.68];
    let unit = 1.0 / 255.0;
    assert_eq!(read(&network(|_, picture| picture.clone())), (unit, Color::Rgb, true));
    let torch = network(|builder, picture| {
        let centred = binary(builder, "Sub", picture, &channels(builder, MEAN));
        binary(builder, "Div", &centred, &channels(builder, STD))
    });
    assert_eq!(read(&torch), (unit, Color::Rgb, false));
    let pixels = network(|builder, picture| {
        let centred = binary(builder, "Sub", picture, &channels(builder, MEAN.map(|m| m * 255.0)));
        binary(builder, "Div", &centred, &channels(builder, STD.map(|s| s * 255.0)))
    });
    assert_eq!(read(&pixels), (1.0, Color::Rgb, false));
    let caffe =
        network(|builder, picture| binary(builder, "Sub", picture, &channels(builder, CAFFE)));
    assert_eq!(read(&caffe), (1.0, Color::Bgr, false));
    // The graph turns RGB into BGR, then subtracts the means in the order of BGR.
    let caffe_of_rgb = network(|builder, picture| {
        binary(builder, "Sub", &reversed(builder, picture), &channels(builder, CAFFE))
    });
    assert_eq!(read(&caffe_of_rgb), (1.0, Color::Rgb, false));
    let rescaled = network(|builder, picture| {
        let scaled = binary(builder, "Mul", picture, &builder.floats("scale", &[], &[1.0 / 127.5]));
        binary(builder, "Add", &scaled, &builder.floats("offset", &[], &[-1.0]))
    });
    assert_eq!(read(&rescaled), (1.0, Color::Rgb, false));
    assert_eq!(read(&network(reversed)), (unit, Color::Bgr, true));
}

#[test]
fn the_rescaling_layer_of_keras_is_recognized() {
    let models = load("keras.onnx");
    let settings = models.get(None).unwrap().info().settings().clone();
    assert_eq!(settings.preprocessing.scale, 1.0);
    let inferred: Vec<&str> = settings.inferred.iter().map(|value| value.key).collect();
    assert_eq!(inferred, ["input.scale", "input.mean", "input.std"]);
    let assumed = settings.assumed_preprocessing().unwrap();
    assert_eq!(assumed, "input.color=rgb, input.resize=nearest, input.crop=none");
}

#[test]
fn a_preset_on_the_card_states_everything_and_other_keys_take_precedence() {
    let model = network(|_, picture| picture.clone());
    let file = saved(&model, Some("[input]\npreset = \"keras-caffe\"\n"));
    let settings = |models: &convscope::service::LoadedModels| {
        models.get(None).unwrap().info().settings().clone()
    };
    let stated = settings(&super::open(&file.0));
    assert_eq!(stated.assumed_preprocessing(), None);
    assert_eq!(stated.preprocessing, Preset::KerasCaffe.apply(&stated.preprocessing).unwrap());
    assert_eq!((stated.preprocessing.color, stated.preprocessing.scale), (Color::Bgr, 1.0));
    let file = saved(&model, Some("[input]\npreset = \"keras-caffe\"\ncolor = \"rgb\"\n"));
    assert_eq!(settings(&super::open(&file.0)).preprocessing.color, Color::Rgb);
}

#[test]
fn a_preset_of_a_request_replaces_the_preprocessing_and_is_cached_apart() {
    let models = super::open(&saved(&network(|_, picture| picture.clone()), None).0);
    let model: &Classifier = models.get(None).unwrap();
    let raw = model.with_preset(Preset::Raw).unwrap();
    assert_eq!(raw.info().settings().preprocessing.scale, 1.0);
    assert_ne!(raw.info().fingerprint(), model.info().fingerprint());
    let assumed = raw.info().settings().assumed_preprocessing().unwrap();
    assert_eq!(assumed, "input.resize=nearest, input.crop=none");
}
