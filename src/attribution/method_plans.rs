use std::collections::HashMap;
use std::sync::Arc;

use super::attention_plan::{AttentionGradient, BlockGradients};
use super::{AttributionError, GradientPlan};
use crate::gradient::Rules;
use crate::onnx::Attention;
use crate::runtime::{ForwardPass, HeldBytes, Tail};

/// Which gradient graph: of which value, by which rules, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PlanKey {
    pub(super) value: String,
    /// The name of the rules. No two sets of rules have the same.
    pub(super) rules: &'static str,
    pub(super) reduction: Reduction,
}

impl PlanKey {
    pub(super) fn of(value: &str, rules: &Rules, reduction: Reduction) -> Self {
        Self { value: value.to_owned(), rules: rules.name, reduction }
    }
}

/// How much of a gradient is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reduction {
    /// The sum over the positions of each channel.
    ChannelSums,
    /// Every element.
    Elements,
    /// Every element, and the products of biases and their gradients.
    ElementsAndBiases,
}

/// The compiled graphs that the methods of one request need.
#[derive(Debug, Clone, Default)]
pub struct MethodPlans {
    /// Backward passes from the picture's own forward pass.
    pub(super) gradients: HashMap<PlanKey, Arc<GradientPlan>>,
    /// Forward and backward passes of altered inputs, by the name of the rules.
    pub(super) altered: HashMap<&'static str, (Arc<ForwardPass>, Arc<GradientPlan>)>,
    /// Forward passes of the inputs at which rules read further values, by the name of the rules.
    pub(super) references: HashMap<&'static str, Arc<ForwardPass>>,
    /// Forward passes of altered inputs.
    pub(super) scores: Option<Arc<ForwardPass>>,
    /// Forward passes from altered values of a layer, by its name.
    pub(super) tails: HashMap<String, Arc<Tail>>,
    /// Forward passes of altered inputs that give everything that the other graphs read.
    pub(super) whole: Option<Arc<ForwardPass>>,
    /// The attentions that are read, in the order of evaluation.
    pub(super) attentions: Vec<Attention>,
    /// The backward pass to all attentions.
    pub(super) attention_gradient: Option<Arc<AttentionGradient>>,
    /// The backward passes from each block's tokens to its attention.
    pub(super) block_gradients: Option<BlockGradients>,
}

impl HeldBytes for MethodPlans {
    fn held_bytes(&self) -> usize {
        let gradients = self.gradients.values().map(|plan| plan.held_bytes());
        let altered = self.altered.values();
        let altered =
            altered.map(|(forward, backward)| forward.held_bytes() + backward.held_bytes());
        let references = self.references.values().map(|forward| forward.held_bytes());
        let forwards = self.scores.iter().chain(&self.whole).map(|forward| forward.held_bytes());
        let tails = self.tails.values().map(|tail| tail.held_bytes());
        let attention = self.attention_gradient.iter().map(|plan| plan.held_bytes());
        let blocks = self.block_gradients.iter().flat_map(|blocks| {
            let plans = blocks.attentions.iter().map(|plan| plan.held_bytes());
            plans.chain([blocks.head.held_bytes()])
        });
        let of_layers = gradients.chain(altered).chain(references).chain(forwards).chain(tails);
        of_layers.chain(attention).chain(blocks).sum()
    }
}

impl MethodPlans {
    /// The values of the picture's forward pass that the graphs read.
    pub fn residuals(&self) -> impl Iterator<Item = &String> {
        let gradients = self.gradients.values().flat_map(|plan| plan.residuals());
        let tails = self.tails.values().flat_map(|tail| tail.others());
        let attentions = self.attentions.iter().map(|attention| &attention.value);
        let attention = self.attention_gradient.iter().flat_map(|plan| plan.residuals());
        let blocks = self.block_gradients.iter().flat_map(|blocks| blocks.residuals());
        gradients.chain(tails).chain(attentions).chain(attention).chain(blocks)
    }

    /// The backward pass to `value` from the picture's forward pass.
    ///
    /// # Errors
    /// [`AttributionError::NotPrepared`] where no method's row names it.
    pub(super) fn gradient(
        &self,
        value: &str,
        rules: &Rules,
        reduction: Reduction,
    ) -> Result<&GradientPlan, AttributionError> {
        let found = self.gradients.get(&PlanKey::of(value, rules, reduction));
        found.map(Arc::as_ref).ok_or_else(|| {
            let what = match reduction {
                Reduction::ChannelSums => "the channel sums of the gradient",
                Reduction::Elements => "the gradient",
                Reduction::ElementsAndBiases => "the gradient with those of biases",
            };
            let rules = rules.name;
            AttributionError::NotPrepared(format!("{what} of {value:?} by the rules {rules:?}"))
        })
    }
}
