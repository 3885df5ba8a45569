//! ROAD, remove and debias (Rong et al. 2022, <https://arxiv.org/abs/2202.00449>).

use ndarray::{Array2, ArrayViewMut3};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::attribution::{AttributionError, Options, generator};
use crate::evaluation::subject::range;
use crate::evaluation::{Better, Curve, Figure, Measure, Repetition, Subject, imputed};

/// The shares of the pixels that are removed.
const SHARES: [f64; 4] = [0.2, 0.4, 0.6, 0.8];

/// The standard deviation of the noise, as a part of the range from black to white.
const NOISE: f64 = 0.01;

pub(super) const FIGURE: Figure = Figure {
    name: "road",
    title: "ROAD",
    summary: "How much more the score falls without the most relevant pixels than without the \
              least relevant ones, each filled from its neighbours.",
    paper: "https://arxiv.org/abs/2202.00449",
    formula: "mean over q of (s(x without the least relevant q) − s(x without the most relevant \
              q)) / 2",
    better: Better::Higher,
    is_default: true,
    needs_box: false,
    parameters: &[],
    passes: |_| 2 * SHARES.len() as u64,
    repetition: Repetition::Once,
    axes: Some(["share of pixels removed", "score"]),
    run: road,
};

/// The curve is that of the most relevant pixels, the other one that of the least relevant.
///
/// pytorch-grad-cam removes by a threshold, so that a map with many equal values loses more than
/// asked for. Here exactly the share is removed.
fn road(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    let (ranking, pixels, seed) = (&subject.ranking, subject.ranking.len(), subject.seed);
    let preprocessing = subject.session.preprocessing()?;
    let deviation = |channel: usize| NOISE * range(preprocessing, channel);
    let scores = subject.session.scores(2 * SHARES.len(), &|index, x| {
        let count = (SHARES[index / 2] * pixels as f64).round() as usize;
        let removed = match index % 2 {
            0 => ranking.most_relevant(count),
            _ => ranking.least_relevant(count),
        };
        replace(x, &removed, deviation, &mut generator(seed, index));
    })?;
    let whole = subject.session.score()?;
    let curve = |first: usize| {
        let scores = scores.iter().skip(first).step_by(2);
        let points = SHARES.iter().zip(scores).map(|(&share, &score)| [share, score]);
        Curve { points: std::iter::once([0.0, whole]).chain(points).collect() }
    };
    let difference = |pair: &[f64]| (pair[1] - pair[0]) / 2.0;
    let value = scores.chunks_exact(2).map(difference).sum::<f64>() / SHARES.len() as f64;
    Ok(Measure { curve: Some(curve(0)), other_curve: Some(curve(1)), ..Measure::of(value) })
}

/// Fills the removed pixels from their neighbours and adds noise to them, so that the network
/// cannot tell them by their smoothness.
fn replace(
    mut x: ArrayViewMut3<'_, f32>,
    removed: &Array2<bool>,
    deviation: impl Fn(usize) -> f64,
    generator: &mut impl Rng,
) {
    let filled = imputed(x.view(), removed.view());
    x.assign(&filled);
    for (channel, mut values) in x.outer_iter_mut().enumerate() {
        for (value, _) in values.iter_mut().zip(removed).filter(|(_, removed)| **removed) {
            let noise: f64 = StandardNormal.sample(generator);
            *value += (deviation(channel) * noise) as f32;
        }
    }
}
