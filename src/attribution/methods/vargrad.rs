//! VarGrad (Adebayo et al. 2018, <https://arxiv.org/abs/1810.03292>).

use ndarray::Zip;

use crate::attribution::noisy_gradients::{NoisyGradients, parameters, passes};
use crate::attribution::pixels::{SUM, score_map};
use crate::attribution::random::SEED;
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "vargrad",
    title: "VarGrad",
    family: Family::Gradient,
    summary: "Shows how much the gradient varies between noisy copies of the picture.",
    paper: "https://arxiv.org/abs/1810.03292",
    formula: "sum over k of the variance over ε of ∂s/∂x_k(x + ε), ε ~ N(0, σ²)",
    resolution: Resolution::Input,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &parameters(SUM),
    needs: &[Need::InputGradients(Rules::GRADIENT)],
    passes: |options, _| passes(options),
    same_as: |_| None,
    run: vargrad,
};

/// The variance of the gradient over noisy pictures, divided by the number of samples as in Captum.
fn vargrad(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let map = |sums: &NoisyGradients| {
        let n = sums.samples as f64;
        let variance = Zip::from(&sums.sum)
            .and(&sums.squares)
            .map_collect(|sum, squares| (squares / n - (sum / n).powi(2)).max(0.0));
        score_map(&variance, options.word(&SUM))
    };
    let sums = NoisyGradients::sample(session, options, &SUM, |g| g, map)?;
    Ok(Map { samples: Some(sums.samples), seed: Some(options.integer(&SEED) as u64), ..map(&sums) })
}
