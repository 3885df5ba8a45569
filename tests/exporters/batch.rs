//! Files for several pictures, for a picture without a batch axis, and for a picture as a vector.

use convscope::onnx::{Attribute, Builder, Element, Model};
use ndarray::ArrayD;

use super::{forward, open, saved};

/// The means of three channels by a convolution, a pool and a reshape to `[batch, 3]`.
fn network(batch: usize, input: &[usize]) -> Model {
    let builder = Builder::default();
    let picture = builder.input("picture", Element::F32, input);
    let picture = match input.len() {
        3 => {
            let axes = builder.ints(&[0]);
            builder.node("Unsqueeze", &[&picture, &axes], &[], Element::F32, &[1, 3, 4, 4])
        }
        _ => picture,
    };
    let weights: Vec<f32> = (0..9).map(|index| if index % 4 == 0 { 2.0 } else { 0.0 }).collect();
    let weights = builder.floats("weights", &[3, 3, 1, 1], &weights);
    let shape = [batch, 3, 4, 4];
    let conv = builder.node("Conv", &[&picture, &weights], &[], Element::F32, &shape);
    let pool = builder.node("GlobalAveragePool", &[&conv], &[], Element::F32, &[batch, 3, 1, 1]);
    let target = builder.ints(&[batch as i64, 3]);
    let vector = builder.node("Reshape", &[&pool, &target], &[], Element::F32, &[batch, 3]);
    let axis = [("axis", Attribute::Int(1))];
    let scores = builder.node("Softmax", &[&vector], &axis, Element::F32, &[batch, 3]);
    builder.output("scores", &scores);
    let mut proto = builder.finish("network").unwrap().proto().clone();
    // The operator set in which `Unsqueeze` and `Squeeze` have their axes as an input.
    proto.opset_import[0].version = 17;
    Model::from_proto(proto).unwrap()
}

#[test]
fn a_picture_without_a_batch_axis_and_a_larger_batch_are_served_as_one_picture() {
    for (batch, input) in [(1, &[1, 3, 4, 4][..]), (4, &[4, 3, 4, 4]), (1, &[3, 4, 4])] {
        let models = open(&saved(&network(batch, input), None).0);
        let classifier = models.get(None).unwrap();
        assert_eq!(classifier.info().settings().input_shape(), [1, 3, 4, 4], "{input:?}");
        let picture = ArrayD::from_shape_fn(vec![1, 3, 4, 4], |index| index[1] as f64);
        let logits = &classifier.info().head().logits;
        let values = forward(classifier, &picture, std::slice::from_ref(logits));
        let found: Vec<f32> = values.view(logits).unwrap().iter().copied().collect();
        // Twice the mean of each channel.
        assert_eq!(found, [0.0, 2.0, 4.0], "{input:?}");
        assert!(classifier.explained_layer(None).is_ok(), "{input:?}");
    }
}

#[test]
fn a_vector_is_a_square_picture_unless_the_card_gives_its_size() {
    for (card, size) in [(None, [8, 8]), (Some("[input]\nsize = [16, 12]\n"), [16, 12])] {
        let [height, width] = size;
        let builder = Builder::default();
        let count = 3 * height * width;
        let vector = builder.input("vector", Element::F32, &[1, count]);
        let target = builder.ints(&[1, 3, height as i64, width as i64]);
        let shape = [1, 3, height, width];
        let picture = builder.node("Reshape", &[&vector, &target], &[], Element::F32, &shape);
        let pool = builder.node("GlobalAveragePool", &[&picture], &[], Element::F32, &[1, 3, 1, 1]);
        let flat = builder.node("Flatten", &[&pool], &[], Element::F32, &[1, 3]);
        builder.output("scores", &flat);
        let models = open(&saved(&builder.finish("network").unwrap(), card).0);
        let classifier = models.get(None).unwrap();
        let settings = classifier.info().settings();
        assert_eq!(settings.input_shape(), shape);
        let is_assumed = settings.assumed.iter().any(|value| value.key == "input.size");
        assert_eq!(is_assumed, card.is_none());
        let picture = ArrayD::from_shape_fn(shape.to_vec(), |index| index[1] as f64);
        let values = forward(classifier, &picture, &["scores".to_owned()]);
        let found: Vec<f32> = values.view("scores").unwrap().iter().copied().collect();
        assert_eq!(found, [0.0, 1.0, 2.0]);
    }
}
