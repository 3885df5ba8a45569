//! Grad-CAM++ (Chattopadhyay et al. 2018, <https://arxiv.org/abs/1710.11063>).

use ndarray::ArrayView2;

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "gradcam++",
    title: "Grad-CAM++",
    family: Family::Cam,
    summary: "Weights positive gradients position by position, for several objects of a class.",
    paper: "https://arxiv.org/abs/1710.11063",
    formula: "sum over k of w_k·A_k, w_k = sum over ij with g > 0 of g/(2 + g·sum(A_k)), g the \
              gradient of the logit, or of the probability's log-odds",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: PARAMETERS,
    needs: &[Need::Gradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: gradcam_plus_plus,
};

/// Equation 19: αᵢⱼ = g²/(2g² + g³·Σ Aₖ) = 1/(2 + g·Σ Aₖ), and wₖ = Σᵢⱼ α·max(g, 0). The derivation
/// has the score exp(S), and g is the gradient of S. S is the logit; for a probability p it is
/// ln(p/(1 − p)), whose gradient is the seed's. α depends on the scale of g, so no factor of the
/// seed and no ε enters it.
fn gradcam_plus_plus(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let gradient = session.gradient(Rules::GRADIENT)?;
    let mut is_unstable = false;
    let weight = |(a, g): (ArrayView2<'_, f32>, ArrayView2<'_, f32>)| {
        let sum: f64 = a.iter().map(|&a| f64::from(a)).sum();
        let positive = g.iter().map(|&g| f64::from(g)).filter(|&g| g > 0.0);
        let weight: f64 = positive.map(|g| weight_of(g, sum)).sum();
        is_unstable |= sum < 0.0 && weight != 0.0;
        weight
    };
    let activations = session.activations()?;
    let weights = activations.outer_iter().zip(gradient.outer_iter()).map(weight).collect();
    let map = WeightedSum::of(session, &Weights::Channels(weights), options)?.in_seed_units(1.0);
    Ok(Map { hint: is_unstable.then_some(UNSTABLE), ..map })
}

const UNSTABLE: &str = "the layer has channels with a negative sum, where 2 + g·sum(A_k) can be \
                        near zero or negative, so the map is unstable; try layercam or hirescam";

/// α·g. It is 0 where the denominator of α is 0.
fn weight_of(g: f64, sum: f64) -> f64 {
    match 2.0 + g * sum {
        0.0 => 0.0,
        denominator => g / denominator,
    }
}
