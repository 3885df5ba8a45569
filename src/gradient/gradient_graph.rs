use std::collections::{HashMap, HashSet};

use super::flip::Flip;
use super::{EngineNode, GradientError, Reference};
use crate::onnx::pb::TensorProto;
use crate::onnx::{Element, Model, value_info};

/// A derived gradient graph without its weights. They stay in the forward model, so deriving costs
/// neither time nor memory for them.
#[derive(Debug, Clone)]
pub struct GradientGraph {
    pub(super) graph: Model,
    pub(super) residuals: Vec<String>,
    pub(super) references: Vec<(Reference, String)>,
    pub(super) weights: Vec<Weight>,
    pub(super) engine_nodes: Vec<EngineNode>,
}

/// A weight of the gradient graph: the stored tensor `source` of the forward model, unchanged or
/// flipped to `shape`.
#[derive(Debug, Clone)]
pub(super) struct Weight {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    pub(super) flip: Option<Flip>,
}

/// A gradient graph with its weights.
#[derive(Debug, Clone)]
pub struct GradientModel {
    /// Inputs: [`SEED`](super::SEED), of the logits' shape, then the residuals, then those at the
    /// references, then the shared weights. Outputs: `grad/<layer>`, of the layer's shape, in the
    /// order in which the layers were requested. A graph of channel sums has the output
    /// `sums/<layer>` instead.
    pub model: Model,
    /// The forward values that the graph reads, in the order of its inputs.
    pub residuals: Vec<String>,
    /// The forward values at other inputs of the network that the graph reads, in the order of its
    /// inputs.
    pub references: Vec<(Reference, String)>,
    /// The shared weights: they are inputs, after all others, and not stored in the graph.
    pub shared: Vec<String>,
    /// What an engine may compute in place of several nodes.
    pub engine_nodes: Vec<EngineNode>,
}

impl GradientModel {
    /// The same graph with operators that are not ONNX's, for an engine that has them.
    #[must_use]
    pub fn for_engine(self) -> Self {
        let model = EngineNode::replace(self.engine_nodes, self.model);
        Self { model, engine_nodes: Vec::new(), ..self }
    }
}

impl GradientGraph {
    /// The forward values that the graph reads.
    #[must_use]
    pub fn residuals(&self) -> &[String] {
        &self.residuals
    }

    /// The most bytes that the graph has as a file with its weights.
    #[must_use]
    pub fn most_bytes(&self) -> u64 {
        self.weights
            .iter()
            .map(Weight::most_bytes)
            .fold(self.graph.encoded_bytes(), u64::saturating_add)
    }

    /// The names of the forward model's weights that [`embed`](Self::embed) needs with this
    /// `is_shared`.
    pub fn weights(&self, is_shared: impl Fn(&str) -> bool) -> HashSet<String> {
        let stored = self.weights.iter().filter(|weight| !weight.is_input(&is_shared));
        stored.map(|weight| weight.source.clone()).collect()
    }

    /// Stores the weights that the graph reads. `tensors` are those of the forward model, by name.
    /// A weight becomes an input instead if `is_shared` is true for its name and it is not flipped.
    /// If the numbers of a weight are in an external file, the gradient graph refers to that file,
    /// so it must be kept in the model's folder.
    ///
    /// # Errors
    /// [`GradientError::MissingWeight`] if a weight is not in `tensors`.
    pub fn embed(
        mut self,
        mut tensors: HashMap<String, TensorProto>,
        is_shared: impl Fn(&str) -> bool,
    ) -> Result<GradientModel, GradientError> {
        let (mut shared, mut inputs, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        // Flipped weights are copies. They come first, because a plain weight is moved out of
        // `tensors`.
        let weights = std::mem::take(&mut self.weights);
        let (flipped, plain): (Vec<_>, Vec<_>) =
            weights.into_iter().partition(|weight| weight.flip.is_some());
        for weight in flipped.into_iter().chain(plain) {
            if weight.is_input(&is_shared) {
                inputs.push(value_info(&weight.name, weight.element, &weight.shape));
                shared.push(weight.name);
            } else {
                stored.push(weight.take(&mut tensors)?);
            }
        }
        let model = self.graph.with_inputs(inputs).with_initializers(stored);
        let Self { residuals, references, engine_nodes, .. } = self;
        Ok(GradientModel { model, residuals, references, shared, engine_nodes })
    }
}

impl Weight {
    /// The most bytes that it has in a file, with its name and shape.
    fn most_bytes(&self) -> u64 {
        let elements = self.shape.iter().fold(1u64, |all, &dim| all.saturating_mul(dim as u64));
        let head = 64 + self.name.len() as u64 + 11 * self.shape.len() as u64;
        elements.saturating_mul(self.element.most_stored_bytes()).saturating_add(head)
    }

    fn is_input(&self, is_shared: impl Fn(&str) -> bool) -> bool {
        self.flip.is_none() && is_shared(&self.source)
    }

    fn take(
        self,
        tensors: &mut HashMap<String, TensorProto>,
    ) -> Result<TensorProto, GradientError> {
        let Self { name, source, shape, flip, .. } = self;
        let tensor = match flip {
            None => tensors.remove(&source),
            Some(flip) => tensors.get(&source).filter(|tensor| flip.fits(tensor)).map(|tensor| {
                let mut copy = tensor.clone();
                flip.apply(&mut copy);
                copy.dims = shape.into_iter().map(|dim| dim as i64).collect();
                copy
            }),
        };
        let tensor = tensor.ok_or(GradientError::MissingWeight(source))?;
        Ok(TensorProto { name, ..tensor })
    }
}
