//! The pointing game (Zhang et al. 2016, <https://arxiv.org/abs/1608.00507>).

use crate::attribution::{AttributionError, Options};
use crate::evaluation::{Better, Figure, Measure, Repetition, Subject};

pub(super) const FIGURE: Figure = Figure {
    name: "pointing_game",
    title: "Pointing game",
    summary: "Whether the map is largest inside a box around the object; over pictures, how often.",
    paper: "https://arxiv.org/abs/1608.00507",
    formula: "1 if the largest value is inside the box, else 0",
    better: Better::Higher,
    is_default: false,
    needs_box: true,
    parameters: &[],
    passes: |_| 0,
    repetition: Repetition::Once,
    axes: None,
    run: pointing_game,
};

/// 1 or 0. The paper allows 15 pixels beside the object; here there is no margin. Not defined for a
/// map without positive values.
fn pointing_game(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    let (Some(bounds), Some(heat)) = (subject.bounds, subject.heat()) else {
        return Ok(Measure::undefined());
    };
    let largest = heat.indexed_iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
    let is_inside = largest.is_some_and(|((y, x), _)| bounds.contains(y, x));
    Ok(Measure::of(f64::from(u8::from(is_inside))))
}
