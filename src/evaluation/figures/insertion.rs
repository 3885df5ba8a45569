//! Insertion (Petsiuk et al. 2018, <https://arxiv.org/abs/1806.07421>).

use ndarray::Zip;

use super::POINTS;
use crate::attribution::{AttributionError, MethodParameter, Options};
use crate::evaluation::blur::blurred;
use crate::evaluation::{Better, Curve, Figure, Measure, Repetition, Subject};

pub(super) const FIGURE: Figure = Figure {
    name: "insertion",
    title: "Insertion",
    summary: "How soon the score rises while the most relevant pixels of a blurred picture become \
              sharp.",
    paper: "https://arxiv.org/abs/1806.07421",
    formula: "∫₀¹ s(the blurred x with its share q of most relevant pixels) dq",
    better: Better::Higher,
    is_default: true,
    needs_box: false,
    parameters: &[MethodParameter::Integer(POINTS)],
    passes: |options| options.integer(&POINTS) as u64,
    repetition: Repetition::Once,
    axes: Some(["share of pixels inserted", "score"]),
    run: insertion,
};

/// The score while more and more pixels, most relevant first, of the blurred input become those of
/// the input. The blur is that of the paper's code: 11 × 11 elements.
fn insertion(subject: &Subject, options: &Options) -> Result<Measure, AttributionError> {
    let (steps, ranking) = (options.integer(&POINTS), &subject.ranking);
    let pixels = ranking.len();
    let count = |step: usize| step * pixels / steps;
    let blurred = blurred(subject.session.input()?);
    let mut scores = subject.session.scores(steps, &|index, mut x| {
        let inserted = ranking.most_relevant(count(index));
        for (mut channel, blurred) in x.outer_iter_mut().zip(blurred.outer_iter()) {
            Zip::from(&mut channel).and(&blurred).and(&inserted).for_each(|x, &blurred, &is_in| {
                if !is_in {
                    *x = blurred;
                }
            });
        }
    })?;
    scores.push(subject.session.score()?);
    let share = |step: usize| count(step) as f64 / pixels.max(1) as f64;
    let scores = scores.into_iter().enumerate();
    let points = scores.map(|(step, score)| [share(step), score]).collect();
    Ok(Measure::area_under(Curve { points }))
}
