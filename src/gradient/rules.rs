use super::node_context::Rule;
#[cfg(test)]
use super::node_context::{Cotangent, NodeContext};
use super::table::{Operator, find};
use crate::onnx::pb::NodeProto;

/// A set of backward rules: those of the gradient, some of them replaced.
///
/// Methods such as guided backpropagation and LRP differ from the gradient in the rules of a few
/// operators. Their graphs are derived by the same driver.
#[derive(Debug)]
pub struct Rules {
    /// Identifies the set for callers and caches.
    pub name: &'static str,
    /// Operators whose rule in the table is replaced.
    overrides: &'static [(&'static str, Rule)],
}

impl Rules {
    /// The gradient. Every operator has its rule from the table.
    pub const GRADIENT: &'static Self = &Self { name: "gradient", overrides: &[] };

    /// Every set of rules. No two have the same name, because caches tell them apart by it.
    pub const ALL: &'static [&'static Self] = &[Self::GRADIENT];

    /// The table row of `node`'s operator, and the rule that applies to it.
    pub(super) fn of(&self, node: &NodeProto) -> Option<(&'static Operator, Rule)> {
        let operator = find(node)?;
        Some((operator, self.replacement(operator.name).unwrap_or(operator.rule)))
    }

    /// Whether `node`'s operator has its rule from the table.
    pub(super) fn keeps_gradient_rule(&self, node: &NodeProto) -> bool {
        self.replacement(&node.op_type).is_none()
    }

    fn replacement(&self, operator: &str) -> Option<Rule> {
        self.overrides.iter().find(|(name, _)| *name == operator).map(|(_, rule)| *rule)
    }
}

#[cfg(test)]
impl Rules {
    /// The gradient, but a ReLU passes the cotangent where that is positive.
    pub(crate) const POSITIVE: &'static Self = {
        fn positive(ctx: &mut NodeContext, _: usize) -> Cotangent {
            Ok(ctx.g().relu())
        }
        &Self { name: "positive", overrides: &[("Relu", positive)] }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::derive;
    use crate::onnx::{Builder, Element, Facts, Model};

    #[test]
    fn no_two_sets_of_rules_have_the_same_name() {
        for (index, rules) in Rules::ALL.iter().enumerate() {
            assert!(Rules::ALL[..index].iter().all(|other| other.name != rules.name));
        }
    }

    fn model() -> (Model, Facts) {
        let builder = Builder::default();
        let x = builder.input("x", Element::F32, &[1, 4]);
        builder.output("y", &x.relu());
        let model = builder.finish("relu").unwrap();
        let fact =
            |_| crate::onnx::Fact { element: Element::F32, shape: vec![1, 4], constant: None };
        let mut facts = Facts::default();
        for name in ["x", "relu", "y"] {
            facts.insert(name, fact(name));
        }
        (model, facts)
    }

    #[test]
    fn a_replaced_rule_writes_its_own_nodes() {
        let (model, facts) = model();
        let operators = |rules: &Rules| -> Vec<String> {
            let graph = derive(&model, &facts, &["x"], "y", rules).unwrap();
            let gradient = graph.embed([].into(), |_| false).unwrap();
            gradient.model.graph().node.iter().map(|node| node.op_type.clone()).collect()
        };
        assert_eq!(operators(Rules::GRADIENT), ["Sign", "Mul", "Identity"]);
        assert_eq!(operators(Rules::POSITIVE), ["Relu", "Identity"]);
    }
}
