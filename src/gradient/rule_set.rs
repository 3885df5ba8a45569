use super::error::RuleError;
use super::forward_graph::ForwardGraph;
use super::node_context::{Cotangent, NodeContext, Rule};
use super::table::{Operator, find};
use super::{GradientError, Reference};
use crate::onnx::Value;
use crate::onnx::pb::NodeProto;

/// A set of backward rules: those of the gradient, some of them replaced.
///
/// Methods such as guided backpropagation and LRP differ from the gradient in the rules of a few
/// operators. Their graphs are derived by the same driver.
#[derive(Debug)]
pub struct Rules {
    /// Identifies the set for callers and caches.
    pub name: &'static str,
    /// The other inputs at which the rules read forward values.
    pub references: &'static [Reference],
    /// Whether the cotangent by these rules is the value times its gradient in a network that is
    /// homogeneous; see [`has_homogeneous_activations`](super::has_homogeneous_activations).
    pub is_gradient_if_homogeneous: bool,
    /// The rule that replaces the one in an operator's row. None where the operator keeps its own.
    pub(super) replacement: fn(&Operator) -> Option<Rule>,
    /// What the network must have for the set to differ from the gradient.
    pub(super) requirement: Option<Requirement>,
}

/// What a network must have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requirement {
    /// Whether a node is what the network must have.
    pub(super) is_met_by: fn(&NodeProto, &ForwardGraph) -> bool,
    /// What is missing, and what to use instead.
    pub(super) otherwise: &'static str,
}

impl Rules {
    /// The gradient. Every operator has its rule from the table.
    pub const GRADIENT: &'static Self = &Self {
        name: "gradient",
        references: &[],
        is_gradient_if_homogeneous: false,
        replacement: |_| None,
        requirement: None,
    };

    /// The name of a graph by these rules that was derived from the graph `forward`.
    #[must_use]
    pub fn graph_name(&self, forward: &str) -> String {
        format!("{} of {forward}", self.name)
    }

    /// The table row of `node`'s operator, and the rule that applies to it.
    pub(super) fn of(&self, node: &NodeProto) -> Option<(&'static Operator, Rule)> {
        let operator = find(node)?;
        Some((operator, (self.replacement)(operator).unwrap_or(operator.rule)))
    }

    /// Whether `node`'s operator has its rule from the table.
    pub(super) fn keeps_gradient_rule(&self, node: &NodeProto) -> bool {
        find(node).and_then(self.replacement).is_none()
    }

    /// Refuses a network in which none of `nodes` meets the requirement.
    pub(super) fn check(
        &self,
        nodes: &[&NodeProto],
        forward: &ForwardGraph,
    ) -> Result<(), GradientError> {
        match self.requirement {
            Some(Requirement { is_met_by, otherwise })
                if !nodes.iter().any(|node| is_met_by(node, forward)) =>
            {
                Err(GradientError::RulesDoNotApply { rules: self.name, reason: otherwise })
            }
            _ => Ok(()),
        }
    }
}

/// Carries `cotangent` of the output of `ctx`'s node back to input `argument` by the operator's
/// rule from the table.
pub(super) fn gradient_of(ctx: &mut NodeContext, cotangent: Value, argument: usize) -> Cotangent {
    let operator = find(ctx.node).ok_or_else(|| RuleError("it has no gradient rule".to_owned()))?;
    let outputs = [Some(cotangent)];
    let mut carried =
        NodeContext { node: ctx.node, tape: &mut *ctx.tape, output_cotangents: &outputs };
    (operator.rule)(&mut carried, argument)
}

#[cfg(test)]
impl Rules {
    /// The gradient, but a ReLU passes the cotangent where that is positive.
    pub(crate) const POSITIVE: &'static Self = &Self {
        name: "positive",
        replacement: |operator| {
            (operator.name == "Relu").then_some((|ctx, _| Ok(ctx.g().relu())) as Rule)
        },
        ..*Self::GRADIENT
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::derive;
    use crate::onnx::{Builder, Element, Facts, Model};

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
