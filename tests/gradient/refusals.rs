use convscope::gradient::{GradientError, GradientModel, Rules, derive};
use convscope::onnx::pb::attribute_proto::AttributeType;
use convscope::onnx::pb::tensor_proto::DataLocation;
use convscope::onnx::pb::{AttributeProto, NodeProto, StringStringEntryProto};
use convscope::onnx::{Attributes, Builder, Element, Fact, Facts, Model, Value, float_tensor};

/// A graph of an input `x` and of `nodes`, each written `operator input… output`. All values have
/// shape 1 × 4.
fn graph(nodes: &[&str]) -> (Model, Facts) {
    let builder = Builder::default();
    let mut facts = Facts::default();
    let fact = || Fact { element: Element::F32, shape: vec![1, 4], constant: None };
    let mut last: Value = builder.input("x", Element::F32, &[1, 4]);
    facts.insert("x", fact());
    for node in nodes {
        let words: Vec<&str> = node.split(' ').collect();
        let (operator, inputs, output) =
            (words[0], &words[1..words.len() - 1], words[words.len() - 1]);
        builder.push(NodeProto {
            name: format!("node of {output}"),
            op_type: operator.to_owned(),
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..NodeProto::default()
        });
        let element = if operator == "ArgMax" { Element::Int } else { Element::F32 };
        facts.insert(output, Fact { element, ..fact() });
        last = builder.named(output, element, &[1, 4]);
    }
    builder.output("y", &last);
    facts.insert("y", fact());
    (builder.finish("graph").unwrap(), facts)
}

fn gradient(model: Model, facts: &Facts, layers: &[&str], logits: &str) -> GradientModel {
    let derived = derive(&model, facts, layers, logits, Rules::GRADIENT).unwrap();
    let tensors = model.tensors(&derived.weights(|_| false));
    derived.embed(tensors, |_| false).unwrap()
}

fn refused(nodes: &[&str], layers: &[&str], logits: &str) -> GradientError {
    let (model, facts) = graph(nodes);
    derive(&model, &facts, layers, logits, Rules::GRADIENT).unwrap_err()
}

#[test]
fn all_operators_without_a_rule_are_named_in_one_error() {
    let error =
        refused(&["Relu x a", "Det a b", "Relu b c", "NonZero c d"], &["x"], "y").to_string();
    assert_eq!(
        error,
        "cannot be differentiated: NonZero (node \"node of d\"): it has no gradient rule; \
         Det (node \"node of b\"): it has no gradient rule"
    );
}

#[test]
fn an_operator_off_the_path_needs_no_rule() {
    let (model, facts) = graph(&["Det x q", "Relu x a", "Exp a b"]);
    let gradient = gradient(model, &facts, &["a"], "b");
    assert_eq!(gradient.residuals, ["b"]);
}

#[test]
fn an_unknown_value_is_named() {
    let error = refused(&["Relu x a"], &["b"], "a");
    assert!(matches!(error, GradientError::UnknownValue(name) if name == "b"));
    let error = refused(&["Relu x a"], &["x"], "b");
    assert!(matches!(error, GradientError::UnknownValue(name) if name == "b"));
}

#[test]
fn integers_have_no_gradient() {
    let error = refused(&["ArgMax x a"], &["x"], "a");
    assert!(matches!(error, GradientError::NotFloat(name) if name == "a"));
}

#[test]
fn a_layer_that_does_not_lead_to_the_logits_is_named() {
    let error = refused(&["Relu x a", "Exp x b"], &["x", "a"], "b");
    assert!(matches!(error, GradientError::Unreachable { layer, .. } if layer == "a"));
    let error = refused(&["ArgMax x i", "Cast i a"], &["x"], "a");
    assert!(matches!(error, GradientError::Unreachable { layer, .. } if layer == "x"));
}

#[test]
fn a_value_named_like_the_seed_is_refused() {
    let error = refused(&["Relu x seed", "Exp seed b"], &["x"], "b");
    assert!(matches!(error, GradientError::NameTaken(name) if name == "seed"));
}

#[test]
fn the_gradient_of_the_logits_is_the_seed() {
    let (model, facts) = graph(&["Relu x a"]);
    let gradient = gradient(model, &facts, &["a"], "a");
    assert!(gradient.residuals.is_empty());
    assert_eq!(gradient.model.graph().node.len(), 1);
}

#[test]
fn the_gradient_graph_refers_to_weights_in_an_external_file() {
    let builder = Builder::default();
    let x = builder.input("x", Element::F32, &[1, 1, 4, 4]);
    let mut weight = float_tensor("w", &[1, 1, 3, 3], &[]);
    weight.data_location = Some(DataLocation::External as i32);
    let location =
        StringStringEntryProto { key: "location".to_owned(), value: "weights.bin".to_owned() };
    weight.external_data = vec![location.clone()];
    let weight = builder.initializer(weight, Element::F32);
    let y = builder.node("Conv", &[&x, &weight], &[], Element::F32, &[1, 1, 2, 2]);
    builder.output("y", &y);
    let model = builder.finish("graph").unwrap();
    let mut facts = Facts::default();
    for (name, side) in [("x", 4), (y.name(), 2), ("y", 2)] {
        let shape = vec![1, 1, side, side];
        facts.insert(name, Fact { element: Element::F32, shape, constant: None });
    }
    let gradient = gradient(model, &facts, &["x"], "y");
    let graph = gradient.model.graph();
    let stored = graph.initializer.iter().find(|tensor| tensor.name == "w").unwrap();
    assert_eq!(stored.external_data, [location]);
    assert!(stored.raw_data.is_empty());
    let operators: Vec<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
    assert_eq!(operators, ["ConvTranspose", "Identity"]);
    assert_eq!(graph.node[0].ints("strides"), Some(&[1, 1][..]));
}

#[test]
fn a_missing_weight_is_an_error_unless_it_is_shared() {
    let builder = Builder::default();
    let x = builder.input("x", Element::F32, &[1, 4]);
    let weight = builder.initializer(float_tensor("w", &[1, 4], &[1.0; 4]), Element::F32);
    let product = builder.node("Mul", &[&x, &weight], &[], Element::F32, &[1, 4]);
    builder.output("y", &product);
    let model = builder.finish("graph").unwrap();
    let mut facts = Facts::default();
    for name in ["x", product.name(), "y"] {
        facts.insert(name, Fact { element: Element::F32, shape: vec![1, 4], constant: None });
    }
    let derived = derive(&model, &facts, &["x"], "y", Rules::GRADIENT).unwrap();
    let (other, _) = graph(&["Relu x a"]);
    let tensors = other.tensors(&derived.weights(|_| false));
    let error = derived.clone().embed(tensors, |_| false).unwrap_err();
    assert!(matches!(error, GradientError::MissingWeight(name) if name == "w"));

    let held = |name: &str| name == "w";
    assert!(derived.weights(held).is_empty());
    let gradient = derived.embed(Default::default(), held).unwrap();
    assert_eq!(gradient.shared, ["w"]);
    let inputs = gradient.model.inputs();
    assert_eq!(inputs.last().unwrap().name, "w");
}

#[test]
fn a_rule_that_panics_refuses_its_node() {
    // `Concat` along an axis that its inputs do not have. No engine infers such facts.
    let (model, facts) = graph(&["Relu x a", "Concat a a b"]);
    let mut model = model.proto().clone();
    let node = &mut model.graph.as_mut().unwrap().node[1];
    let kind = AttributeType::Int as i32;
    let axis = AttributeProto { name: "axis".to_owned(), i: 2, r#type: kind, ..Default::default() };
    node.attribute.push(axis);
    let model = Model::from_proto(model).unwrap();
    let error = derive(&model, &facts, &["x"], "b", Rules::GRADIENT).unwrap_err().to_string();
    assert!(error.contains("its attributes do not fit the shapes of its values"), "{error}");
}
