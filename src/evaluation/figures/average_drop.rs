//! Average drop (Chattopadhyay et al. 2018, <https://arxiv.org/abs/1710.11063>).

use crate::attribution::{AttributionError, Options};
use crate::evaluation::{Better, Figure, Measure, Repetition, Subject};

pub(super) const FIGURE: Figure = Figure {
    name: "average_drop",
    title: "Average drop",
    summary: "The part of the score that is lost if only what the map shows is left.",
    paper: "https://arxiv.org/abs/1710.11063",
    formula: "max(0, s(x) − s(x ⊙ map)) / s(x)",
    better: Better::Lower,
    is_default: true,
    needs_box: false,
    parameters: &[],
    passes: |_| 1,
    repetition: Repetition::Once,
    axes: None,
    run: average_drop,
};

/// The drop of one picture, as a part of its score. The average is over pictures. The map is
/// positive, scaled to a largest value of 1, and multiplies the tensor. Not defined where the score
/// is not positive.
fn average_drop(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    Ok(match subject.score_of_masked()? {
        Some([score, masked]) if score > 0.0 => Measure::of((score - masked).max(0.0) / score),
        _ => Measure::undefined(),
    })
}
