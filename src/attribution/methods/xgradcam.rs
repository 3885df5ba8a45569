//! XGrad-CAM (Fu et al. 2020, <https://arxiv.org/abs/2008.02312>).

use ndarray::ArrayView2;

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "xgradcam",
    title: "XGrad-CAM",
    family: Family::Cam,
    summary: "Weights each channel by its gradient where the channel is active.",
    paper: "https://arxiv.org/abs/2008.02312",
    formula: "sum over k of w_k·A_k, w_k = sum_ij(∂s/∂A_k ⊙ A_k)/sum_ij(A_k)",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: PARAMETERS,
    needs: &[Need::Gradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |layer| layer.uniform_gradient.then_some("gradcam"),
    run: xgradcam,
};

/// Added to the magnitude of ΣA, as a part of Σ|A|. Where a layer has both signs, ΣA can be zero.
const EPSILON: f64 = 1e-7;

/// The weight of channel k is the mean of its gradient, weighted by the activations. A channel that
/// is zero everywhere has the weight zero.
fn xgradcam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let gradient = session.gradient(Rules::GRADIENT)?;
    let weight = |(a, g): (ArrayView2<'_, f32>, ArrayView2<'_, f32>)| {
        let (mut sum, mut magnitude, mut product) = (0.0, 0.0, 0.0);
        for (&a, &g) in a.iter().zip(&g) {
            let a = f64::from(a);
            sum += a;
            magnitude += a.abs();
            product += a * f64::from(g);
        }
        if magnitude == 0.0 { 0.0 } else { product / (sum + EPSILON * magnitude.copysign(sum)) }
    };
    let activations = session.activations()?;
    let weights = activations.outer_iter().zip(gradient.outer_iter()).map(weight).collect();
    Ok(WeightedSum::of(session, &Weights::Channels(weights), options)?.in_seed_units(1.0))
}
