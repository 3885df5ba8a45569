use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::attention_plan::AttentionGradient;
use super::error::refused;
use super::explainability::{channel_sums_of, lacks_positions};
use super::method_plans::{PlanKey, Reduction};
use super::{
    AttributionError, Explainability, GradientPlan, LayerProperties, MethodPlans, Need,
    supplied_gradient,
};
use crate::gradient::{
    GradientError, GradientGraph, GradientModel, PooledHead, Rules, derive, derive_full_gradient,
};
use crate::onnx::{Attentions, Layer};
use crate::runtime::{ByteCache, CancellationToken, ForwardPass, Network, Tail};

/// The explanations of one network: which of its layers can be explained, and a cache of their
/// gradient graphs.
#[derive(Debug)]
pub struct Explainer {
    pub(super) network: Arc<Network>,
    /// The network's input, as a layer.
    input: Layer,
    pub(super) logits: String,
    refusals: HashMap<String, String>,
    /// The gradient graph beside the model.
    supplied: Option<GradientModel>,
    plans: ByteCache<PlanKey, GradientPlan>,
    forward_passes: ByteCache<Vec<String>, ForwardPass>,
    tails: ByteCache<String, Tail>,
    pub(super) attentions: Attentions,
    /// Gradients at attentions, by the value whose cotangent comes in.
    pub(super) attention_gradients: ByteCache<String, AttentionGradient>,
}

/// The most values of a layer that one pass from the layer on takes. More make it hardly faster.
const TAIL_ROWS: usize = 32;

/// The most memory of these values, in bytes.
const TAIL_BYTES: usize = 16 << 20;

impl Explainer {
    /// An explainer of `network`, whose input is `input` and whose logits are the value `logits`.
    /// Each of its caches takes at most as much memory as the network itself.
    #[must_use]
    pub fn new(
        network: Arc<Network>,
        input: Layer,
        logits: &str,
        explainability: Explainability,
        attentions: Attentions,
    ) -> Self {
        let Explainability { refusals, supplied } = explainability;
        let capacity = network.stored_bytes();
        Self {
            network,
            input,
            logits: logits.to_owned(),
            refusals,
            supplied,
            plans: ByteCache::with_capacity(capacity),
            forward_passes: ByteCache::with_capacity(capacity),
            tails: ByteCache::with_capacity(capacity),
            attentions,
            attention_gradients: ByteCache::with_capacity(capacity),
        }
    }

    /// The network's input, as a layer.
    #[must_use]
    pub fn input(&self) -> &Layer {
        &self.input
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
                Err(AttributionError::NotExplainable { layer: layer.name().to_owned(), reason })
            }
        }
    }

    /// What is known of `layer` before any picture is seen.
    #[must_use]
    pub fn properties(&self, layer: &Layer) -> LayerProperties {
        let rank = layer.shape.len();
        let axis = layer.grid.map_or(1, |grid| grid.channel_axis(rank));
        let (graph, facts) = (self.network.graph(), self.network.facts());
        let head = PooledHead::of(graph, facts, &layer.value, axis, &self.logits).ok().flatten();
        LayerProperties {
            uniform_gradient: head.is_some(),
            linear_head: head == Some(PooledHead::Linear),
        }
    }

    /// The compiled graphs that `needs` ask for, from the caches where they were used recently.
    /// `layers` are those that are explained.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn prepare<'n>(
        &self,
        layers: &[Layer],
        needs: impl Iterator<Item = &'n Need>,
        token: &CancellationToken,
    ) -> Result<MethodPlans, AttributionError> {
        let mut plans = MethodPlans::default();
        for need in needs {
            match need {
                Need::InputGradient(rules) => self.add_input_gradient(&mut plans, rules, token)?,
                Need::InputGradientByChoice(_, choice) => {
                    for rules in *choice {
                        self.add_input_gradient(&mut plans, rules, token)?;
                    }
                }
                Need::FullGradient => {
                    let (input, rules) = (&self.input, Rules::GRADIENT);
                    let reduction = Reduction::ElementsAndBiases;
                    self.add_gradient(&mut plans, input, rules, reduction, token)?;
                }
                Need::InputGradients(rules) => {
                    let backward = self.plan(&self.input, rules, Reduction::Elements, token)?;
                    let forward = self.forward_pass(backward.residuals(), token)?;
                    plans.altered.insert(rules.name, (forward, backward));
                }
                Need::Attention | Need::AttentionGradient | Need::BlockGradients => {
                    self.prepare_attention(&mut plans, need, token)?;
                }
                Need::Scores => plans.scores = Some(self.forward_pass(&[], token)?),
                Need::Activations
                | Need::ChannelSums
                | Need::Gradient(_)
                | Need::ScoresFromLayer
                | Need::LinearHead => {
                    for layer in layers {
                        self.prepare_layer(&mut plans, layer, need, token)?;
                    }
                }
            }
        }
        Ok(plans)
    }

    /// Adds the graphs for a need that is of `layer`.
    fn prepare_layer(
        &self,
        plans: &mut MethodPlans,
        layer: &Layer,
        need: &Need,
        token: &CancellationToken,
    ) -> Result<(), AttributionError> {
        match need {
            Need::ChannelSums => {
                self.add_gradient(plans, layer, Rules::GRADIENT, Reduction::ChannelSums, token)
            }
            Need::Gradient(rules) => {
                self.add_gradient(plans, layer, rules, Reduction::Elements, token)
            }
            Need::ScoresFromLayer => {
                plans.tails.insert(layer.value.clone(), self.tail(layer, token)?);
                Ok(())
            }
            Need::LinearHead => self.check_linear_head(layer),
            _ => Ok(()),
        }
    }

    /// Adds the forward pass of altered inputs that gives all that `plans` read, and `layers`.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn add_altered_inputs(
        &self,
        plans: &mut MethodPlans,
        layers: &[Layer],
        token: &CancellationToken,
    ) -> Result<(), AttributionError> {
        let layers = layers.iter().map(|layer| &layer.value);
        let mut wanted: Vec<String> = plans.residuals().chain(layers).cloned().collect();
        wanted.sort_unstable();
        wanted.dedup();
        plans.whole = Some(self.forward_pass(&wanted, token)?);
        Ok(())
    }

    /// Refuses a layer that is not followed by a mean over all positions and one dense layer.
    pub(super) fn check_linear_head(&self, layer: &Layer) -> Result<(), AttributionError> {
        match self.properties(layer).linear_head {
            true => Ok(()),
            false => Err(AttributionError::NoLinearHead(layer.name().to_owned())),
        }
    }

    /// Refuses a value to which no cotangent of the logits can be carried back by `rules`.
    pub(super) fn check_derivable(
        &self,
        layer: &Layer,
        rules: &'static Rules,
    ) -> Result<(), AttributionError> {
        let value = [layer.value.as_str()];
        if self.supplied(&value, rules).is_some() {
            return Ok(());
        }
        let (graph, facts) = (self.network.graph(), self.network.facts());
        let derived = derive(graph, facts, &value, &self.logits, rules);
        derived.map(|_| ()).map_err(|error| refused(&value, rules, &error))
    }

    /// Refuses a network whose full gradient cannot be derived.
    pub(super) fn check_full_gradient(&self) -> Result<(), AttributionError> {
        let (value, (graph, facts)) =
            (&self.input.value, (self.network.graph(), self.network.facts()));
        let derived = derive_full_gradient(graph, facts, value, &self.logits);
        derived.map(|_| ()).map_err(|error| refused(&[value], Rules::GRADIENT, &error))
    }

    fn add_gradient(
        &self,
        plans: &mut MethodPlans,
        layer: &Layer,
        rules: &'static Rules,
        reduction: Reduction,
        token: &CancellationToken,
    ) -> Result<(), AttributionError> {
        let plan = self.plan(layer, rules, reduction, token)?;
        let key = PlanKey::of(&layer.value, rules, reduction);
        plans.gradients.insert(key, plan);
        Ok(())
    }

    fn add_input_gradient(
        &self,
        plans: &mut MethodPlans,
        rules: &'static Rules,
        token: &CancellationToken,
    ) -> Result<(), AttributionError> {
        self.add_gradient(plans, &self.input, rules, Reduction::Elements, token)?;
        if !rules.references.is_empty() {
            let plan = plans.gradient(&self.input.value, rules, Reduction::Elements)?;
            let forward = self.forward_pass(&plan.reference_values(), token)?;
            plans.references.insert(rules.name, forward);
        }
        Ok(())
    }

    /// The backward pass to `layer`.
    pub(super) fn plan(
        &self,
        layer: &Layer,
        rules: &'static Rules,
        reduction: Reduction,
        token: &CancellationToken,
    ) -> Result<Arc<GradientPlan>, AttributionError> {
        let key = PlanKey::of(&layer.value, rules, reduction);
        let compile = || self.compile(layer, rules, reduction, token);
        Ok(self.plans.get_or_compute(&key, token, compile)?.0)
    }

    /// The forward pass that gives the logits and `residuals`.
    fn forward_pass(
        &self,
        residuals: &[String],
        token: &CancellationToken,
    ) -> Result<Arc<ForwardPass>, AttributionError> {
        let wanted = [std::slice::from_ref(&self.logits), residuals].concat();
        let compile = || {
            token.check()?;
            Ok::<_, AttributionError>(ForwardPass::compile(&self.network, &wanted)?)
        };
        Ok(self.forward_passes.get_or_compute(&wanted, token, compile)?.0)
    }

    /// The part of the network behind `layer`.
    fn tail(
        &self,
        layer: &Layer,
        token: &CancellationToken,
    ) -> Result<Arc<Tail>, AttributionError> {
        let bytes = layer.shape.iter().product::<usize>() * size_of::<f32>();
        let has_batch = layer.shape.first() == Some(&1);
        let most = if has_batch { TAIL_ROWS } else { 1 };
        let rows = (TAIL_BYTES / bytes.max(1)).clamp(1, most);
        let start = Instant::now();
        let compile = || {
            token.check()?;
            let tail = Tail::compile(&self.network, &layer.value, &self.logits, rows, token)?;
            let model = self.network.name();
            let milliseconds = start.elapsed().as_millis() as u64;
            let rows = tail.rows();
            tracing::info!(model, layer = layer.name(), rows, milliseconds, "tail ready");
            Ok::<_, AttributionError>(tail)
        };
        Ok(self.tails.get_or_compute(&layer.value, token, compile)?.0)
    }

    /// The graph by `rules` from the logits to each of `values`. For the gradient it is the one
    /// beside the model where it has them all, else a derived one with its weights. As a file it
    /// has at most `limit` bytes.
    ///
    /// # Errors
    /// [`AttributionError`]. A graph that is too large is refused before its weights are copied.
    pub fn gradient_model(
        &self,
        values: &[&str],
        rules: &'static Rules,
        limit: u64,
        token: &CancellationToken,
    ) -> Result<GradientModel, AttributionError> {
        let check = |bytes| match bytes {
            bytes if bytes > limit => Err(AttributionError::TooLarge { bytes, limit }),
            _ => Ok(()),
        };
        if let Some(supplied) = self.supplied(values, rules) {
            check(supplied.model.encoded_bytes())?;
            return Ok(supplied.clone());
        }
        let (graph, facts) = (self.network.graph(), self.network.facts());
        let derived = derive(graph, facts, values, &self.logits, rules);
        token.check()?;
        if let Ok(derived) = &derived {
            check(derived.most_bytes())?;
        }
        self.embed(derived, values, rules, |_| false)
    }

    fn compile(
        &self,
        layer: &Layer,
        rules: &'static Rules,
        reduction: Reduction,
        token: &CancellationToken,
    ) -> Result<GradientPlan, AttributionError> {
        let start = Instant::now();
        let name = layer.value.as_str();
        let weights = self.network.weights();
        let has_biases = reduction == Reduction::ElementsAndBiases;
        let gradient = match self.supplied(&[name], rules) {
            Some(supplied) if !has_biases => Cow::Borrowed(supplied),
            _ => {
                let (graph, facts) = (self.network.graph(), self.network.facts());
                let derived = match reduction {
                    Reduction::Elements => derive(graph, facts, &[name], &self.logits, rules),
                    Reduction::ElementsAndBiases => {
                        derive_full_gradient(graph, facts, name, &self.logits)
                    }
                    Reduction::ChannelSums => {
                        channel_sums_of(graph, facts, name, layer.grid, &self.logits, rules)
                    }
                };
                token.check()?;
                let derived = self.embed(derived, &[name], rules, |name| weights.contains(name))?;
                let has_operators = self.network.engine().has_own_operators();
                Cow::Owned(if has_operators { derived.for_engine() } else { derived })
            }
        };
        token.check()?;
        let plan = GradientPlan::compile(&self.network, &gradient, layer, &self.logits, rules)?;
        let model = self.network.name();
        let milliseconds = start.elapsed().as_millis() as u64;
        let rules = rules.name;
        tracing::info!(model, layer = layer.name(), rules, milliseconds, "gradient graph ready");
        Ok(plan)
    }

    /// The gradient graph beside the model, where it has all of `values` and `rules` are those of
    /// the gradient.
    fn supplied(&self, values: &[&str], rules: &Rules) -> Option<&GradientModel> {
        let supplied = self.supplied.as_ref().filter(|_| rules.name == Rules::GRADIENT.name);
        supplied.filter(|supplied| supplied_gradient::gives(supplied, values))
    }

    /// Puts the weights into a gradient graph that was derived for `values` by `rules`. Those for
    /// which `is_shared` become inputs of it.
    pub(super) fn embed(
        &self,
        derived: Result<GradientGraph, GradientError>,
        values: &[&str],
        rules: &'static Rules,
        is_shared: impl Fn(&str) -> bool,
    ) -> Result<GradientModel, AttributionError> {
        let refuse = |error| refused(values, rules, &error);
        let derived = derived.map_err(refuse)?;
        let tensors = self.network.tensors(&derived.weights(&is_shared))?;
        derived.embed(tensors, is_shared).map_err(refuse)
    }
}
