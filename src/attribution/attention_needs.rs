//! What methods that read attention need of a network.

use std::sync::Arc;

use super::attention_plan::{AttentionGradient, BlockGradients};
use super::method_plans::Reduction;
use super::{AttributionError, Explainer, MethodPlans, Need};
use crate::gradient::{Rules, derive};
use crate::onnx::Attention;
use crate::runtime::CancellationToken;

impl Explainer {
    /// Refuses a network whose attentions do not lead from every token to every other, or whose
    /// blocks are not known.
    pub(super) fn check_attention(&self, need: &Need) -> Result<(), AttributionError> {
        let reason = self.attentions.refusal.or(match need {
            Need::BlockGradients => self.attentions.block_refusal(),
            _ => None,
        });
        reason.map_or(Ok(()), |reason| Err(AttributionError::NoAttention(reason)))
    }

    /// Adds what `need` asks for.
    pub(super) fn prepare_attention(
        &self,
        plans: &mut MethodPlans,
        need: &Need,
        token: &CancellationToken,
    ) -> Result<(), AttributionError> {
        self.check_attention(need)?;
        let attentions = &self.attentions.known;
        match need {
            Need::AttentionGradient => {
                let plan = self.attention_gradient(attentions, &self.logits, token)?;
                plans.attention_gradient = Some(plan);
            }
            Need::BlockGradients => {
                plans.block_gradients = Some(self.block_gradients(token)?);
            }
            _ => {}
        }
        plans.attentions.clone_from(attentions);
        Ok(())
    }

    fn block_gradients(
        &self,
        token: &CancellationToken,
    ) -> Result<BlockGradients, AttributionError> {
        let attentions = &self.attentions.known;
        let blocks: Vec<_> =
            attentions.iter().filter_map(|attention| attention.block.clone()).collect();
        let last = blocks.last().ok_or(AttributionError::NoAttention("it has no blocks"))?;
        let head = self.plan(last, Rules::GRADIENT, Reduction::Elements, token)?;
        let of_block = |(attention, block): (&Attention, &crate::onnx::Layer)| {
            self.attention_gradient(std::slice::from_ref(attention), &block.value, token)
        };
        let plans = attentions.iter().zip(&blocks).map(of_block);
        let attentions = plans.collect::<Result<Vec<_>, _>>()?;
        Ok(BlockGradients { head, blocks, attentions })
    }

    /// The backward pass from `from` to `attentions`.
    fn attention_gradient(
        &self,
        attentions: &[Attention],
        from: &str,
        token: &CancellationToken,
    ) -> Result<Arc<AttentionGradient>, AttributionError> {
        let compile = || {
            token.check()?;
            let values: Vec<&str> = attentions.iter().map(|it| it.value.as_str()).collect();
            let (graph, facts) = (self.network.graph(), self.network.facts());
            let weights = self.network.weights();
            let derived = derive(graph, facts, &values, from, Rules::GRADIENT);
            let gradient =
                self.embed(derived, &values, Rules::GRADIENT, |name| weights.contains(name))?;
            token.check()?;
            Ok::<_, AttributionError>(AttentionGradient::compile(
                &self.network,
                &gradient,
                attentions,
                from,
            )?)
        };
        Ok(self.attention_gradients.get_or_compute(&from.to_owned(), token, compile)?.0)
    }
}
