//! Expected gradients (Erion et al. 2019, <https://arxiv.org/abs/1906.10670>). SHAP and Captum call
//! them GradientSHAP.

use ndarray::{Array3, Zip};
use rand::RngExt;

use crate::attribution::baseline::baseline;
use crate::attribution::moments::Moments;
use crate::attribution::noisy_gradients::SAMPLES;
use crate::attribution::pixels::{SUM, reduced, score_map};
use crate::attribution::random::{SEED, generator};
use crate::attribution::{
    AttributionError, Completeness, Family, Map, Method, MethodParameter, Need, Options, Range,
    Resolution, Session, Word,
};
use crate::gradient::Rules;

const BASELINES: Word = Word {
    name: "baselines",
    words: &["mixed", "levels", "noise"],
    default: "mixed",
    help: "the baselines that are drawn from: levels are black, white and the picture's mean \
           colour; noise are six pictures of noise between black and white; mixed are the levels, \
           the picture blurred, and two pictures of noise",
};

pub(super) const METHOD: Method = Method {
    name: "expected_gradients",
    title: "Expected Gradients",
    family: Family::Gradient,
    summary: "Averages integrated gradients over several baselines.",
    paper: "https://arxiv.org/abs/1906.10670",
    formula: "sum over k of the mean over b and t of (x_k − b_k) ⊙ ∂s/∂x_k(b + t·(x − b)), \
              t ~ U(0, 1)",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[
        MethodParameter::Word(BASELINES),
        MethodParameter::Integer(SAMPLES),
        MethodParameter::Word(SUM),
        MethodParameter::Integer(SEED),
    ],
    needs: &[Need::Scores, Need::InputGradients(Rules::GRADIENT)],
    // The score of each baseline, then a forward and a backward pass for each sample.
    passes: |options, _| {
        let samples = options.integer(&SAMPLES) as u64;
        distribution(options.word(&BASELINES)).len() as u64 + 2 * samples
    },
    same_as: |_| None,
    run: expected_gradients,
};

/// The baselines that are drawn from, with equal probabilities: the name of each, and what is added
/// to the seed, so that two pictures of noise differ.
fn distribution(word: &str) -> &'static [(&'static str, u64)] {
    const NOISE: &[(&str, u64)] =
        &[("noise", 1), ("noise", 2), ("noise", 3), ("noise", 4), ("noise", 5), ("noise", 6)];
    const MIXED: &[(&str, u64)] =
        &[("black", 0), ("white", 0), ("mean", 0), ("blur", 0), ("noise", 1), ("noise", 2)];
    match word {
        "levels" => &MIXED[..3],
        "noise" => NOISE,
        _ => MIXED,
    }
}

/// Integrated gradients, averaged over baselines, by random points on the lines from the baselines
/// to the picture. The paper draws the baselines from training pictures. A server has none, so they
/// are drawn from pictures without content. No noise is added to the picture; Captum adds some if
/// its `stdevs` is not 0.
fn expected_gradients(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let (seed, samples) = (options.integer(&SEED) as u64, options.integer(&SAMPLES));
    let input = session.input()?;
    let baselines = distribution(options.word(&BASELINES))
        .iter()
        .map(|&(name, offset)| baseline(session, name, seed.wrapping_add(offset << 32)))
        .collect::<Result<Vec<_>, _>>()?;
    let at_baselines =
        session.scores(baselines.len(), &|index, mut x| x.assign(&baselines[index]))?;
    let points: Vec<(usize, f64)> = (0..samples)
        .map(|index| {
            // The generator of index 0 is that of a baseline of noise.
            let mut generator = generator(seed, index + 1);
            (generator.random_range(0..baselines.len()), generator.random::<f64>())
        })
        .collect();
    let alter = |index: usize, mut x: ndarray::ArrayViewMut3<'_, f32>| {
        let (drawn, t) = points[index];
        x.zip_mut_with(&baselines[drawn], |x, &b| {
            *x = (f64::from(b) + t * (f64::from(*x) - f64::from(b))) as f32;
        });
    };
    let mut sum = Array3::<f64>::zeros(input.dim());
    let mut moments = Moments::zeros((input.dim().1, input.dim().2));
    session.input_gradients(Rules::GRADIENT, samples, &alter, |index, gradient| {
        let sample =
            Zip::from(&input).and(&baselines[points[index].0]).and(&gradient.values).map_collect(
                |&x, &b, &g| (f64::from(x) - f64::from(b)) * f64::from(g) * gradient.scale,
            );
        moments.add(1.0, reduced(&sample, options.word(&SUM)).view());
        sum += &sample;
        session.preview(|| Ok(Map::of_score(&moments.mean())));
    })?;
    let channels = sum / samples as f64;
    let drawn: f64 = points.iter().map(|&(drawn, _)| at_baselines[drawn]).sum();
    let difference = session.score()? - drawn / samples as f64;
    Ok(Map {
        completeness: Some(Completeness::of(channels.sum(), difference)),
        samples: Some(samples),
        standard_error: Some(moments.standard_error()),
        seed: Some(seed),
        ..score_map(&channels, options.word(&SUM))
    })
}
