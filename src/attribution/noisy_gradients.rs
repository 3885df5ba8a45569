//! Gradients at the picture with noise on it: what SmoothGrad and its variants have in common.

use ndarray::{Array2, Array3, ArrayViewMut3};
use rand_distr::{Distribution, StandardNormal};

use super::pixels::reduced;
use super::random::{SEED, generator};
use super::{AttributionError, Integer, MethodParameter, Number, Options, Session, Word};
use crate::gradient::Rules;

pub(super) const SAMPLES: Integer =
    Integer { name: "samples", range: [2, 1000], default: Some(50), help: "noisy pictures" };

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
    /// Σ r and Σ r², where r is what `quantity` makes of one gradient, reduced to one number for
    /// each pixel.
    reduced: [Array2<f64>; 2],
}

impl NoisyGradients {
    /// Samples gradients in units of the score. `quantity` is what is averaged; its standard error
    /// can be asked for. The noise's deviation is a part of the picture's own range: a fixed one
    /// would be strong or weak, depending on how the network's input is scaled.
    pub(super) fn sample(
        session: &Session,
        options: &Options,
        reduce: &Word,
        quantity: impl Fn(f64) -> f64,
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
        let flat = Array2::<f64>::zeros((input.dim().1, input.dim().2));
        let mut sums =
            Self { samples, sum: zeros.clone(), squares: zeros, reduced: [flat.clone(), flat] };
        session.input_gradients(Rules::GRADIENT, samples, &alter, |_, gradient| {
            let gradient_of_score = gradient.values.mapv(|g| f64::from(g) * gradient.scale);
            sums.sum += &gradient_of_score;
            sums.squares.zip_mut_with(&gradient_of_score, |sum, g| *sum += g * g);
            let pixels = reduced(&gradient_of_score.mapv(&quantity), how);
            sums.reduced[1].zip_mut_with(&pixels, |sum, r| *sum += r * r);
            sums.reduced[0] += &pixels;
        })?;
        Ok(sums)
    }

    /// The standard error of the mean of the quantity: √(variance / samples), as the root mean
    /// square over all pixels.
    pub(super) fn standard_error(&self) -> f64 {
        let n = self.samples as f64;
        let [sum, squares] = &self.reduced;
        let variances = sum
            .iter()
            .zip(squares)
            .map(|(sum, squares)| ((squares - sum * sum / n) / (n - 1.0)).max(0.0));
        (variances.sum::<f64>() / n / sum.len().max(1) as f64).sqrt()
    }
}
