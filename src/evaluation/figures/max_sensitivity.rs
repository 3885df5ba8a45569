//! Max-sensitivity (Yeh et al. 2019, <https://arxiv.org/abs/1901.09392>).

use ndarray::ArrayViewMut3;
use rand::RngExt;

use crate::attribution::{AttributionError, Integer, MethodParameter, Number, Options, generator};
use crate::evaluation::{Better, Figure, Measure, Repetition, Subject, subject::range};
use crate::preprocess::Preprocessing;

const DRAWS: Integer = Integer {
    name: "draws",
    range: [1, 1000],
    default: Some(10),
    help: "random changes of the picture for max_sensitivity",
};

const RADIUS: Number = Number {
    name: "radius",
    range: [0.0, 1.0],
    default: 0.02,
    help: "largest change of a value for max_sensitivity, as a part of the range from black to \
           white",
};

pub(super) const FIGURE: Figure = Figure {
    name: "max_sensitivity",
    title: "Max-sensitivity",
    summary: "How much the map changes at most if the picture changes by a little noise.",
    paper: "https://arxiv.org/abs/1901.09392",
    formula: "max over ε of ‖map(x + ε) − map(x)‖ / ‖map(x)‖, |ε| ≤ radius",
    better: Better::Lower,
    is_default: false,
    needs_box: false,
    parameters: &[MethodParameter::Integer(DRAWS), MethodParameter::Number(RADIUS)],
    passes: |_| 0,
    repetition: Repetition::AlteredInputs { count: |options| options.integer(&DRAWS), alter },
    axes: None,
    run: max_sensitivity,
};

/// Adds uniform noise.
fn alter(
    options: &Options,
    preprocessing: &Preprocessing,
    seed: u64,
    index: usize,
    mut x: ArrayViewMut3<'_, f32>,
) {
    let mut generator = generator(seed, index);
    let radius = options.number(&RADIUS);
    for (channel, mut values) in x.outer_iter_mut().enumerate() {
        let most = radius * range(preprocessing, channel);
        for value in &mut values {
            *value += (most * (2.0 * generator.random::<f64>() - 1.0)) as f32;
        }
    }
}

/// The maps are compared at their own resolution, in the units of the seed: without the factor
/// p(1 − p) of a probability, which changes where the map does not.
fn max_sensitivity(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|it| it * it).sum::<f64>();
    let norm = square(&mut subject.map.iter().map(|&value| f64::from(value))).sqrt();
    let change = |altered: &ndarray::Array2<f32>| {
        let pairs = altered.iter().zip(&subject.map);
        square(&mut pairs.map(|(&a, &b)| f64::from(a) - f64::from(b))).sqrt()
    };
    let largest = subject.altered.iter().map(change).fold(0.0, f64::max);
    Ok(Measure::of(largest / norm))
}
