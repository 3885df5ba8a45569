//! The methods on networks whose gradient is known in closed form, and against NumPy.

mod aug_smooth;
mod black_box;
mod cam_reference;
mod cams;
pub(crate) mod formula;
mod from_layer;
mod fullgrad;
mod gradcam;
mod hirescam;
mod identity;
mod noise;
mod pixels;
mod reference;
mod shared_scale;
mod transformers;
mod zero_maps;

use convscope::attribution::{AttributionError, Evaluator, Map, Options, Session, find_method};
use convscope::config::Activation;
use convscope::explain::{Score, Target};
use convscope::gradient::Rules;
use ndarray::{Array3, ArrayView3, Axis};

/// A network that is known at one layer: its value and the score's gradient there.
pub(crate) struct Known {
    pub(crate) activations: Array3<f32>,
    /// For a cotangent of 1.
    pub(crate) gradient: Array3<f32>,
}

impl Evaluator for Known {
    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        Ok(self.activations.view())
    }

    fn channel_sums(&self, cotangent: &[f32]) -> Result<Vec<f64>, AttributionError> {
        let gradient = self.gradient(cotangent, Rules::GRADIENT)?.mapv(f64::from);
        Ok(gradient.sum_axis(Axis(2)).sum_axis(Axis(1)).to_vec())
    }

    fn gradient(&self, cotangent: &[f32], _: &Rules) -> Result<Array3<f32>, AttributionError> {
        Ok(&self.gradient * cotangent[0])
    }
}

impl Known {
    /// The map that the method called `method` gives for a cotangent of 1.
    pub(crate) fn map(&self, method: &str) -> Result<Map, AttributionError> {
        let method = find_method(method).unwrap();
        // The only logit is the score, so the cotangent is 1.
        let target = Target { class: 0, score: Score::Logit, activation: Activation::Logits };
        (method.run)(&Session::new(self, &[0.0], target)?, &Options::default())
    }
}
