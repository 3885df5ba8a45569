use std::collections::{HashMap, HashSet};

use ndarray::{ArrayView3, ArrayViewD};
use prost::Message;

use super::backward::{Backwards, given};
use super::explainable::{derive_sums, gives, refusals};
use super::forward::{Forward, OutputSet};
use super::settings::{PictureInput, Settings};
use super::{LoadError, ServiceError, Stages};
use crate::config::{Layout, Parameters, excerpt, nearest};
use crate::onnx::pb::TensorProto;
use crate::onnx::{self, Element, Facts, Head, Kind, Layer, Layouts, Topology};
use crate::preprocess::Picture;
use crate::runtime::{
    self, CancellationToken, ClassName, Engine, Fingerprint, Graph, Plan, RuntimeError, Source,
    Values, Weights,
};

/// A model that is ready to be asked. Its plan holds the weights; all else here is about it.
#[derive(Debug)]
pub struct Classifier {
    source: Source,
    input: PictureInput,
    settings: Settings,
    head: Head,
    facts: Facts,
    layouts: Layouts,
    layers: Vec<Layer>,
    graph: onnx::Model,
    forward: Forward,
    engine: Engine,
    backwards: Backwards,
    refusals: HashMap<String, String>,
}

/// Elements of one value of a graph: 1 GiB of floats. A file can ask for any; the process would
/// end.
const LARGEST_VALUE: usize = 1 << 28;

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
        let model = source.read().map_err(|error| error.cause())?;
        stages.end("read");
        let topology = Topology::of(&model).map_err(|error| error.to_string())?;
        let input = PictureInput::of(&model, &topology)?;
        let mut settings = Settings::of(&source.card, &input)?;
        let shapes = [settings.input_shape().to_vec()];
        let graph =
            Graph::read(&model, source.directory(), &shapes).map_err(|error| error.to_string())?;
        let facts = graph.facts();
        if let Some((name, fact)) = facts.larger_than(LARGEST_VALUE) {
            let shape = &fact.shape;
            return Err(format!("{name:?} has shape {shape:?}, more than a value may have here"));
        }
        stages.end("facts");
        let layouts = Layouts::of(&model, &topology, &facts, input.layout);
        let layers = onnx::layers(&model, &topology, &layouts, &facts);
        let head = Head::of(&model, &topology);
        settings.settle_output(&source, &head, &facts)?;
        let given = given(&source, &facts, &head.logits)?;
        let refusals = refusals(&model, &facts, &layers, &head.logits, given.as_ref());
        let exists = |name: &str| facts.get(name).is_some();
        settings.settle_layers(&source.card, &layers, &refusals, exists)?;
        let residuals = settings.gradcam.as_deref().map(|layer| match &given {
            Some(given) if gives(given, layer) => given.residuals.clone(),
            _ => {
                let layout = layouts.get(layer);
                let derived = derive_sums(&model, &facts, layer, layout, &head.logits);
                // No reason not to show the model; who asks for it is told.
                derived.map(|derived| derived.residuals().to_vec()).unwrap_or_default()
            }
        });
        drop(given);
        stages.end("derive");
        let size = model.graph().encoded_len();
        let without_weights = model.without_weights();
        let explanation = explanation(&head, &settings, residuals.unwrap_or_default());
        let shown = layers.iter().map(|layer| &layer.name).chain(&settings.shown);
        let shown: Vec<String> = shown.cloned().collect();
        let forward = Forward::compile(graph, &explanation, &shown, engine);
        let forward = forward.map_err(|error| error.to_string())?;
        stages.end("compile");
        tracing::info!(model = source.name, %stages, "model ready");
        let backwards = Backwards::with_capacity(size);
        Ok(Self {
            source,
            input,
            settings,
            head,
            facts,
            layouts,
            layers,
            graph: without_weights,
            forward,
            engine: engine.clone(),
            backwards,
            refusals,
        })
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// Changes whenever one of the model's files does.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.source.fingerprint
    }

    /// The card with every gap filled.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// The large stored tensors that the forward pass holds, for other plans to share.
    pub(super) fn weights(&self) -> Weights {
        self.forward.plan(OutputSet::Layers).weights()
    }

    /// The graph without its large weights.
    pub(super) fn graph(&self) -> &onnx::Model {
        &self.graph
    }

    /// The stored tensors called `names`; those that the graph lacks are read again.
    pub(super) fn tensors(
        &self,
        names: HashSet<String>,
    ) -> Result<HashMap<String, TensorProto>, ServiceError> {
        let without_data = self.graph.without_data();
        let (read, known): (HashSet<_>, HashSet<_>) =
            names.into_iter().partition(|name| without_data.contains(name));
        let mut tensors = self.graph.tensors(&known);
        if !read.is_empty() {
            let found = self.source.read_tensors(&read);
            tensors.extend(found.map_err(|error| ServiceError::Internal(error.cause()))?);
        }
        Ok(tensors)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn backwards(&self) -> &Backwards {
        &self.backwards
    }

    /// Why the layer called `name` cannot be explained; None where it can.
    #[must_use]
    pub fn refusal(&self, name: &str) -> Option<&str> {
        self.refusals.get(name).map(String::as_str)
    }

    /// The name of the picture input.
    #[must_use]
    pub fn input_name(&self) -> &str {
        &self.input.name
    }

    /// The layers in the order of evaluation.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Where the logits are and what follows them.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The class names; empty where the model has none.
    #[must_use]
    pub fn labels(&self) -> &[ClassName] {
        &self.source.labels
    }

    /// Further names of layers: alias → value.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        let aliases = &self.source.card.layers.aliases;
        aliases.iter().map(|(alias, value)| (alias.as_str(), value.as_str()))
    }

    /// The layer that a caller means: a listed layer, an alias, or any other float value of the
    /// graph that depends on the picture.
    ///
    /// # Errors
    /// [`ServiceError::UnknownLayer`] with the names most like it.
    pub fn layer(&self, name: &str) -> Result<Layer, ServiceError> {
        let aliased = self.source.card.layers.aliases.get(name);
        let target = aliased.map_or(name, String::as_str);
        if let Some(layer) = self.layers.iter().find(|layer| layer.name == target) {
            return Ok(layer.clone());
        }
        let fact = self.facts.get(target);
        let floats = fact.filter(|fact| fact.element == Element::F32 && fact.constant.is_none());
        if let Some(fact) = floats {
            return Ok(Layer {
                name: target.to_owned(),
                kind: Kind::Value,
                shape: fact.shape.clone(),
                layout: self.layouts.get(target),
                parameters: 0,
            });
        }
        let listed = self.layers.iter().map(|layer| layer.name.as_str());
        let names = listed.chain(self.aliases().map(|(alias, _)| alias));
        Err(ServiceError::UnknownLayer {
            model: self.name().to_owned(),
            layer: excerpt(name),
            nearest: nearest(name, names).into_iter().map(str::to_owned).collect(),
        })
    }

    /// The layers that a caller names, each once.
    ///
    /// # Errors
    /// [`ServiceError::UnknownLayer`].
    pub fn named_layers(&self, parameters: &Parameters) -> Result<Vec<Layer>, ServiceError> {
        let mut layers: Vec<Layer> = Vec::new();
        for name in parameters.all("layer") {
            let layer = self.layer(name)?;
            if !layers.contains(&layer) {
                layers.push(layer);
            }
        }
        Ok(layers)
    }

    /// How much of a forward pass has `needed`, as far as any has.
    pub(super) fn output_set(&self, needed: &[String]) -> OutputSet {
        self.forward.extent(needed.iter().filter(|name| **name != self.input.name))
    }

    /// One forward pass over `picture`: the input, the logits, and what else `extent` says.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn forward(
        &self,
        picture: &Picture,
        extent: OutputSet,
        token: &CancellationToken,
    ) -> Result<Values, ServiceError> {
        let tensor = self.settings.recipe.tensor(picture).into_dyn();
        let input = runtime::input(tensor);
        let mut values = self.forward.plan(extent).run(vec![input.clone()], token)?;
        values.insert(&self.input.name, input);
        Ok(values)
    }

    /// The network's logits.
    ///
    /// # Errors
    /// [`ServiceError::NotFinite`] where one is no number.
    pub fn logits(&self, values: &Values) -> Result<Vec<f32>, ServiceError> {
        let logits: Vec<f32> = values.view(&self.head.logits)?.iter().copied().collect();
        match logits.iter().position(|logit| !logit.is_finite()) {
            None => Ok(logits),
            Some(index) => {
                Err(ServiceError::NotFinite(format!("{} as logit {index}", logits[index])))
            }
        }
    }

    /// `values` with those among `wanted` that the plan fuses away: these are computed from what it
    /// gives by the nodes between, whose weights are read again for as long as that takes.
    pub(super) fn complete(
        &self,
        values: &Values,
        wanted: &[String],
        token: &CancellationToken,
    ) -> Result<Values, ServiceError> {
        let mut values = values.clone();
        let missing: Vec<String> =
            wanted.iter().filter(|name| !values.contains(name)).cloned().collect();
        if missing.is_empty() {
            return Ok(values);
        }
        let topology = Topology::of(&self.graph).map_err(RuntimeError::from)?;
        let known = |name: &str| values.contains(name);
        let part = onnx::subgraph(&self.graph, &topology, &self.facts, known, &missing)
            .map_err(RuntimeError::from)?;
        let weights = self.tensors(part.without_data())?;
        let part = part.with_weights(weights);
        let names: Vec<&str> = part.inputs().iter().map(|input| input.name.as_str()).collect();
        let shape = |name: &&str| self.facts.shape(name).map(<[usize]>::to_vec).unwrap_or_default();
        let shapes: Vec<Vec<usize>> = names.iter().map(shape).collect();
        let plan = Plan::compile(&part, self.source.directory(), &shapes, &missing, &self.engine)?;
        let inputs = names.iter().map(|name| values.handle(name)).collect::<Result<_, _>>()?;
        values.extend(plan.run(inputs, token)?);
        Ok(values)
    }
}

/// Channels, height and width that a layer is shown as. A vector, and a pool to 1×1, is one channel
/// of one row; tokens × features is one channel.
///
/// # Errors
/// [`ServiceError::NotAPicture`] for a value of more dimensions, or of none.
pub fn picture_shape(layer: &Layer) -> Result<[usize; 3], ServiceError> {
    let ones = layer.shape.iter().take_while(|&&dim| dim == 1).count();
    let ones = ones.min(layer.shape.len().saturating_sub(3).max(1));
    let shape = layer.shape.get(ones..).unwrap_or_default();
    let is_vector = shape.iter().filter(|&&dim| dim > 1).count() <= 1;
    match (shape, layer.layout) {
        _ if shape.contains(&0) => Err(not_a_picture(layer)),
        _ if is_vector => Ok([1, 1, shape.iter().product()]),
        (&[height, width, channels], Some(Layout::Nhwc)) => Ok([channels, height, width]),
        (&[channels, height, width], _) => Ok([channels, height, width]),
        (&[height, width], _) => Ok([1, height, width]),
        _ => Err(not_a_picture(layer)),
    }
}

/// A layer's value as channels × height × width, in the terms of [`picture_shape`]; a view,
/// whatever the layout.
///
/// # Errors
/// [`ServiceError::NotAPicture`].
pub fn channels<'v>(
    layer: &Layer,
    value: ArrayViewD<'v, f32>,
) -> Result<ArrayView3<'v, f32>, ServiceError> {
    let [channels, height, width] = picture_shape(layer)?;
    let (stored, permuted) = match layer.layout {
        Some(Layout::Nhwc) if height > 1 || width > 1 => ((height, width, channels), [2, 0, 1]),
        _ => ((channels, height, width), [0, 1, 2]),
    };
    let view = value.into_shape_with_order(stored).map_err(|_| not_a_picture(layer))?;
    Ok(view.permuted_axes(permuted))
}

fn not_a_picture(layer: &Layer) -> ServiceError {
    ServiceError::NotAPicture { layer: layer.name.clone(), shape: layer.shape.clone() }
}

/// The logits and the output, the layer that Grad-CAM explains by default, and the residuals.
fn explanation(head: &Head, settings: &Settings, residuals: Vec<String>) -> Vec<String> {
    let mut names = residuals;
    names.extend([&head.logits, &head.output].into_iter().chain(&settings.gradcam).cloned());
    names.sort_unstable();
    names.dedup();
    names
}
