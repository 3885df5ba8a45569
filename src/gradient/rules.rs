use super::node_context::Rule;
use super::table::{Operator, find};
use crate::onnx::pb::NodeProto;

/// Which backward rules are used: those of the gradient, some of them replaced.
///
/// Methods such as guided backpropagation and LRP differ from the gradient in the rules of a few
/// operators. Their graphs are derived by the same driver.
#[derive(Debug)]
pub struct Rules {
    /// What callers and caches know them by.
    pub name: &'static str,
    /// Operators whose rule in the table is replaced.
    overrides: &'static [(&'static str, Rule)],
}

impl Rules {
    /// The gradient: every operator has the rule of the table.
    pub const GRADIENT: &'static Self = &Self { name: "gradient", overrides: &[] };

    /// The row of `node`'s operator, and the rule that applies to it.
    pub(super) fn of(&self, node: &NodeProto) -> Option<(&'static Operator, Rule)> {
        let operator = find(node)?;
        Some((operator, self.replaced(operator.name).unwrap_or(operator.rule)))
    }

    /// Whether the rule of `node`'s operator is that of the gradient.
    pub(super) fn keeps(&self, node: &NodeProto) -> bool {
        self.replaced(&node.op_type).is_none()
    }

    fn replaced(&self, operator: &str) -> Option<Rule> {
        self.overrides.iter().find(|(name, _)| *name == operator).map(|(_, rule)| *rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::derive;
    use crate::gradient::node_context::{Cotangent, NodeContext};
    use crate::onnx::{Builder, Element, Facts, Model};

    /// ReLU whose cotangent is passed on where it is positive, as deconvnets have it.
    fn positive(ctx: &mut NodeContext, _: usize) -> Cotangent {
        Ok(ctx.g().relu())
    }

    const POSITIVE: Rules = Rules { name: "positive", overrides: &[("Relu", positive)] };

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
    fn a_replaced_rule_is_the_one_that_is_written() {
        let (model, facts) = model();
        let operators = |rules: &Rules| -> Vec<String> {
            let graph = derive(&model, &facts, &["x"], "y", rules).unwrap();
            let gradient = graph.embed([].into(), |_| false).unwrap();
            gradient.model.graph().node.iter().map(|node| node.op_type.clone()).collect()
        };
        assert_eq!(operators(Rules::GRADIENT), ["Sign", "Mul", "Identity"]);
        assert_eq!(operators(&POSITIVE), ["Relu", "Identity"]);
    }
}
