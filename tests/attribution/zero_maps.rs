//! Maps that are zero by construction. What rounding leaves of them is not drawn.

use convscope::onnx::{Attribute, Builder, Element, Value};
use convscope::service::{Explain, OutputFormat};
use ndarray::{Array2, Array3, Axis};

use super::Known;
use crate::convnet::{ask, context_of};

/// Numbers from −1 to 1 that look random.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A 3×3 convolution called `name/conv`.
fn convolution(builder: &Builder, name: &str, x: &Value, channels: usize) -> Value {
    builder.set_scope(name);
    let shape = [channels, x.shape()[1], 3, 3];
    let weights = numbers(shape.iter().product(), channels as u32 + name.len() as u32);
    let weights = builder.floats("weight", &shape, &weights);
    let pads = [("pads", Attribute::Ints(vec![1; 4]))];
    let output = [1, channels, x.shape()[2], x.shape()[3]];
    builder.node("Conv", &[x, &weights], &pads, Element::F32, &output)
}

/// The JSON answer for a network that ends in a dense layer, explained at `layer` by `method`.
fn explain(
    layer: &str,
    method: &str,
    network: impl Fn(&Builder, &Value) -> Value,
) -> serde_json::Value {
    let builder = Builder::default();
    let x = builder.input("x", Element::F32, &[1, 3, 8, 8]);
    let features = network(&builder, &x);
    builder.set_scope("dense");
    let channels = features.shape()[1];
    let weights = builder.floats("weight", &[channels, 3], &numbers(channels * 3, 9));
    builder.output("logits", &features.matmul(&weights));
    let folder = tempfile(layer, method);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("model.onnx"), builder.finish("network").unwrap().encode()).unwrap();
    let asked = [("layer", layer), ("method", method), ("class", "1"), ("score", "logit")];
    let answer = ask::<Explain>(&context_of(&folder), OutputFormat::Json, &asked);
    std::fs::remove_dir_all(&folder).unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

fn tempfile(layer: &str, method: &str) -> std::path::PathBuf {
    let layer = layer.replace('/', "-");
    std::env::temp_dir().join(format!("convscope-zero-{}-{layer}-{method}", std::process::id()))
}

/// One head of attention over the positions of a feature map, then the mean over positions.
fn attention(builder: &Builder, x: &Value) -> Value {
    let tokens = |name: &str| convolution(builder, name, x, 16).reshape(&[1, 16, 64]);
    let (queries, keys, values) = (tokens("queries"), tokens("keys"), tokens("values"));
    builder.set_scope("attention");
    let scores = queries.transpose(&[0, 2, 1]).matmul(&keys);
    let last = [("axis", Attribute::Int(-1))];
    let shares = builder.node("Softmax", &[&scores], &last, Element::F32, &[1, 64, 64]);
    values.matmul(&shares.transpose(&[0, 2, 1])).relu().mean(&[2]).reshape(&[1, 16])
}

/// The score reads the class token alone, which the last convolution does not change.
fn class_token(builder: &Builder, x: &Value) -> Value {
    let first = convolution(builder, "first", x, 16).relu();
    let last = convolution(builder, "last", &first, 16).reshape(&[1, 16, 64]);
    let class_token = first.mean(&[2, 3]).reshape(&[1, 16, 1]);
    let tokens = Value::concat(&[class_token, last], 2);
    tokens.slice(2, 0, 1, 1).reshape(&[1, 16])
}

#[test]
fn the_map_at_the_keys_of_an_attention_is_zero() {
    let answer = explain("keys/conv", "gradcam", attention);
    let map = &answer["maps"][0];
    assert_eq!((map["empty"].as_bool(), map["max"].as_f64()), (Some(true), Some(0.0)));
    for (layer, method) in [("keys/conv", "hirescam"), ("values/conv", "gradcam")] {
        let answer = explain(layer, method, attention);
        let values = answer["maps"][0]["map"].to_string();
        assert_eq!(answer["maps"][0]["empty"], false, "{layer} by {method}: {values}");
    }
}

#[test]
fn the_hint_for_a_map_of_zeros_does_not_advise_the_other_sign() {
    let map = &explain("last/conv", "gradcam", class_token)["maps"][0];
    assert_eq!(map["empty"], true);
    let hint = map["hint"].as_str().unwrap();
    assert!(hint.contains("zero at every position") && !hint.contains("sign="), "{hint}");
}

#[test]
fn terms_that_cancel_up_to_rounding_give_zero() {
    let activations = Array3::from_shape_vec((8, 5, 7), numbers(280, 3)).unwrap();
    let mut gradient = Array3::from_shape_vec((8, 5, 7), numbers(280, 4)).unwrap();
    // The last channel's term is the negative of all others, rounded to float32.
    let others = (&gradient * &activations).sum_axis(Axis(0));
    let (own, last) =
        (gradient.index_axis(Axis(0), 7).to_owned(), activations.index_axis(Axis(0), 7));
    gradient.index_axis_mut(Axis(0), 7).assign(&(own - others / last));
    let known = Known { activations, gradient };
    assert_eq!(known.map("hirescam").unwrap().values, Array2::<f32>::zeros((5, 7)));
    let gradient = known.gradient.mapv(|value| value * (1.0 + value * 1e-2));
    let changed = Known { gradient, ..known };
    assert!(changed.map("hirescam").unwrap().values.iter().all(|&value| value != 0.0));
}
