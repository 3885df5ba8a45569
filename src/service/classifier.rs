use std::sync::Arc;

use super::input_settings::InputSettings;
use super::picture_input::{InputForm, PictureInput};
use super::settings::Settings;
use super::test_picture::gives_probabilities;
use super::{LoadError, ModelInfo, ServiceError, Stages};
use crate::attribution::{AttributionError, Explainability, Explainer};
use crate::config::ModelLimits;
use crate::explain::SeedError;
use crate::onnx::{Facts, Head, InputNormalization, Kind, Layer, Model, Structure, Topology};
use crate::preprocess::{Picture, Preset};
use crate::runtime::{
    CancellationToken, Engine, ForwardOutputs, Graph, Network, OutputSet, Source, Values,
};

/// A loaded model: what is known of it, the network that runs it, and its explainer.
#[derive(Debug)]
pub struct Classifier {
    info: ModelInfo,
    network: Arc<Network>,
    explainer: Arc<Explainer>,
}

/// The most elements that one value of a graph may have: 1 GiB of floats. Without a limit, a file
/// could ask for more memory than the machine has.
const MAX_VALUE_ELEMENTS: usize = 1 << 28;

impl Classifier {
    /// Reads, checks and compiles a model.
    ///
    /// # Errors
    /// [`LoadError`], which names the file and the cause.
    pub fn load(source: Source, engine: &Engine) -> Result<Self, LoadError> {
        let location = source.location();
        Self::try_load(source, engine).map_err(|cause| LoadError { location, cause })
    }

    fn try_load(source: Source, engine: &Engine) -> Result<Self, String> {
        let mut stages = Stages::start();
        let (model, form) = read(&source)?;
        stages.end("read");
        let topology = Topology::of(&model).map_err(|error| error.to_string())?;
        let input = PictureInput { form, ..PictureInput::of(&model, &topology)? };
        let normalization = InputNormalization::of(&model, &topology, &input.name);
        let mut settings =
            Settings::of(InputSettings::of(&source.card.input, &input, &model, &normalization)?);
        let shapes = [settings.input_shape().to_vec()];
        let graph = Graph::read(&model, &shapes).map_err(|error| error.to_string())?;
        let facts = Arc::new(graph.facts());
        check_values(&facts)?;
        check_nodes(&topology, &facts, engine.limits())?;
        // From here on the engine holds the large weights, and the graph has them no more.
        let weights = graph.weights(&model);
        let model = model.without_weights(|name| weights.contains(name));
        let topology = Topology::of(&model).map_err(|error| error.to_string())?;
        stages.end("facts");
        let head = head(&source, &model, &topology, &facts)?;
        let structure = Structure::of(&model, &topology, &facts, input.layout, head);
        let Structure { head, grids, names, layers, attentions } = &structure;
        settings.fill_output(&source, head, &facts)?;
        let explainability = Explainability::find(&source, &model, &facts, layers, &head.logits)?;
        let is_explainable = |name: &str| explainability.refusal(name).is_none();
        let value_of = |name: &str| {
            let value = if facts.get(name).is_some() { Some(name) } else { names.value(name) };
            value.map(str::to_owned)
        };
        settings.fill_layers(&source.card, layers, is_explainable, value_of)?;
        let residuals = settings.gradcam.as_deref().and_then(|layer| {
            let grid = grids.get(layer);
            explainability.residuals(&model, &facts, layer, grid, &head.logits)
        });
        stages.end("derive");
        let shown = layers.iter().map(|layer| &layer.value).chain(&settings.shown);
        let outputs = ForwardOutputs {
            scores: scores(head, &settings, residuals.unwrap_or_default()),
            layers: shown.cloned().collect(),
        };
        let (logits, name, shared) = (head.logits.clone(), &source.name, Arc::clone(&facts));
        let input_layer = input_layer(&input.name, &settings);
        let network =
            Network::compile(name, model, graph, weights, shared, &input.name, &outputs, engine);
        let network = Arc::new(network.map_err(|error| error.to_string())?);
        check_memory(&network, engine.limits())?;
        let may_be = settings.assumes_softmax() && !head.is_dense;
        if may_be && gives_probabilities(&network, &settings, head)? {
            settings.set_probabilities();
        }
        stages.end("compile");
        tracing::info!(model = name, %stages, "model ready");
        warn_of_assumptions(name, &settings);
        let explainer = Explainer::new(
            Arc::clone(&network),
            input_layer,
            &logits,
            explainability,
            attentions.clone(),
        );
        let info = ModelInfo::new(&source, &input.name, settings, facts, structure);
        Ok(Self::of_parts(info, network, explainer))
    }

    pub(super) fn of_parts(info: ModelInfo, network: Arc<Network>, explainer: Explainer) -> Self {
        Self { info, network, explainer: Arc::new(explainer) }
    }

    /// The same model with the preprocessing of `preset`.
    ///
    /// # Errors
    /// [`ServiceError::Parameter`] where the preset does not fit the number of channels.
    pub fn with_preset(&self, preset: Preset) -> Result<Self, ServiceError> {
        let info = self.info.with_preset(preset)?;
        let (network, explainer) = (Arc::clone(&self.network), Arc::clone(&self.explainer));
        Ok(Self { info, network, explainer })
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.info.name()
    }

    /// What is known of the model.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The network that runs it.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Its explainer.
    #[must_use]
    pub fn explainer(&self) -> &Explainer {
        &self.explainer
    }

    /// One forward pass over `picture`: the input, the logits, and the other values of `outputs`.
    ///
    /// # Errors
    /// [`ServiceError::Runtime`].
    pub fn forward(
        &self,
        picture: &Picture,
        outputs: OutputSet,
        token: &CancellationToken,
    ) -> Result<Values, ServiceError> {
        let tensor = self.info.settings().preprocessing.tensor(picture).into_dyn();
        Ok(self.network.forward(tensor, outputs, token)?)
    }

    /// The logits of a forward pass.
    ///
    /// # Errors
    /// [`ServiceError::NotFinite`] where one is NaN or infinite.
    pub fn logits(&self, values: &Values) -> Result<Vec<f32>, ServiceError> {
        let logits: Vec<f32> = values.view(&self.info.head().logits)?.iter().copied().collect();
        match logits.iter().position(|logit| !logit.is_finite()) {
            None => Ok(logits),
            Some(index) => {
                Err(ServiceError::NotFinite(format!("{} as logit {index}", logits[index])))
            }
        }
    }

    /// The layer that is explained: the one called `name`, else the card's, else the last one that
    /// can be explained.
    ///
    /// # Errors
    /// [`ServiceError::UnknownLayer`]; [`ServiceError::NotExplainable`] for a layer without several
    /// positions; [`ServiceError::NoExplainableLayer`].
    pub fn explained_layer(&self, name: Option<&str>) -> Result<Layer, ServiceError> {
        let Some(name) = name.or(self.info.settings().gradcam.as_deref()) else {
            return Err(ServiceError::NoExplainableLayer);
        };
        let layer = self.info.layer(name)?;
        self.explainer.check_positions(&layer).map_err(|error| self.attribution_error(error))?;
        Ok(layer)
    }

    /// An error of the module `attribution`, with the names of the layers that can be explained.
    pub(super) fn attribution_error(&self, error: AttributionError) -> ServiceError {
        match error {
            AttributionError::NotExplainable { layer, reason } => {
                let is_usable = |layer: &&Layer| self.explainer.refusal(&layer.value).is_none();
                let usable = self.info.layers().iter().filter(is_usable);
                let usable = usable.map(|layer| layer.name().to_owned()).collect();
                ServiceError::NotExplainable { layer, reason, usable }
            }
            AttributionError::NoLinearHead(_)
            | AttributionError::NoAttention(_)
            | AttributionError::TooLargeLayer { .. } => {
                ServiceError::UnsuitableLayer(error.to_string())
            }
            AttributionError::TooSlow { .. } => ServiceError::TooSlow(error.to_string()),
            AttributionError::Parameter(error) => ServiceError::Parameter(error),
            AttributionError::RulesRefused { rules, reason } => {
                ServiceError::RulesRefused { rules, reason }
            }
            AttributionError::TooLarge { bytes, limit } => {
                let remedy = "ask for a later layer, or raise --max-output-bytes";
                ServiceError::AnswerTooLarge { bytes, limit, remedy }
            }
            AttributionError::Runtime(error) => ServiceError::Runtime(error),
            AttributionError::Seed(SeedError::NotFinite { index }) => {
                ServiceError::NotFinite(format!("no finite number as logit {index}"))
            }
            error => ServiceError::internal(error),
        }
    }
}

/// Reads a model. The result has outputs of scores and takes one picture, of which the file has the
/// form that is returned.
fn read(source: &Source) -> Result<(Model, InputForm), String> {
    let model = source.read().map_err(|error| match error.location() == source.location() {
        true => error.cause(),
        false => error.to_string(),
    })?;
    let model = model.with_score_outputs().map_err(|error| error.to_string())?;
    let (pixel_offset, is_vector) = (model.pixel_offset(), model.takes_a_vector());
    let model = model.rewritten().map_err(|error| error.to_string())?;
    let model = model.for_one_picture(source.card.input.size);
    Ok((model, InputForm { pixel_offset, is_vector }))
}

/// The output that the card names, otherwise the one that holds scores.
fn head(
    source: &Source,
    model: &Model,
    topology: &Topology,
    facts: &Facts,
) -> Result<Head, String> {
    let Some(name) = &source.card.output.name else {
        let classes = Some(source.labels.len()).filter(|&labels| labels > 0);
        return Ok(Head::of_scores(model, topology, facts, classes));
    };
    let outputs = model.outputs().iter().map(|output| output.name.as_str());
    let outputs: Vec<&str> = outputs.collect();
    match outputs.contains(&name.as_str()) {
        true => Ok(Head::at(name, model, topology)),
        false => Err(format!(
            "output.name is {name:?}, which is no output of the graph; use one of {}",
            outputs.join(", ")
        )),
    }
}

/// Refuses a graph with a value that is too large.
fn check_values(facts: &Facts) -> Result<(), String> {
    let Some((name, fact)) = facts.larger_than(MAX_VALUE_ELEMENTS) else { return Ok(()) };
    let shape = &fact.shape;
    Err(format!("{name:?} has shape {shape:?}; a value has at most {MAX_VALUE_ELEMENTS} elements"))
}

/// Logs what is assumed of the preprocessing.
fn warn_of_assumptions(model: &str, settings: &Settings) {
    if let Some(assumed) = settings.assumed_preprocessing() {
        tracing::warn!(
            model,
            assumed,
            "the preprocessing is not stated, so it is assumed; set input.preset in model.toml"
        );
    }
}

/// Refuses a graph in which more nodes than `limits` allow depend on the picture. The time to
/// compile a graph grows with the square of their number. Other nodes are computed once, before.
fn check_nodes(topology: &Topology, facts: &Facts, limits: &ModelLimits) -> Result<(), String> {
    let is_constant = |name: &String| {
        topology.is_constant(name) || facts.get(name).is_some_and(|fact| fact.constant.is_some())
    };
    let nodes = topology.order().iter().map(|&index| topology.node(index));
    match nodes.filter(|node| !node.output.iter().all(is_constant)).count() {
        nodes if nodes <= limits.nodes => Ok(()),
        nodes => Err(format!(
            "the graph has {nodes} nodes that depend on the picture, at most {} are allowed; \
             simplify the graph or raise --max-model-nodes",
            limits.nodes
        )),
    }
}

/// Refuses a network whose forward pass takes more memory than `limits` allow.
fn check_memory(network: &Network, limits: &ModelLimits) -> Result<(), String> {
    match network.peak_bytes() {
        bytes if bytes <= limits.bytes => Ok(()),
        bytes => Err(format!(
            "the values of one forward pass with every layer take {bytes} bytes, at most {} are \
             allowed; reduce the size of the input or raise --max-model-bytes",
            limits.bytes
        )),
    }
}

/// The picture input, as a layer.
fn input_layer(name: &str, settings: &Settings) -> Layer {
    Layer {
        value: name.to_owned(),
        module: None,
        kind: Kind::Value,
        shape: settings.input_shape().to_vec(),
        grid: Some(settings.preprocessing.layout.into()),
        only_prefix_is_read: false,
        parameters: 0,
    }
}

/// The values of [`OutputSet::Scores`]: logits and output, the layer that is explained by default,
/// and what its gradient graph reads.
fn scores(head: &Head, settings: &Settings, residuals: Vec<String>) -> Vec<String> {
    let mut names = residuals;
    names.extend([&head.logits, &head.output].into_iter().chain(&settings.gradcam).cloned());
    names.sort_unstable();
    names.dedup();
    names
}
