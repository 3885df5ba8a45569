use super::GradientError;
use super::flip::Flip;
use crate::onnx::Model;
use crate::onnx::pb::TensorProto;

/// A gradient graph as it was derived. The weights that it reads are still in the forward model, so that deriving costs
/// neither time nor memory for them.
#[derive(Debug, Clone)]
pub struct Derived {
    pub(super) graph: Model,
    pub(super) residuals: Vec<String>,
    pub(super) weights: Vec<Weight>,
}

/// A weight of the gradient graph: a stored tensor of the forward model, as it is or flipped to the given shape.
#[derive(Debug, Clone)]
pub(super) struct Weight {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) flip: Option<(Flip, Vec<usize>)>,
}

/// A gradient graph that runs.
#[derive(Debug, Clone)]
pub struct Gradient {
    /// Inputs: [`SEED`](super::SEED), of the logits' shape, then the residuals. Outputs: `grad/<layer>`, of the layer's
    /// shape, in the order in which the layers were asked for.
    pub model: Model,
    /// The forward values that the graph reads, in the order of its inputs.
    pub residuals: Vec<String>,
}

impl Derived {
    /// The forward values that the graph reads.
    #[must_use]
    pub fn residuals(&self) -> &[String] {
        &self.residuals
    }

    /// Moves the weights that the graph reads from the model it was derived from. Weights whose numbers lie in an
    /// external file are referred to there, so that such a gradient graph must be kept in the model's own folder.
    ///
    /// # Errors
    /// [`GradientError::MissingWeight`] where `forward` is another model.
    pub fn embed(self, forward: Model) -> Result<Gradient, GradientError> {
        let mut stored = forward.into_tensors();
        let (flipped, plain): (Vec<_>, Vec<_>) =
            self.weights.into_iter().partition(|weight| weight.flip.is_some());
        let mut tensors = Vec::with_capacity(flipped.len() + plain.len());
        // Flipped ones are copies, so they come first and leave their source to be moved.
        for Weight { name, source, flip } in flipped.into_iter().chain(plain) {
            let missing = || GradientError::MissingWeight(source.clone());
            let tensor = match flip {
                Some((flip, dims)) => {
                    let mut copy = stored.get(&source).ok_or_else(missing)?.clone();
                    flip.apply(&mut copy);
                    copy.dims = dims.into_iter().map(|dim| dim as i64).collect();
                    copy
                }
                None => stored.remove(&source).ok_or_else(missing)?,
            };
            tensors.push(TensorProto { name, ..tensor });
        }
        Ok(Gradient { model: self.graph.with_initializers(tensors), residuals: self.residuals })
    }
}
