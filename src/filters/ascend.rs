use super::ascent::{Ascent, Objective, Pattern, Style};
use super::{book, natural};
use crate::attribution::AttributionError;
use crate::preprocess::Preprocessing;

/// Climbs `objective` from the start of the sample `index`. `preprocessing` says how a picture
/// becomes the input. `step` is called after each step.
///
/// # Errors
/// Those of the objective and of `step`.
pub fn ascend(
    ascent: &Ascent,
    index: usize,
    preprocessing: &Preprocessing,
    objective: &dyn Objective,
    step: &dyn Fn() -> Result<(), AttributionError>,
) -> Result<Pattern, AttributionError> {
    match ascent.style {
        Style::Book => book::ascend(ascent, index, preprocessing.channels(), objective, step),
        Style::Natural => natural::ascend(ascent, index, preprocessing, objective, step),
    }
}
