//! Deletion (Petsiuk et al. 2018, <https://arxiv.org/abs/1806.07421>).

use ndarray::Zip;

use super::POINTS;
use crate::attribution::{AttributionError, MethodParameter, Options};
use crate::evaluation::{Better, Curve, Figure, Measure, Repetition, Subject};

pub(super) const FIGURE: Figure = Figure {
    name: "deletion",
    title: "Deletion",
    summary: "How soon the score falls while the most relevant pixels are set to zero.",
    paper: "https://arxiv.org/abs/1806.07421",
    formula: "∫₀¹ s(x without its share q of most relevant pixels) dq",
    better: Better::Lower,
    is_default: true,
    needs_box: false,
    parameters: &[MethodParameter::Integer(POINTS)],
    passes: |options| options.integer(&POINTS) as u64,
    repetition: Repetition::Once,
    axes: Some(["share of pixels removed", "score"]),
    run: deletion,
};

/// The score while more and more pixels, most relevant first, become zero in the tensor, as in the
/// paper's code. The area is by the trapezoidal rule.
fn deletion(subject: &Subject, options: &Options) -> Result<Measure, AttributionError> {
    let (steps, ranking) = (options.integer(&POINTS), &subject.ranking);
    let pixels = ranking.len();
    let count = |step: usize| step * pixels / steps;
    let scores = subject.session.scores(steps, &|index, mut x| {
        let removed = ranking.most_relevant(count(index + 1));
        for mut channel in x.outer_iter_mut() {
            Zip::from(&mut channel).and(&removed).for_each(|x, &removed| {
                if removed {
                    *x = 0.0;
                }
            });
        }
    })?;
    let scores = std::iter::once(subject.session.score()?).chain(scores);
    let share = |step: usize| count(step) as f64 / pixels.max(1) as f64;
    let points = scores.enumerate().map(|(step, score)| [share(step), score]).collect();
    Ok(Measure::area_under(Curve { points }))
}
