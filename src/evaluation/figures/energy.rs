//! The energy-based pointing game (Wang et al. 2020, <https://arxiv.org/abs/1910.01279>).

use crate::attribution::{AttributionError, Options};
use crate::evaluation::{Better, Figure, Measure, Repetition, Subject};

pub(super) const FIGURE: Figure = Figure {
    name: "energy",
    title: "Energy in the box",
    summary: "The part of the map's positive sum that lies inside a box around the object.",
    paper: "https://arxiv.org/abs/1910.01279",
    formula: "Σ map⁺ inside the box / Σ map⁺",
    better: Better::Higher,
    is_default: false,
    needs_box: true,
    parameters: &[],
    passes: |_| 0,
    repetition: Repetition::Once,
    axes: None,
    run: energy,
};

/// Not defined for a map without positive values.
fn energy(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    let Some(bounds) = subject.bounds else { return Ok(Measure::undefined()) };
    let positive = |value: f32| f64::from(value.max(0.0));
    let inside = subject.pixels.indexed_iter().filter(|((y, x), _)| bounds.contains(*y, *x));
    let inside: f64 = inside.map(|(_, &value)| positive(value)).sum();
    Ok(Measure::of(inside / subject.pixels.iter().map(|&value| positive(value)).sum::<f64>()))
}
