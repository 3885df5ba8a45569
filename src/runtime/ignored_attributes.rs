//! What tract reads past without an error, although it changes the result. A model that needs it is
//! refused, because its predictions would be wrong.

use std::ops::RangeInclusive;

use super::RuntimeError;
use crate::onnx::pb::attribute_proto::AttributeType;
use crate::onnx::pb::{AttributeProto, GraphProto, NodeProto};
use crate::onnx::{Attributes, Model};

/// An attribute that tract 0.23 ignores.
struct Ignored {
    operators: &'static [&'static str],
    attribute: &'static str,
    /// The operator sets in which it is ignored.
    opsets: RangeInclusive<i64>,
    /// The value that has no effect; `None` where every value has one.
    neutral: Option<f32>,
}

const ALL: RangeInclusive<i64> = 1..=i64::MAX;

const IGNORED: &[Ignored] = &[
    Ignored {
        operators: &["BatchNormalization"],
        attribute: "training_mode",
        opsets: ALL,
        neutral: Some(0.0),
    },
    Ignored { operators: &["Celu", "Swish"], attribute: "alpha", opsets: ALL, neutral: Some(1.0) },
    Ignored { operators: &["GRU", "LSTM", "RNN"], attribute: "clip", opsets: ALL, neutral: None },
    Ignored { operators: &["LSTM"], attribute: "input_forget", opsets: ALL, neutral: Some(0.0) },
    // Where the axes of the second operand lie. Since operator set 7 they are the last ones.
    Ignored {
        operators: &["Add", "Div", "Mul", "Pow", "Sub"],
        attribute: "axis",
        opsets: 1..=6,
        neutral: None,
    },
    // Attributes that have become inputs.
    Ignored { operators: &["ReduceSum"], attribute: "axes", opsets: 13..=i64::MAX, neutral: None },
    Ignored {
        operators: &[
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSum",
            "ReduceLogSumExp",
            "ReduceMax",
            "ReduceMean",
            "ReduceMin",
            "ReduceProd",
            "ReduceSumSquare",
        ],
        attribute: "axes",
        opsets: 18..=i64::MAX,
        neutral: None,
    },
    Ignored { operators: &["Clip"], attribute: "max", opsets: 11..=i64::MAX, neutral: None },
    Ignored { operators: &["Clip"], attribute: "min", opsets: 11..=i64::MAX, neutral: None },
];

impl Ignored {
    /// The attribute, if `node` has it with an effect.
    fn find<'n>(&self, node: &'n NodeProto, opset: i64) -> Option<&'n AttributeProto> {
        if !self.operators.contains(&node.op_type.as_str()) || !self.opsets.contains(&opset) {
            return None;
        }
        let value = |it: &AttributeProto| match it.r#type == AttributeType::Int as i32 {
            true => it.i as f32,
            false => it.f,
        };
        let has_effect =
            |it: &&AttributeProto| self.neutral.is_none_or(|neutral| value(it) != neutral);
        node.attribute.iter().filter(|it| it.name == self.attribute).find(has_effect)
    }
}

/// Refuses a model with an attribute that tract ignores, unless its value has no effect.
pub(super) fn check(model: &Model) -> Result<(), RuntimeError> {
    check_graph(model.graph(), model.opset())
}

fn check_graph(graph: &GraphProto, opset: i64) -> Result<(), RuntimeError> {
    for node in &graph.node {
        let is_standard = matches!(node.domain.as_str(), "" | "ai.onnx");
        let found = IGNORED.iter().filter(|_| is_standard).find_map(|it| it.find(node, opset));
        if let Some(attribute) = found {
            return Err(RuntimeError::IgnoredAttribute {
                operator: node.op_type.clone(),
                node: node.name.clone(),
                attribute: attribute.name.clone(),
            });
        }
        node.graphs().try_for_each(|graph| check_graph(graph, opset))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::onnx::{Attribute, Builder, Element, Model};
    use crate::runtime::Graph;

    /// A graph of one node with an attribute, in an operator set.
    fn model(operator: &str, attribute: &str, value: Attribute, opset: i64) -> Model {
        let builder = Builder::default();
        let x = builder.input("x", Element::F32, &[1, 4]);
        let attributes = [(attribute, value)];
        let y = builder.node(operator, &[&x], &attributes, Element::F32, &[1, 4]);
        builder.output("y", &y);
        let mut proto = builder.finish("one node").unwrap().proto().clone();
        proto.opset_import[0].version = opset;
        Model::from_proto(proto).unwrap()
    }

    fn error(operator: &str, attribute: &str, value: Attribute, opset: i64) -> Option<String> {
        let read = Graph::read(&model(operator, attribute, value, opset), &[vec![1, 4]]);
        read.err().map(|error| error.to_string())
    }

    #[test]
    fn an_attribute_that_tract_ignores_is_named() {
        use Attribute::{Float, Int, Ints};
        for (operator, attribute, value, opset) in [
            ("BatchNormalization", "training_mode", Int(1), 15),
            ("Celu", "alpha", Float(2.0), 12),
            ("Swish", "alpha", Float(2.0), 24),
            ("LSTM", "clip", Float(3.0), 14),
            ("LSTM", "input_forget", Int(1), 14),
            ("Add", "axis", Int(1), 6),
            ("ReduceSum", "axes", Ints(vec![1]), 13),
            ("ReduceMean", "axes", Ints(vec![1]), 18),
            ("Clip", "min", Float(0.0), 13),
        ] {
            let error = error(operator, attribute, value, opset).unwrap_or_default();
            let expected = format!(
                "{operator} (node \"{}\"): the attribute \"{attribute}\" is not supported",
                operator.to_lowercase()
            );
            assert!(error.contains(&expected), "{operator}: {error}");
        }
    }

    #[test]
    fn a_value_without_an_effect_is_accepted() {
        use Attribute::{Float, Ints};
        for (operator, attribute, value, opset) in [
            ("Celu", "alpha", Float(1.0), 12),
            ("Swish", "alpha", Float(1.0), 24),
            ("ReduceSum", "axes", Ints(vec![1]), 11),
            ("ReduceMean", "axes", Ints(vec![1]), 17),
            ("Clip", "min", Float(0.0), 10),
        ] {
            assert_eq!(error(operator, attribute, value, opset), None, "{operator}");
        }
    }
}
