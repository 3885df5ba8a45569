use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::explainability::{lacks_positions, refusals};
use super::gradient_plans::{PlanKey, Reduction};
use super::{
    AttributionError, GradientPlan, GradientPlans, LayerProperties, Need, supplied_gradient,
};
use crate::config::Layout;
use crate::gradient::{
    self, GradientError, GradientGraph, GradientModel, Rules, derive, derive_channel_sums,
};
use crate::onnx::{Facts, Grid, Layer, Model};
use crate::runtime::{ByteCache, CancellationToken, Network, Source};

/// The explanations of one network: which of its layers can be explained, and a cache of their
/// gradient graphs.
#[derive(Debug)]
pub struct Explainer {
    network: Arc<Network>,
    logits: String,
    refusals: HashMap<String, String>,
    plans: ByteCache<PlanKey, GradientPlan>,
}

/// Which layers of a model can be explained, found before the model is compiled.
#[derive(Debug, Default)]
pub struct Explainability {
    refusals: HashMap<String, String>,
    supplied: Option<GradientModel>,
}

impl Explainability {
    /// Finds out which of `layers` can be explained. A `gradient.onnx` beside the model is read and
    /// checked.
    ///
    /// # Errors
    /// What is wrong with `gradient.onnx`, in words.
    pub fn find(
        source: &Source,
        model: &Model,
        facts: &Facts,
        layers: &[Layer],
        logits: &str,
    ) -> Result<Self, String> {
        let supplied = supplied_gradient::read(source, facts, logits)?;
        let refusals = refusals(model, facts, layers, logits, supplied.as_ref());
        Ok(Self { refusals, supplied })
    }

    /// Why the layer called `name` cannot be explained. None where it can.
    #[must_use]
    pub fn refusal(&self, name: &str) -> Option<&str> {
        self.refusals.get(name).map(String::as_str)
    }

    /// The forward values that Grad-CAM at `layer` reads. None where it cannot be explained.
    #[must_use]
    pub fn residuals(
        &self,
        model: &Model,
        facts: &Facts,
        layer: &str,
        grid: Option<Grid>,
        logits: &str,
    ) -> Option<Vec<String>> {
        let supplied = self.supplied.as_ref();
        if let Some(supplied) = supplied.filter(|it| supplied_gradient::gives(it, &[layer])) {
            return Some(supplied.residuals.clone());
        }
        let derived = channel_sums_of(model, facts, layer, grid, logits, Rules::GRADIENT).ok()?;
        Some(derived.residuals().to_vec())
    }
}

impl Explainer {
    /// An explainer of `network`, whose logits are the value `logits`. The cache holds at most
    /// `capacity` bytes of gradient graphs.
    #[must_use]
    pub fn new(
        network: Arc<Network>,
        logits: &str,
        explainability: Explainability,
        capacity: usize,
    ) -> Self {
        let Explainability { refusals, .. } = explainability;
        let plans = ByteCache::with_capacity(capacity);
        Self { network, logits: logits.to_owned(), refusals, plans }
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

    /// The compiled gradient graphs for `layer` that `needs` ask for, from the cache where they
    /// were used recently.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn plans<'n>(
        &self,
        layer: &Layer,
        needs: impl Iterator<Item = &'n Need>,
        token: &CancellationToken,
    ) -> Result<GradientPlans, AttributionError> {
        let mut plans = GradientPlans::default();
        for need in needs {
            let (rules, reduction) = match need {
                Need::Activations => continue,
                Need::ChannelSums => (Rules::GRADIENT, Reduction::ChannelSums),
                Need::Gradient(rules) => (*rules, Reduction::Elements),
            };
            let key = PlanKey { value: layer.name.clone(), rules: rules.name, reduction };
            let compile = || self.compile(layer, rules, reduction);
            let (plan, _) = self.plans.get_or_compute(&key, token, compile)?;
            plans.insert(key, plan);
        }
        Ok(plans)
    }

    /// The gradient graph from the logits to each of `values`: the one beside the model where it
    /// has them all, else a derived one with its weights, which are read from the model's file.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn gradient_model(&self, values: &[&str]) -> Result<GradientModel, AttributionError> {
        if let Some(supplied) = self.supplied(values)? {
            return Ok(supplied);
        }
        let (graph, facts) = (self.network.graph(), self.network.facts());
        let derived = derive(graph, facts, values, &self.logits, Rules::GRADIENT);
        self.embed(derived, values, |_| false)
    }

    fn compile(
        &self,
        layer: &Layer,
        rules: &'static Rules,
        reduction: Reduction,
    ) -> Result<GradientPlan, AttributionError> {
        let start = Instant::now();
        let name = layer.name.as_str();
        let weights = self.network.weights();
        let supplied = match rules.name == Rules::GRADIENT.name {
            true => self.supplied(&[name])?,
            false => None,
        };
        let gradient = match supplied {
            Some(supplied) => supplied,
            None => {
                let (graph, facts) = (self.network.graph(), self.network.facts());
                let derived = match reduction {
                    Reduction::Elements => derive(graph, facts, &[name], &self.logits, rules),
                    Reduction::ChannelSums => {
                        channel_sums_of(graph, facts, name, layer.grid, &self.logits, rules)
                    }
                };
                self.embed(derived, &[name], |name| weights.contains(name))?
            }
        };
        let plan = GradientPlan::compile(&self.network, &gradient, layer, &self.logits, &weights)?;
        let model = &self.network.source().name;
        let milliseconds = start.elapsed().as_millis() as u64;
        let rules = rules.name;
        tracing::info!(model, layer = name, rules, milliseconds, "gradient graph ready");
        Ok(plan)
    }

    /// The gradient graph beside the model, where it has all of `values`.
    fn supplied(&self, values: &[&str]) -> Result<Option<GradientModel>, AttributionError> {
        let (source, facts) = (self.network.source(), self.network.facts());
        let supplied = supplied_gradient::read(source, facts, &self.logits)
            .map_err(AttributionError::SuppliedGradient)?;
        Ok(supplied.filter(|supplied| supplied_gradient::gives(supplied, values)))
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
        let tensors = self.network.tensors(derived.weights(&is_shared))?;
        derived.embed(tensors, is_shared).map_err(refuse)
    }
}

/// Derives the channel sums of a value's gradient. `grid` gives the axis of its channels.
fn channel_sums_of(
    model: &Model,
    facts: &Facts,
    value: &str,
    grid: Option<Grid>,
    logits: &str,
    rules: &Rules,
) -> Result<GradientGraph, GradientError> {
    let axis = grid.unwrap_or(Grid::from(Layout::Nchw)).channel_axis();
    derive_channel_sums(model, facts, value, axis, logits, rules)
}
