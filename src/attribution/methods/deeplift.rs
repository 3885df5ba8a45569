//! DeepLIFT (Shrikumar et al. 2017, <https://arxiv.org/abs/1704.02685>).

use ndarray::Zip;

use crate::attribution::baseline::{BASELINE, baseline};
use crate::attribution::pixels::{SUM, pixel_map};
use crate::attribution::random::SEED;
use crate::attribution::{
    AttributionError, Completeness, Family, Map, Method, MethodParameter, Need, Options, Range,
    Resolution, Session,
};
use crate::gradient::rules::DEEPLIFT;

pub(super) const METHOD: Method = Method {
    name: "deeplift",
    title: "DeepLIFT",
    family: Family::Rules,
    summary: "Shares the score's difference from a baseline among the pixels.",
    paper: "https://arxiv.org/abs/1704.02685",
    formula: "sum over k of (x_k − b_k) ⊙ m_k, where m is the gradient with the slope \
              (y − y_b)/(x − x_b) at every nonlinearity",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[
        MethodParameter::Word(BASELINE),
        MethodParameter::Word(SUM),
        MethodParameter::Integer(SEED),
    ],
    needs: &[Need::InputGradient(DEEPLIFT)],
    // The forward pass of the baseline, and the backward pass.
    passes: |_, _| 2,
    same_as: |_| None,
    run: deeplift,
};

/// (x − b) ⊙ m with the multipliers of the rescale rule. The map of a logit sums to its difference
/// between the picture x and the baseline b. That of a probability sums to the differences of the
/// logits, weighted by the probability's gradient at the picture: the softmax itself is left off.
///
/// Where the baseline has one colour, the windows of a pool hold equal values, and rounding decides
/// which of them is the maximum. The sum is right whichever it is, but engines may differ in the
/// map.
fn deeplift(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let seed = options.integer(&SEED) as u64;
    let start = baseline(session, options.word(&BASELINE), seed)?;
    let found = session.input_gradient_with_references(DEEPLIFT, &[start.view()])?;
    let products = Zip::from(session.input()?)
        .and(&start)
        .and(&found.values)
        .map_collect(|&x, &b, &m| (f64::from(x) - f64::from(b)) * f64::from(m));
    let at_start = found.logits.iter().flatten();
    let changes = session.logits().iter().zip(at_start).zip(&session.seed().cotangent);
    let difference: f64 =
        changes.map(|((&z, &b), &c)| (f64::from(z) - f64::from(b)) * f64::from(c)).sum();
    let scale = session.seed().scale;
    Ok(Map {
        completeness: Some(Completeness::of(products.sum() * scale, difference * scale)),
        seed: (options.word(&BASELINE) == "noise").then_some(seed),
        ..pixel_map(&products, options.word(&SUM))
    })
}
