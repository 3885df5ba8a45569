//! The summary of a model as a table of text, with the columns of Keras's `summary()`.

use crate::onnx::{Layer, Topology, layer_type};
use crate::service::Classifier;

/// The summary: each layer's name and type, the shape of its output, and the number of its weights.
#[must_use]
pub fn summary(classifier: &Classifier) -> String {
    let topology = Topology::of(classifier.network().graph()).ok();
    let row = |layer: &Layer| {
        let kind = layer_type(layer, topology.as_ref());
        let shape: Vec<String> = output_shape(layer).iter().map(usize::to_string).collect();
        [format!("{} ({kind})", layer.name()), shape.join(" × "), grouped(layer.parameters)]
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
