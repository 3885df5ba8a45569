use std::collections::{HashMap, HashSet};

use super::GradientError;
use super::flip::Flip;
use crate::onnx::pb::TensorProto;
use crate::onnx::{Element, Model, value_info};

/// A gradient graph as it was derived. The weights that it reads are still in the forward model, so
/// that deriving costs neither time nor memory for them.
#[derive(Debug, Clone)]
pub struct GradientGraph {
    pub(super) graph: Model,
    pub(super) residuals: Vec<String>,
    pub(super) weights: Vec<Weight>,
}

/// A weight of the gradient graph: a stored tensor of the forward model, as it is or flipped to
/// this shape.
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
    /// Inputs: [`SEED`](super::SEED), of the logits' shape, then the residuals, then the weights
    /// that are held elsewhere. Outputs: `grad/<layer>`, of the layer's shape, in the order in
    /// which the layers were asked for.
    pub model: Model,
    /// The forward values that the graph reads, in the order of its inputs.
    pub residuals: Vec<String>,
    /// The weights that it takes as inputs, after the residuals.
    pub shared: Vec<String>,
}

impl GradientGraph {
    /// The forward values that the graph reads.
    #[must_use]
    pub fn residuals(&self) -> &[String] {
        &self.residuals
    }

    /// Which weights of the forward model [`embed`](Self::embed) needs, if those for which
    /// `is_shared` are not to be stored.
    pub fn weights(&self, is_shared: impl Fn(&str) -> bool) -> HashSet<String> {
        let stored = self.weights.iter().filter(|weight| !weight.is_input(&is_shared));
        stored.map(|weight| weight.source.clone()).collect()
    }

    /// Stores the weights that the graph reads: `tensors` of the forward model, by name. Those for
    /// which `is_shared`, and that are read as they are, become inputs instead. Weights whose numbers
    /// lie in an external file are referred to there, so that such a gradient graph must be kept in
    /// the model's own folder.
    ///
    /// # Errors
    /// [`GradientError::MissingWeight`] where `tensors` lacks one.
    pub fn embed(
        self,
        mut tensors: HashMap<String, TensorProto>,
        is_shared: impl Fn(&str) -> bool,
    ) -> Result<GradientModel, GradientError> {
        let (mut shared, mut inputs, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        // Flipped ones are copies, so they come first and leave their source to be moved.
        let (flipped, plain): (Vec<_>, Vec<_>) =
            self.weights.into_iter().partition(|weight| weight.flip.is_some());
        for weight in flipped.into_iter().chain(plain) {
            if weight.is_input(&is_shared) {
                inputs.push(value_info(&weight.name, weight.element, &weight.shape));
                shared.push(weight.name);
            } else {
                stored.push(weight.take(&mut tensors)?);
            }
        }
        let model = self.graph.with_inputs(inputs).with_initializers(stored);
        Ok(GradientModel { model, residuals: self.residuals, shared })
    }
}

impl Weight {
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
