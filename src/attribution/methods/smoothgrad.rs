//! SmoothGrad (Smilkov et al. 2017, <https://arxiv.org/abs/1706.03825>).

use crate::attribution::noisy_gradients::{NoisyGradients, parameters, passes};
use crate::attribution::pixels::{SUM, score_map};
use crate::attribution::random::SEED;
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "smoothgrad",
    title: "SmoothGrad",
    family: Family::Gradient,
    summary: "Averages the gradient over noisy copies of the picture.",
    paper: "https://arxiv.org/abs/1706.03825",
    formula: "sum over k of the mean over ε of ∂s/∂x_k(x + ε), ε ~ N(0, σ²)",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &parameters(SUM),
    needs: &[Need::InputGradients(Rules::GRADIENT)],
    passes: |options, _| passes(options),
    same_as: |_| None,
    run: smoothgrad,
};

/// The mean of the gradient over noisy pictures.
fn smoothgrad(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let map =
        |sums: &NoisyGradients| score_map(&(&sums.sum / sums.samples as f64), options.word(&SUM));
    let sums = NoisyGradients::sample(session, options, &SUM, |g| g, map)?;
    Ok(Map {
        samples: Some(sums.samples),
        standard_error: Some(sums.standard_error()),
        seed: Some(options.integer(&SEED) as u64),
        ..map(&sums)
    })
}
