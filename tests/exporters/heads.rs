//! Which output holds the scores, and whether they are probabilities.

use convscope::config::Activation;
use convscope::onnx::pb::NodeProto;
use convscope::onnx::{Attribute, Builder, Element, Model, Value};

use super::{open, saved};

/// A network whose embedding is the mean of each of three channels. `ends` makes its outputs.
fn network(ends: impl FnOnce(&Builder, &Value)) -> Model {
    let builder = Builder::default();
    let picture = builder.input("picture", Element::F32, &[1, 3, 8, 8]);
    let pool = builder.node("GlobalAveragePool", &[&picture], &[], Element::F32, &[1, 3, 1, 1]);
    let embedding = builder.node("Flatten", &[&pool], &[], Element::F32, &[1, 3]);
    ends(&builder, &embedding);
    builder.finish("network").unwrap()
}

fn dense(builder: &Builder, embedding: &Value, classes: usize) -> Value {
    let weights: Vec<f32> = (0..3 * classes).map(|index| index as f32 / 4.0 - 1.0).collect();
    let weights = builder.floats("weights", &[3, classes], &weights);
    builder.node("MatMul", &[embedding, &weights], &[], Element::F32, &[1, classes])
}

fn softmax(builder: &Builder, logits: &Value) -> Value {
    builder.node("Softmax", &[logits], &[("axis", Attribute::Int(1))], Element::F32, &[1, 4])
}

/// The output that is taken, and its activation.
fn head(model: &Model, card: Option<&str>) -> (String, Activation) {
    let models = open(&saved(model, card).0);
    let info = models.get(None).unwrap().info();
    (info.head().output.clone(), info.settings().activation)
}

#[test]
fn of_several_outputs_the_scores_are_taken() {
    let two = network(|builder, embedding| {
        builder.output("embedding", embedding);
        builder.output("scores", &dense(builder, embedding, 4));
    });
    assert_eq!(head(&two, None), ("scores".to_owned(), Activation::Softmax));
    let card = "[output]\nname = \"embedding\"\n";
    assert_eq!(head(&two, Some(card)).0, "embedding");
    let both = network(|builder, embedding| {
        let logits = dense(builder, embedding, 4);
        builder.output("logits", &logits);
        builder.output("probabilities", &softmax(builder, &logits));
    });
    assert_eq!(head(&both, None).0, "probabilities");
    let models = open(&saved(&both, None).0);
    let model = models.get(None).unwrap();
    assert!(
        model.info().head().logits.contains("matmul") || model.info().head().logits == "logits"
    );
    assert_eq!(model.info().head().other_outputs, ["logits"]);
}

#[test]
fn probabilities_without_a_final_softmax_are_recognized() {
    let clamped = network(|builder, embedding| {
        let probabilities = softmax(builder, &dense(builder, embedding, 4));
        let least = builder.floats("least", &[], &[1e-7]);
        let clamped = builder.node("Max", &[&probabilities, &least], &[], Element::F32, &[1, 4]);
        builder.output("clamped", &clamped);
    });
    assert_eq!(head(&clamped, None), ("clamped".to_owned(), Activation::Probabilities));
    let logits = network(|builder, embedding| {
        builder.output("scores", &dense(builder, embedding, 4));
    });
    assert_eq!(head(&logits, None).1, Activation::Softmax);
}

/// Custom Vision and scikit-learn export a label and a dictionary of scores.
#[test]
fn the_scores_before_a_label_and_a_dictionary_are_taken() {
    let model = network(|builder, embedding| {
        let probabilities = softmax(builder, &dense(builder, embedding, 4));
        builder.output("probabilities", &probabilities);
    });
    let mut proto = model.proto().clone();
    let graph = proto.graph.as_mut().unwrap();
    let node = |operator: &str, domain: &str, input: &str, output: &str| NodeProto {
        op_type: operator.to_owned(),
        domain: domain.to_owned(),
        input: vec![input.to_owned()],
        output: vec![output.to_owned()],
        ..NodeProto::default()
    };
    graph.node.push(node("ArgMax", "", "probabilities", "index"));
    graph.node.push(node("ZipMap", "ai.onnx.ml", "probabilities", "dictionary"));
    let declared = graph.output[0].clone();
    graph.output = ["index", "dictionary"]
        .map(|name| convscope::onnx::pb::ValueInfoProto {
            name: name.to_owned(),
            ..declared.clone()
        })
        .to_vec();
    let model = Model::from_proto(proto).unwrap();
    assert_eq!(head(&model, None), ("probabilities".to_owned(), Activation::Softmax));
}
