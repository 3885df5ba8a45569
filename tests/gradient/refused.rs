//! What the table of operators says is refused, is refused: by operator, node and attribute.

use std::collections::HashSet;

use convscope::gradient::{Rules, derive, operators};
use convscope::onnx::Attribute;

use super::one_node::{OneNode, Operand};

/// Why the derivation refuses the node.
fn refusal(node: &OneNode) -> String {
    let derived = derive(&node.model(), &node.facts(), &["x"], "y", Rules::GRADIENT);
    derived.map_or_else(|error| error.to_string(), |_| "derived".to_owned())
}

/// A node that maps a picture to one of the same shape.
fn node(
    operator: &'static str,
    attributes: &[(&'static str, Attribute<'static>)],
) -> OneNode<'static> {
    let picture = vec![1, 2, 4, 4];
    let shapes = [picture.clone(), picture];
    OneNode { attributes: attributes.to_vec(), shapes, ..OneNode::new(operator) }
}

/// `node` with other operands.
fn with(operands: Vec<Operand>, node: OneNode<'static>) -> OneNode<'static> {
    OneNode { operands, ..node }
}

/// The refusals in the table, each with what the error must say.
fn cases() -> Vec<(OneNode<'static>, &'static str)> {
    [cases_of_pictures(), cases_of_sequences_and_places()].concat()
}

fn cases_of_pictures() -> Vec<(OneNode<'static>, &'static str)> {
    use Attribute::{Float, Int, Ints, Text};
    use Operand::{Computed, Floats, Missing, X};
    let statistics = || (0..4).map(|_| Floats(vec![2], vec![1.0; 2]));
    let normalization = |attributes| {
        with([X].into_iter().chain(statistics()).collect(), node("BatchNormalization", attributes))
    };
    let weight = || Floats(vec![2, 2, 3, 3], vec![0.0; 36]);
    let convolution = |attributes| with(vec![X, weight()], node("ConvTranspose", attributes));
    let window = ("kernel_shape", Ints(vec![1, 1]));
    let crop = ("coordinate_transformation_mode", Text("tf_crop_and_resize"));
    let scales = || Floats(vec![4], vec![1.0; 4]);
    vec![
        (normalization(&[("training_mode", Int(1))]), "training_mode = 1"),
        (normalization(&[("spatial", Int(0))]), "spatial = 0"),
        (convolution(&[("output_shape", Ints(vec![4, 4]))]), "output_shape"),
        (convolution(&[("auto_pad", Text("SAME_UPPER"))]), "auto_pad = \"SAME_UPPER\""),
        (convolution(&[("auto_pad", Text("SAME_LOWER"))]), "auto_pad = \"SAME_LOWER\""),
        (
            with(vec![X, Missing, Operand::Ints(vec![1])], node("Dropout", &[])),
            "training_mode = true",
        ),
        (node("Elu", &[("alpha", Float(0.0))]), "alpha = 0.0"),
        (node("Elu", &[("alpha", Float(-1.0))]), "alpha = -1.0"),
        (node("Selu", &[("alpha", Float(-1.0))]), "alpha = -1.0"),
        (node("LpNormalization", &[("p", Int(3))]), "p = 3"),
        (node("MaxPool", &[window, ("storage_order", Int(1))]), "storage_order = 1"),
        (with(vec![X, Computed(8)], node("Pad", &[])), "input 1 (\"computed 1\")"),
        (
            OneNode {
                shapes: [vec![1, 4], vec![1, 3]],
                ..with(
                    vec![X, Operand::Ints(vec![0, -1, 0, 0])],
                    node("Pad", &[("mode", Text("reflect"))]),
                )
            },
            "mode = \"reflect\"",
        ),
        (with(vec![X, Missing, scales()], node("Resize", &[crop])), "tf_crop_and_resize"),
        (with(vec![X, Missing, Computed(4)], node("Resize", &[])), "input 2 (\"computed 2\")"),
        (
            with(
                vec![X, Missing, Missing, Computed(4)],
                node("Resize", &[("keep_aspect_ratio_policy", Text("not_larger"))]),
            ),
            "input 3 (\"computed 3\")",
        ),
        (
            with(
                vec![X, Computed(1), Operand::Ints(vec![4]), Operand::Ints(vec![1])],
                node("Slice", &[]),
            ),
            "input 1 (\"computed 1\")",
        ),
        (
            with(
                vec![X, Operand::Ints(vec![0]), Computed(1), Operand::Ints(vec![1])],
                node("Slice", &[]),
            ),
            "input 2 (\"computed 2\")",
        ),
        (with(vec![X, Computed(4)], node("Tile", &[])), "input 1 (\"computed 1\")"),
    ]
}

fn cases_of_sequences_and_places() -> Vec<(OneNode<'static>, &'static str)> {
    use Attribute::{Int, Text};
    use Operand::{Floats, Missing, X};
    let add = || ("reduction", Text("add"));
    let sampled = |attributes| {
        with(vec![X, Floats(vec![1, 4, 4, 2], vec![0.0; 32])], node("GridSample", attributes))
    };
    let recurrent = |gates: usize| {
        let weights = Floats(vec![1, gates * 4, 4], vec![0.0; gates * 16]);
        vec![X, weights.clone(), weights]
    };
    vec![
        (
            with(vec![X, Operand::Ints(vec![0])], node("GatherND", &[("batch_dims", Int(1))])),
            "batch_dims = 1",
        ),
        (sampled(&[("mode", Text("cubic"))]), "mode = \"cubic\""),
        (sampled(&[("padding_mode", Text("reflection"))]), "padding_mode = \"reflection\""),
        (with(recurrent(4), node("LSTM", &[("layout", Int(1))])), "layout = 1"),
        (
            with(
                [recurrent(4), vec![Missing, Missing, Missing, Missing, X]].concat(),
                node("LSTM", &[]),
            ),
            "peepholes",
        ),
        (with(recurrent(3), node("GRU", &[("layout", Int(1))])), "layout = 1"),
        (with(recurrent(1), node("RNN", &[("layout", Int(1))])), "layout = 1"),
        (
            with(vec![X, Operand::Ints(vec![0]), X], node("ScatterND", &[add()])),
            "reduction = \"add\"",
        ),
        (
            with(vec![X, Operand::Ints(vec![0]), X], node("ScatterElements", &[add()])),
            "reduction = \"add\"",
        ),
    ]
}

/// Equations that are refused, each with what the error must say.
fn equations() -> impl Iterator<Item = (OneNode<'static>, &'static str)> {
    ["...i->...i", "abcc->abc", "abcd"].into_iter().map(|equation| {
        let attributes = vec![("equation", Attribute::Text(equation))];
        let shapes = [vec![1, 2, 4, 4], vec![1, 2, 4, 4]];
        (OneNode { attributes, shapes, ..OneNode::new("Einsum") }, equation)
    })
}

#[test]
fn each_refused_attribute_and_input_is_named() {
    let mut failures = Vec::new();
    for (node, expected) in cases().into_iter().chain(equations()) {
        let error = refusal(&node);
        if !error.contains(&format!("{} (node \"node\")", node.operator))
            || !error.contains(expected)
        {
            failures.push(format!("{}, {expected}: {error}", node.operator));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A cast to integers is refused otherwise: no path leads to the logits. See `refusals`.
#[test]
fn every_row_that_refuses_something_has_a_case() {
    let cases: Vec<_> = cases().into_iter().chain(equations()).collect();
    let covered: HashSet<&str> = cases.iter().map(|(node, _)| node.operator).collect();
    let rows = operators().iter().filter(|row| !row.refused.is_empty() && row.name != "Cast");
    let missing: Vec<&str> = rows.map(|row| row.name).filter(|it| !covered.contains(it)).collect();
    assert!(missing.is_empty(), "rows without a case: {missing:?}");
}

#[test]
fn no_rule_is_used_outside_its_operator_sets() {
    let mut failures = Vec::new();
    for row in operators() {
        let (first, last) = row.opsets;
        for opset in [first - 1, last + 1, 6, 30] {
            let operands = vec![Operand::X; 3];
            let error = refusal(&OneNode { opset, operands, ..OneNode::new(row.name) });
            let expected = format!(
                "{} (node \"node\"): its rule is for the operator sets {first} to {last}, not for \
                 {opset}",
                row.name
            );
            if !error.contains(&expected) {
                failures.push(format!("{expected:?}: {error}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_attribute_that_a_rule_does_not_know_is_named() {
    let mut failures = Vec::new();
    for row in operators() {
        let attributes = vec![("order", Attribute::Int(1))];
        let opset = row.opsets.1;
        let operands = vec![Operand::X; 3];
        let error = refusal(&OneNode { opset, attributes, operands, ..OneNode::new(row.name) });
        let expected =
            format!("{} (node \"node\"): its rule does not know the attribute", row.name);
        if !error.contains(&expected) || !error.contains("\"order\"") {
            failures.push(format!("{}: {error}", row.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// `mode` came to `SpaceToDepth` with operator set 28.
#[test]
fn an_attribute_that_is_newer_than_the_rule_is_refused() {
    let attributes = vec![("blocksize", Attribute::Int(2)), ("mode", Attribute::Text("CRD"))];
    let shapes = [vec![1, 1, 4, 4], vec![1, 4, 2, 2]];
    let node = OneNode { opset: 28, attributes, shapes, ..OneNode::new("SpaceToDepth") };
    assert!(refusal(&node).contains("\"mode\""), "{}", refusal(&node));
}
