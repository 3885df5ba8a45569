//! SmoothGrad² (Hooker et al. 2019, <https://arxiv.org/abs/1806.10758>).

use crate::attribution::noisy_gradients::{NoisyGradients, parameters, passes};
use crate::attribution::pixels::{SUM, score_map};
use crate::attribution::random::SEED;
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "smoothgrad_squared",
    title: "SmoothGrad²",
    family: Family::Gradient,
    summary: "Averages the squared gradient over noisy copies of the picture.",
    paper: "https://arxiv.org/abs/1806.10758",
    formula: "sum over k of the mean over ε of (∂s/∂x_k(x + ε))², ε ~ N(0, σ²)",
    resolution: Resolution::Input,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &parameters(SUM),
    needs: &[Need::InputGradients(Rules::GRADIENT)],
    passes: |options, _| passes(options),
    same_as: |_| None,
    run: smoothgrad_squared,
};

/// The mean of the squared gradient over noisy pictures. PAIR's `saliency` calls this SmoothGrad.
fn smoothgrad_squared(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let map = |sums: &NoisyGradients| {
        score_map(&(&sums.squares / sums.samples as f64), options.word(&SUM))
    };
    let sums = NoisyGradients::sample(session, options, &SUM, |g| g * g, map)?;
    Ok(Map {
        samples: Some(sums.samples),
        standard_error: Some(sums.standard_error()),
        seed: Some(options.integer(&SEED) as u64),
        ..map(&sums)
    })
}
