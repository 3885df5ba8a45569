//! Complexity (Bhatt et al. 2020, <https://arxiv.org/abs/2005.00631>).

use crate::attribution::{AttributionError, Options};
use crate::evaluation::{Better, Figure, Measure, Repetition, Subject};

pub(super) const FIGURE: Figure = Figure {
    name: "complexity",
    title: "Complexity",
    summary: "The entropy of the map's magnitudes: ln of the number of pixels that share the map.",
    paper: "https://arxiv.org/abs/2005.00631",
    formula: "−Σ q·ln q, with q = |map| / Σ |map|",
    better: Better::Neither,
    is_default: false,
    needs_box: false,
    parameters: &[],
    passes: |_| 0,
    repetition: Repetition::Once,
    axes: None,
    run: complexity,
};

/// The entropy at the input's pixels, in nats.
fn complexity(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    let magnitudes = || subject.pixels.iter().map(|&value| f64::from(value).abs());
    let total: f64 = magnitudes().sum();
    let parts = magnitudes().map(|value| value / total);
    Ok(Measure::of(parts.map(|q| if q == 0.0 { 0.0 } else { -q * q.ln() }).sum()))
}
