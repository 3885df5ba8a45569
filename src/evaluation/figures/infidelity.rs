//! Infidelity (Yeh et al. 2019, <https://arxiv.org/abs/1901.09392>).

use rand::RngExt;

use crate::attribution::{AttributionError, Integer, MethodParameter, Options, generator};
use crate::evaluation::{Better, Figure, Measure, PixelBox, Repetition, Subject};

const SQUARES: Integer = Integer {
    name: "squares",
    range: [2, 10_000],
    default: Some(30),
    help: "random squares that infidelity removes",
};

/// The side of a square, as a part of the picture's shorter side.
const SIDE: f64 = 0.25;

pub(super) const FIGURE: Figure = Figure {
    name: "infidelity",
    title: "Infidelity",
    summary: "How badly the sum of the map over a random square predicts what the score loses \
              without it.",
    paper: "https://arxiv.org/abs/1901.09392",
    formula: "E[(β·Σ map(square) − (s(x) − s(x without the square)))²] / E[(s(x) − s(x without the \
              square))²], with the best β ≥ 0",
    better: Better::Lower,
    is_default: false,
    needs_box: false,
    parameters: &[MethodParameter::Integer(SQUARES)],
    passes: |options| options.integer(&SQUARES) as u64,
    repetition: Repetition::Once,
    axes: None,
    run: infidelity,
};

/// 0 if the map predicts every loss up to a factor, 1 if it predicts none. Removed pixels are zero
/// in the tensor. Captum's `infidelity(normalize=True)` is the numerator, with a β that may be
/// negative, so that a map of the wrong sign is as good as the map.
fn infidelity(subject: &Subject, options: &Options) -> Result<Measure, AttributionError> {
    let (height, width) = subject.pixels.dim();
    let side = ((height.min(width) as f64 * SIDE).round() as usize).max(1);
    let seed = subject.seed;
    let square = |index: usize| {
        let mut generator = generator(seed, index);
        let mut start =
            |length: usize| (generator.random::<f64>() * (length + 1 - side) as f64) as usize;
        PixelBox { top: start(height), left: start(width), height: side, width: side }
    };
    let count = options.integer(&SQUARES);
    let scores = subject.session.scores(count, &|index, mut x| {
        let square = square(index);
        for ((_, row, column), value) in x.indexed_iter_mut() {
            if square.contains(row, column) {
                *value = 0.0;
            }
        }
    })?;
    let whole = subject.session.score()?;
    let pairs = scores.iter().enumerate().map(|(index, score)| {
        let square = square(index);
        let inside = subject.pixels.indexed_iter().filter(|((y, x), _)| square.contains(*y, *x));
        (inside.map(|(_, &value)| f64::from(value)).sum::<f64>(), whole - score)
    });
    let pairs: Vec<(f64, f64)> = pairs.collect();
    let sum = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let (products, squares) = (sum(|(map, loss)| map * loss), sum(|(map, _)| map * map));
    let losses = sum(|(_, loss)| loss * loss);
    let beta = if squares > 0.0 { (products / squares).max(0.0) } else { 0.0 };
    let error = |(map, loss): &(f64, f64)| (beta * map - loss).powi(2);
    Ok(Measure::of(pairs.iter().map(error).sum::<f64>() / losses))
}
