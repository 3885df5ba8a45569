use std::collections::HashMap;
use std::sync::Arc;

use super::{AttributionError, GradientPlan};
use crate::gradient::Rules;

/// Which gradient graph: of which value, by which rules, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PlanKey {
    pub(super) value: String,
    /// The name of the rules. No two sets of rules have the same.
    pub(super) rules: &'static str,
    pub(super) reduction: Reduction,
}

/// How much of a gradient is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reduction {
    /// The sum over the positions of each channel.
    ChannelSums,
    /// Every element.
    Elements,
}

/// The compiled gradient graphs that the methods of one request need.
#[derive(Debug, Clone, Default)]
pub struct GradientPlans {
    by_key: HashMap<PlanKey, Arc<GradientPlan>>,
}

impl GradientPlans {
    pub(super) fn insert(&mut self, key: PlanKey, plan: Arc<GradientPlan>) {
        self.by_key.insert(key, plan);
    }

    /// The forward values that the graphs read.
    pub fn residuals(&self) -> impl Iterator<Item = &String> {
        self.by_key.values().flat_map(|plan| plan.residuals())
    }

    /// The graph for `value`.
    ///
    /// # Errors
    /// [`AttributionError::NotPrepared`] where no method's row names it.
    pub(super) fn get(
        &self,
        value: &str,
        rules: &Rules,
        reduction: Reduction,
    ) -> Result<&GradientPlan, AttributionError> {
        let is_meant = |key: &&PlanKey| {
            (key.value.as_str(), key.rules, key.reduction) == (value, rules.name, reduction)
        };
        let key = self.by_key.keys().find(is_meant);
        key.and_then(|key| self.by_key.get(key)).map(Arc::as_ref).ok_or_else(|| {
            let what = match reduction {
                Reduction::ChannelSums => "the channel sums of the gradient",
                Reduction::Elements => "the gradient",
            };
            let rules = rules.name;
            AttributionError::NotPrepared(format!("{what} of {value:?} by the rules {rules:?}"))
        })
    }
}
