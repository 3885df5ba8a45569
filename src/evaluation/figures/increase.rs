//! Increase in confidence (Chattopadhyay et al. 2018, <https://arxiv.org/abs/1710.11063>).

use crate::attribution::{AttributionError, Options};
use crate::evaluation::{Better, Figure, Measure, Repetition, Subject};

pub(super) const FIGURE: Figure = Figure {
    name: "increase",
    title: "Increase in confidence",
    summary: "Whether the score rises if only what the map shows is left.",
    paper: "https://arxiv.org/abs/1710.11063",
    formula: "1 if s(x ⊙ map) > s(x), else 0",
    better: Better::Higher,
    is_default: true,
    needs_box: false,
    parameters: &[],
    passes: |_| 1,
    repetition: Repetition::Once,
    axes: None,
    run: increase,
};

/// 1 or 0. The map is as for the average drop.
fn increase(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    Ok(match subject.score_of_masked()? {
        Some([score, masked]) => Measure::of(f64::from(u8::from(masked > score))),
        None => Measure::undefined(),
    })
}
