//! The summary of a model as a table of text, with the columns of Keras's `summary()`.

use crate::onnx::pb::NodeProto;
use crate::onnx::{Kind, Layer, Topology};
use crate::service::Classifier;

/// The summary: each layer's name and type, the shape of its output, and the number of its weights.
#[must_use]
pub fn summary(classifier: &Classifier) -> String {
    let topology = Topology::of(classifier.network().graph()).ok();
    let row = |layer: &Layer| {
        let kind = layer_type(layer, topology.as_ref());
        let shape: Vec<String> = output_shape(layer).iter().map(usize::to_string).collect();
        [format!("{} ({kind})", layer.name), shape.join(" × "), grouped(layer.parameters)]
    };
    let rows: Vec<[String; 3]> = classifier.info().layers().iter().map(row).collect();
    let head = ["Layer (type)", "Output Shape", "Param #"].map(str::to_owned);
    let total: usize = classifier.info().layers().iter().map(|layer| layer.parameters).sum();
    let [name, shape, count] = [0, 1, 2].map(|column| {
        let cells = rows.iter().chain([&head]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let line = |[a, b, c]: &[String; 3]| format!("{a:<name$}  {b:<shape$}  {c:>count$}\n");
    let rule = format!("{}\n", "─".repeat(name + shape + count + 4));
    let mut text = format!("Model: {}\n{rule}{}{rule}", classifier.name(), line(&head));
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text.push_str(&format!("{rule}Total params: {}\n", grouped(total)));
    text
}

/// Height, width, channels. For a vector, the number of units.
pub(super) fn output_shape(layer: &Layer) -> Vec<usize> {
    match layer.extents() {
        Some([channels, height, width]) => vec![height, width, channels],
        None => layer.shape.get(1..).unwrap_or_default().to_vec(),
    }
}

/// How many operators, back from the layer's value, are searched for the one that gives the layer
/// its type. Batch norm and activation, for instance, stand between the two.
const MAX_OPERATORS: usize = 8;

/// The layer's type in Keras's words, such as `MaxPooling2D`.
fn layer_type(layer: &Layer, topology: Option<&Topology<'_>>) -> &'static str {
    let producer = |value: &str| topology?.producer(value);
    let before = |node: &&NodeProto| node.input.iter().find_map(|input| producer(input));
    let nodes = std::iter::successors(producer(&layer.name), before).take(MAX_OPERATORS);
    let mut known = nodes.filter_map(|node| operator_type(layer, node));
    known.next().unwrap_or(match layer.kind {
        Kind::Convolution => "Conv2D",
        Kind::Pooling => "Pooling2D",
        Kind::Merge => "Merge",
        Kind::Dense => "Dense",
        Kind::Flatten => "Flatten",
        Kind::Dropout => "Dropout",
        Kind::Value => "Value",
    })
}

/// The type that an operator gives to a layer of this kind.
fn operator_type(layer: &Layer, node: &NodeProto) -> Option<&'static str> {
    let group = || node.attribute.iter().find(|attribute| attribute.name == "group");
    Some(match (layer.kind, node.op_type.as_str()) {
        (Kind::Convolution, "Conv") => {
            let channels = layer.extents().map(|[channels, ..]| channels as i64);
            let is_depthwise = group().is_some_and(|it| it.i > 1 && Some(it.i) == channels);
            if is_depthwise { "DepthwiseConv2D" } else { "Conv2D" }
        }
        (Kind::Convolution, "ConvTranspose") => "Conv2DTranspose",
        (Kind::Pooling, "MaxPool") => "MaxPooling2D",
        (Kind::Pooling, "AveragePool") => "AveragePooling2D",
        (Kind::Pooling, "GlobalAveragePool" | "ReduceMean") => "GlobalAveragePooling2D",
        (Kind::Pooling, "GlobalMaxPool" | "ReduceMax") => "GlobalMaxPooling2D",
        (Kind::Merge, "Add" | "Sum") => "Add",
        (Kind::Merge, "Sub") => "Subtract",
        (Kind::Merge, "Mul") => "Multiply",
        (Kind::Merge, "Concat") => "Concatenate",
        _ => return None,
    })
}

/// A number with a comma between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
