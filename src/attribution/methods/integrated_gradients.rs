//! Integrated gradients (Sundararajan et al. 2017, <https://arxiv.org/abs/1703.01365>).

use ndarray::{Array3, Zip};

use crate::attribution::baseline::{BASELINE, baseline};
use crate::attribution::pixels::{SUM, score_map};
use crate::attribution::quadrature::gauss_legendre;
use crate::attribution::random::SEED;
use crate::attribution::{
    AttributionError, Completeness, Family, Integer, Map, Method, MethodParameter, Need, Number,
    Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

const STEPS: Integer = Integer {
    name: "steps",
    range: [1, 1000],
    default: Some(50),
    help: "points on the line from the baseline to the picture, at first",
};

const MAX_STEPS: Integer = Integer {
    name: "max_steps",
    range: [1, 1000],
    default: Some(200),
    help: "the steps are doubled until the residue is within the tolerance, but not beyond this",
};

const TOLERANCE: Number = Number {
    name: "tolerance",
    range: [0.0, 1.0],
    default: 0.05,
    help: "what the map's sum may lack of the score's difference, as a part of it",
};

pub(super) const METHOD: Method = Method {
    name: "integrated_gradients",
    title: "Integrated Gradients",
    family: Family::Gradient,
    summary: "Adds up gradients on the way from a baseline to the picture.",
    paper: "https://arxiv.org/abs/1703.01365",
    formula: "sum over k of (x_k − b_k) ⊙ ∫ ∂s/∂x_k(b + t·(x − b)) dt, t from 0 to 1",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[
        MethodParameter::Word(BASELINE),
        MethodParameter::Integer(STEPS),
        MethodParameter::Number(TOLERANCE),
        MethodParameter::Integer(MAX_STEPS),
        MethodParameter::Word(SUM),
        MethodParameter::Integer(SEED),
    ],
    needs: &[Need::Scores, Need::InputGradients(Rules::GRADIENT)],
    // The score of the baseline, then a forward and a backward pass for each step.
    passes: |options, _| 1 + 2 * rounds(options).map(|steps| steps as u64).sum::<u64>(),
    same_as: |_| None,
    run: integrated_gradients,
};

/// The numbers of steps that are tried in turn.
fn rounds(options: &Options) -> impl Iterator<Item = usize> {
    let (steps, limit) = (options.integer(&STEPS), options.integer(&MAX_STEPS));
    std::iter::successors(Some(steps), move |steps| Some(2 * steps).filter(|&next| next <= limit))
}

/// Differences of the score below this are rounding errors of float32.
const SMALLEST_DIFFERENCE: f64 = 1e-6;

/// (x − b) ⊙ ∫ ∂s/∂x along the line from the baseline b to the picture x, by Gauss–Legendre
/// quadrature as in Captum. The map's sum is s(x) − s(b) but for the error of the quadrature, so
/// the steps are doubled until the sum is right.
///
/// The weight of each point has the factor p(1 − p) of the probability there, without which the sum
/// would be that of another score.
fn integrated_gradients(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let seed = options.integer(&SEED) as u64;
    let input = session.input()?;
    let start = baseline(session, options.word(&BASELINE), seed)?;
    let at_start = session.scores(1, &|_, mut x| x.assign(&start))?;
    let difference = session.score()? - at_start.first().copied().unwrap_or_default();
    let mut result = (Array3::zeros(input.dim()), 0);
    for steps in rounds(options) {
        let points = gauss_legendre(steps);
        let mut integral = Array3::<f64>::zeros(input.dim());
        let alter = |index: usize, mut x: ndarray::ArrayViewMut3<'_, f32>| {
            let t = points[index].0;
            x.zip_mut_with(&start, |x, &b| {
                *x = (f64::from(b) + t * (f64::from(*x) - f64::from(b))) as f32;
            });
        };
        let times_difference = |integral: &Array3<f64>| {
            Zip::from(integral)
                .and(&input)
                .and(&start)
                .map_collect(|value, &x, &b| value * (f64::from(x) - f64::from(b)))
        };
        let passed = session.input_gradients(Rules::GRADIENT, steps, &alter, |index, gradient| {
            let weight = points[index].1 * gradient.scale;
            integral.zip_mut_with(&gradient.values, |sum, &g| *sum += weight * f64::from(g));
            session.preview(|| Ok(score_map(&times_difference(&integral), options.word(&SUM))));
        });
        match passed {
            // There is no time for more steps.
            Err(AttributionError::TooSlow { .. }) if result.1 > 0 => break,
            passed => passed?,
        }
        let integral = times_difference(&integral);
        let residue = (difference - integral.sum()).abs();
        result = (integral, steps);
        if residue <= options.number(&TOLERANCE) * difference.abs().max(SMALLEST_DIFFERENCE) {
            break;
        }
    }
    let (channels, steps) = result;
    Ok(Map {
        completeness: Some(Completeness::of(channels.sum(), difference)),
        samples: Some(steps),
        seed: (options.word(&BASELINE) == "noise").then_some(seed),
        ..score_map(&channels, options.word(&SUM))
    })
}
