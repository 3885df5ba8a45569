use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::explainability::{channel_sums_of, lacks_positions};
use super::{
    AttributionError, Explainability, GradientNeed, GradientPlan, LayerProperties,
    supplied_gradient,
};
use crate::gradient::{self, GradientError, GradientGraph, GradientModel, Rules, derive};
use crate::onnx::{Grid, Layer};
use crate::runtime::{ByteCache, CancellationToken, Network};

/// The explanations of one network: which of its layers can be explained, and a cache of their
/// gradient graphs.
#[derive(Debug)]
pub struct Explainer {
    network: Arc<Network>,
    logits: String,
    refusals: HashMap<String, String>,
    /// The gradient graph beside the model.
    supplied: Option<GradientModel>,
    plans: ByteCache<PlanKey, GradientPlan>,
}

/// The key of a compiled gradient graph in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PlanKey {
    value: String,
    rules: &'static str,
    reduction: Reduction,
}

/// How much of a gradient is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reduction {
    /// The sum over the positions of each channel.
    ChannelSums,
    /// Every element.
    Elements,
}

impl Explainer {
    /// An explainer of `network`, whose logits are the value `logits`. The cached gradient graphs
    /// take at most as much memory as the network itself.
    #[must_use]
    pub fn new(network: Arc<Network>, logits: &str, explainability: Explainability) -> Self {
        let Explainability { refusals, supplied } = explainability;
        let plans = ByteCache::with_capacity(network.stored_bytes());
        Self { network, logits: logits.to_owned(), refusals, supplied, plans }
    }

    /// Why the listed layer called `name` cannot be explained. None where it can.
    #[must_use]
    pub fn refusal(&self, name: &str) -> Option<&str> {
        self.refusals.get(name).map(String::as_str)
    }

    /// Refuses a layer without several positions.
    ///
    /// # Errors
    /// [`AttributionError::NotExplainable`].
    pub fn check_positions(&self, layer: &Layer) -> Result<(), AttributionError> {
        match lacks_positions(layer) {
            None => Ok(()),
            Some(reason) => {
                Err(AttributionError::NotExplainable { layer: layer.name.clone(), reason })
            }
        }
    }

    /// What is known of `layer` before any picture is seen.
    #[must_use]
    pub fn properties(&self, layer: &Layer) -> LayerProperties {
        let axis = layer.grid.map_or(1, Grid::channel_axis);
        let (graph, facts) = (self.network.graph(), self.network.facts());
        let uniform = gradient::has_uniform_gradient(graph, facts, &layer.name, axis, &self.logits);
        LayerProperties { uniform_gradient: uniform.unwrap_or(false) }
    }

    /// The compiled gradient graph for `layer` that `need` asks for, from the cache if it was used
    /// recently. None where nothing is needed.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn plan(
        &self,
        layer: &Layer,
        need: GradientNeed,
        token: &CancellationToken,
    ) -> Result<Option<Arc<GradientPlan>>, AttributionError> {
        let (rules, reduction) = match need {
            GradientNeed::None => return Ok(None),
            GradientNeed::ChannelSums => (Rules::GRADIENT, Reduction::ChannelSums),
            GradientNeed::Elements(rules) => (rules, Reduction::Elements),
        };
        let key = PlanKey { value: layer.name.clone(), rules: rules.name, reduction };
        let compile = || self.compile(layer, rules, reduction, token);
        let (plan, _) = self.plans.get_or_compute(&key, token, compile)?;
        Ok(Some(plan))
    }

    /// The gradient graph from the logits to each of `values`: the one beside the model where it
    /// has them all, else a derived one with its weights. As a file it has at most `limit` bytes.
    ///
    /// # Errors
    /// [`AttributionError`]. A graph that is too large is refused before its weights are copied.
    pub fn gradient_model(
        &self,
        values: &[&str],
        limit: u64,
        token: &CancellationToken,
    ) -> Result<GradientModel, AttributionError> {
        let check = |bytes| match bytes {
            bytes if bytes > limit => Err(AttributionError::TooLarge { bytes, limit }),
            _ => Ok(()),
        };
        if let Some(supplied) = self.supplied(values) {
            check(supplied.model.encoded_bytes())?;
            return Ok(supplied.clone());
        }
        let (graph, facts) = (self.network.graph(), self.network.facts());
        let derived = derive(graph, facts, values, &self.logits, Rules::GRADIENT);
        token.check()?;
        if let Ok(derived) = &derived {
            check(derived.most_bytes())?;
        }
        self.embed(derived, values, |_| false)
    }

    fn compile(
        &self,
        layer: &Layer,
        rules: &'static Rules,
        reduction: Reduction,
        token: &CancellationToken,
    ) -> Result<GradientPlan, AttributionError> {
        let start = Instant::now();
        let name = layer.name.as_str();
        let is_gradient = rules.name == Rules::GRADIENT.name;
        let weights = self.network.weights();
        let gradient = match self.supplied(&[name]).filter(|_| is_gradient) {
            Some(supplied) => Cow::Borrowed(supplied),
            None => {
                let (graph, facts) = (self.network.graph(), self.network.facts());
                let derived = match reduction {
                    Reduction::Elements => derive(graph, facts, &[name], &self.logits, rules),
                    Reduction::ChannelSums => {
                        channel_sums_of(graph, facts, name, layer.grid, &self.logits, rules)
                    }
                };
                token.check()?;
                Cow::Owned(self.embed(derived, &[name], |name| weights.contains(name))?)
            }
        };
        token.check()?;
        let plan = GradientPlan::compile(&self.network, &gradient, layer, &self.logits)?;
        let model = self.network.name();
        let milliseconds = start.elapsed().as_millis() as u64;
        let rules = rules.name;
        tracing::info!(model, layer = name, rules, milliseconds, "gradient graph ready");
        Ok(plan)
    }

    /// The gradient graph beside the model, where it has all of `values`.
    fn supplied(&self, values: &[&str]) -> Option<&GradientModel> {
        self.supplied.as_ref().filter(|supplied| supplied_gradient::gives(supplied, values))
    }

    /// Puts the weights into a gradient graph that was derived for `values`. Those for which
    /// `is_shared` become inputs of it.
    fn embed(
        &self,
        derived: Result<GradientGraph, GradientError>,
        values: &[&str],
        is_shared: impl Fn(&str) -> bool,
    ) -> Result<GradientModel, AttributionError> {
        let refuse = |error: GradientError| AttributionError::NotExplainable {
            layer: values.first().copied().unwrap_or_default().to_owned(),
            reason: error.to_string(),
        };
        let derived = derived.map_err(refuse)?;
        let tensors = self.network.tensors(&derived.weights(&is_shared))?;
        derived.embed(tensors, is_shared).map_err(refuse)
    }
}
