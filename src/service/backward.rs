use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{ArrayD, Axis, Ix3};

use super::lru_cache::LruCache;
use super::{Classifier, ServiceError, channels};
use crate::explain::channel_sums;
use crate::gradient::{Gradient, SEED, cotangent_name, layer_name, sums_name};
use crate::onnx::{Facts, Layer, Model};
use crate::runtime::{CancellationToken, Graph, Plan, RuntimeError, Source, Values, Weights};

/// A compiled gradient graph: carries a cotangent of the logits back to a layer.
#[derive(Debug)]
pub(super) struct Backward {
    plan: Plan,
    layer: Layer,
    residuals: Vec<String>,
    seed_shape: Vec<usize>,
    /// Weights that the plan holds, in bytes.
    weight: usize,
}

impl Backward {
    /// Compiles a gradient graph of `classifier` that gives the cotangent of `layer` or the sums of
    /// it; `weights` has those that it takes as inputs.
    pub(super) fn compile(
        classifier: &Classifier,
        gradient: &Gradient,
        layer: &Layer,
        weights: &Weights,
    ) -> Result<Self, ServiceError> {
        let facts = classifier.facts();
        let seed_shape = shape_of(facts, &classifier.head().logits)?;
        let mut shapes = vec![seed_shape.clone()];
        for residual in &gradient.residuals {
            shapes.push(shape_of(facts, residual)?);
        }
        let directory = classifier.source().directory();
        let graph = Graph::read_with(&gradient.model, directory, &shapes, weights)?;
        let outputs = gradient.model.outputs().iter().map(|output| output.name.clone());
        let wanted = [sums_name(&layer.name), cotangent_name(&layer.name)];
        let outputs: Vec<String> = outputs.filter(|name| wanted.contains(name)).collect();
        let plan = graph.compile(&outputs, classifier.engine())?;
        let weight = weight(&gradient.model);
        let residuals = gradient.residuals.clone();
        Ok(Self { plan, layer: layer.clone(), residuals, seed_shape, weight })
    }

    /// The forward values that it reads.
    pub(super) fn residuals(&self) -> &[String] {
        &self.residuals
    }

    /// Carries `cotangent` of the logits back: the sums of the layer's over all positions, one for
    /// each channel.
    pub(super) fn sums(
        &self,
        cotangent: Vec<f32>,
        values: &Values,
        token: &CancellationToken,
    ) -> Result<Vec<f64>, ServiceError> {
        let seed = ArrayD::from_shape_vec(self.seed_shape.clone(), cotangent)
            .map_err(ServiceError::internal)?;
        let mut inputs = vec![crate::runtime::input(seed)];
        for residual in &self.residuals {
            inputs.push(values.handle(residual)?);
        }
        let computed = self.plan.run(inputs, token)?;
        let sums = sums_name(&self.layer.name);
        if !self.plan.gives(&sums) {
            let cotangent = computed.view(&cotangent_name(&self.layer.name))?;
            return Ok(channel_sums(channels(&self.layer, cotangent)?));
        }
        let rows = computed.view(&sums)?.insert_axis(Axis(2));
        let rows = rows.into_dimensionality::<Ix3>().map_err(ServiceError::internal)?;
        Ok(channel_sums(rows))
    }
}

fn shape_of(facts: &Facts, value: &str) -> Result<Vec<usize>, RuntimeError> {
    let shape = facts.shape(value).map(<[usize]>::to_vec);
    shape.ok_or_else(|| RuntimeError::NoSuchValue(value.to_owned()))
}

fn weight(model: &Model) -> usize {
    model.graph().initializer.iter().map(prost::Message::encoded_len).sum()
}

/// The gradient graph that lies beside the model, where there is one, checked against the model.
///
/// # Errors
/// What cannot be read or does not fit, in words.
pub(super) fn given(
    source: &Source,
    facts: &Facts,
    logits: &str,
) -> Result<Option<Gradient>, String> {
    let name = |cause| format!("gradient.onnx: {cause}");
    let Some(model) = source.read_gradient().map_err(|error| name(error.cause()))? else {
        return Ok(None);
    };
    adopt(model, facts, logits, source.directory()).map(Some).map_err(name)
}

fn adopt(
    model: Model,
    facts: &Facts,
    logits: &str,
    directory: Option<&str>,
) -> Result<Gradient, String> {
    let inputs: Vec<String> = model.inputs().iter().map(|input| input.name.clone()).collect();
    let Some((seed, residuals)) = inputs.split_first().filter(|(seed, _)| *seed == SEED) else {
        return Err(format!("its first input is not {SEED:?}"));
    };
    let shape = |value: &str| facts.shape(value).map(<[usize]>::to_vec);
    let mut shapes = vec![
        shape(logits)
            .ok_or_else(|| format!("{seed:?} is for {logits:?}, whose shape is not known"))?,
    ];
    for residual in residuals {
        let unknown = || format!("it reads {residual:?}, which the model does not compute");
        shapes.push(shape(residual).ok_or_else(unknown)?);
    }
    let graph = Graph::read(&model, directory, &shapes).map_err(|error| error.to_string())?;
    let computed = graph.facts();
    for output in model.outputs() {
        let stray = || format!("its output {:?} is not grad/ and a layer's name", output.name);
        let layer = layer_name(&output.name).and_then(shape).ok_or_else(stray)?;
        let found = computed.shape(&output.name).unwrap_or_default();
        if found != layer {
            let name = &output.name;
            return Err(format!("its output {name:?} has shape {found:?}, the layer {layer:?}"));
        }
    }
    let residuals = residuals.to_vec();
    Ok(Gradient { model, residuals, held: Vec::new() })
}

/// The compiled gradient graphs of one model, by layer, bounded by the weights that they hold:
/// whatever layers are asked for, a model's weights are in memory at most once for the forward plan
/// and once for these.
#[derive(Debug)]
pub(super) struct Backwards {
    recent: Mutex<LruCache<String, Backward>>,
}

impl Backwards {
    /// Holds at most `budget` bytes of weights beside the latest.
    pub(super) fn with_capacity(budget: usize) -> Self {
        Self { recent: Mutex::new(LruCache::with_capacity(budget)) }
    }

    /// The gradient graph for `layer`, made by `make` where it is not there. Others who ask
    /// meanwhile wait, so that it is made once.
    pub(super) fn get_or_make(
        &self,
        layer: &str,
        make: impl FnOnce() -> Result<Backward, ServiceError>,
    ) -> Result<Arc<Backward>, ServiceError> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(backward) = recent.get(|key| key == layer) {
            return Ok(backward);
        }
        let backward = Arc::new(make()?);
        recent.put(layer.to_owned(), Arc::clone(&backward), backward.weight);
        Ok(backward)
    }
}
