//! Gradients at the picture with noise on it: what SmoothGrad and its variants have in common.

use ndarray::{Array3, ArrayViewMut3};
use rand_distr::{Distribution, StandardNormal};

use super::moments::Moments;
use super::pixels::reduced;
use super::random::{SEED, generator};
use super::{AttributionError, Integer, Map, MethodParameter, Number, Options, Session, Word};
use crate::gradient::Rules;

pub(super) const SAMPLES: Integer =
    Integer { name: "samples", range: [2, 1000], default: Some(50), help: "altered pictures" };

pub(super) const NOISE: Number = Number {
    name: "noise",
    range: [0.0, 1.0],
    default: 0.15,
    help: "standard deviation of the noise, as a part of the range of the picture's values",
};

/// The parameters of each variant.
pub(super) const fn parameters(reduce: Word) -> [MethodParameter; 4] {
    [
        MethodParameter::Integer(SAMPLES),
        MethodParameter::Number(NOISE),
        MethodParameter::Word(reduce),
        MethodParameter::Integer(SEED),
    ]
}

/// A forward and a backward pass for each sample.
pub(super) fn passes(options: &Options) -> u64 {
    2 * options.integer(&SAMPLES) as u64
}

/// Sums over the gradients ∂s/∂x at x + ε, where ε is normal noise.
pub(super) struct NoisyGradients {
    pub(super) samples: usize,
    /// Σ g, channels × height × width.
    pub(super) sum: Array3<f64>,
    /// Σ g².
    pub(super) squares: Array3<f64>,
    /// Those of what `quantity` makes of one gradient, reduced to one number for each pixel.
    reduced: Moments,
}

impl NoisyGradients {
    /// Samples gradients in units of the score. `quantity` is what is averaged; its standard error
    /// can be asked for. `map` is the method's map of the samples so far.
    ///
    /// The noise's deviation is a part of the picture's own range: a fixed one would be strong or
    /// weak, depending on how the network's input is scaled.
    pub(super) fn sample(
        session: &Session,
        options: &Options,
        reduce: &Word,
        quantity: impl Fn(f64) -> f64,
        map: impl Fn(&Self) -> Map,
    ) -> Result<Self, AttributionError> {
        let samples = options.integer(&SAMPLES);
        let (seed, how) = (options.integer(&SEED) as u64, options.word(reduce));
        let input = session.input()?;
        let bounds = input
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        let deviation = options.number(&NOISE) * f64::from(bounds.1 - bounds.0);
        let alter = |index: usize, mut x: ArrayViewMut3<'_, f32>| {
            let mut generator = generator(seed, index);
            x.map_inplace(|x| {
                let noise: f64 = StandardNormal.sample(&mut generator);
                *x = (f64::from(*x) + deviation * noise) as f32;
            });
        };
        let zeros = Array3::<f64>::zeros(input.dim());
        let reduced_moments = Moments::zeros((input.dim().1, input.dim().2));
        let mut sums =
            Self { samples: 0, sum: zeros.clone(), squares: zeros, reduced: reduced_moments };
        session.input_gradients(Rules::GRADIENT, samples, &alter, |_, gradient| {
            let gradient_of_score = gradient.values.mapv(|g| f64::from(g) * gradient.scale);
            sums.sum += &gradient_of_score;
            sums.squares.zip_mut_with(&gradient_of_score, |sum, g| *sum += g * g);
            sums.reduced.add(1.0, reduced(&gradient_of_score.mapv(&quantity), how).view());
            sums.samples += 1;
            session.preview(|| Ok(map(&sums)));
        })?;
        Ok(sums)
    }

    /// The standard error of the mean of the quantity.
    pub(super) fn standard_error(&self) -> f64 {
        self.reduced.standard_error()
    }
}
