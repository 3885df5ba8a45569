//! A picture as the Fourier coefficients of decorrelated colours, as in Lucid
//! (<https://distill.pub/2017/feature-visualization>).

use std::sync::Arc;

use ndarray::{Array3, ArrayView3, Axis};
use rand_distr::{Distribution, StandardNormal};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use crate::attribution::generator;

/// Lucid's square root of the covariance of ImageNet's colours. A column is a colour without
/// correlation to the others.
const COLORS: [[f64; 3]; 3] = [[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]];
/// Lucid divides by the norm of the longest column.
const LONGEST: f64 = 0.461_952_378_498_604_2;
/// The standard deviation of the coefficients at the start.
const START: f64 = 0.01;
/// Lucid's divisor.
const DIVISOR: f64 = 4.0;

/// The coefficients, one for each colour and frequency.
pub(super) struct Spectrum {
    coefficients: Vec<Complex<f64>>,
    /// 1 / frequency, for each frequency.
    scale: Vec<f64>,
    transforms: [[Arc<dyn Fft<f64>>; 2]; 2],
    colors: usize,
    size: [usize; 2],
}

impl Spectrum {
    /// Small random coefficients of the sample `index`.
    pub(super) fn random(seed: u64, index: usize, colors: usize, size: [usize; 2]) -> Self {
        let [height, width] = size;
        let frequency = |at: usize, length: usize| at.min(length - at) as f64 / length as f64;
        let lowest = 1.0 / height.max(width) as f64;
        let scale = (0..height * width).map(|place| {
            let (y, x) = (frequency(place / width, height), frequency(place % width, width));
            ((height * width) as f64).sqrt() / y.hypot(x).max(lowest)
        });
        let scale: Vec<f64> = scale.collect();
        let mut generator = generator(seed, index);
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let coefficients = (0..colors * scale.len())
            .map(|_| Complex::new(START * normal(), START * normal()))
            .collect();
        let mut planner = FftPlanner::new();
        let mut both =
            |length| [planner.plan_fft_forward(length), planner.plan_fft_inverse(length)];
        let transforms = [both(height), both(width)];
        Self { coefficients, scale, transforms, colors, size }
    }

    /// The number of parameters: a real and an imaginary part for each coefficient.
    pub(super) fn parameters(&self) -> usize {
        2 * self.coefficients.len()
    }

    /// Adds a change of all parameters, real and imaginary parts in turn.
    pub(super) fn add(&mut self, change: &[f64]) {
        for (coefficient, change) in self.coefficients.iter_mut().zip(change.chunks_exact(2)) {
            *coefficient += Complex::new(change[0], change[1]);
        }
    }

    /// The picture from 0 to 1: colours × height × width.
    pub(super) fn picture(&self) -> Array3<f64> {
        let [height, width] = self.size;
        let mut plain = Array3::zeros((self.colors, height, width));
        let planes = self.coefficients.chunks_exact(self.scale.len());
        for (mut out, plane) in plain.outer_iter_mut().zip(planes) {
            let scaled = plane.iter().zip(&self.scale).map(|(c, scale)| c * scale);
            let mut values: Vec<Complex<f64>> = scaled.collect();
            self.transform(&mut values, 1);
            let n = (values.len() as f64) * DIVISOR;
            out.iter_mut().zip(values).for_each(|(out, value)| *out = value.re / n);
        }
        mixed(plain.view(), false).mapv(|value| 1.0 / (1.0 + (-value).exp()))
    }

    /// The gradient of the parameters, from that of the picture.
    pub(super) fn gradient(&self, picture: &Array3<f64>, gradient: &Array3<f64>) -> Vec<f64> {
        let logistic = gradient * &picture.mapv(|value| value * (1.0 - value));
        let plain = mixed(logistic.view(), true);
        let mut all = Vec::with_capacity(self.parameters());
        for plane in plain.outer_iter() {
            let mut values: Vec<Complex<f64>> =
                plane.iter().map(|&value| Complex::new(value, 0.0)).collect();
            self.transform(&mut values, 0);
            let n = (values.len() as f64) * DIVISOR;
            for (value, scale) in values.iter().zip(&self.scale) {
                all.extend([value.re * scale / n, value.im * scale / n]);
            }
        }
        all
    }

    /// The transform of a plane along both axes: forward (0) or inverse (1), without a factor.
    fn transform(&self, values: &mut [Complex<f64>], direction: usize) {
        let [height, width] = self.size;
        self.transforms[1][direction].process(values);
        let mut column = vec![Complex::default(); height];
        for x in 0..width {
            (0..height).for_each(|y| column[y] = values[y * width + x]);
            self.transforms[0][direction].process(&mut column);
            (0..height).for_each(|y| values[y * width + x] = column[y]);
        }
    }
}

/// The colours of decorrelated values, or, `transposed`, the gradient of these values. One value,
/// grey, stays as it is.
fn mixed(values: ArrayView3<'_, f64>, transposed: bool) -> Array3<f64> {
    if values.len_of(Axis(0)) != COLORS.len() {
        return values.to_owned();
    }
    Array3::from_shape_fn(values.dim(), |(row, y, x)| {
        let weight = |k: usize| if transposed { COLORS[k][row] } else { COLORS[row][k] };
        (0..COLORS.len()).map(|k| weight(k) / LONGEST * values[[k, y, x]]).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let size = [4, 6];
        let weights =
            Array3::from_shape_fn((3, 4, 6), |(c, y, x)| ((c + 2 * y + 5 * x) % 7) as f64);
        let mut spectrum = Spectrum::random(1, 0, 3, size);
        let loss = |spectrum: &Spectrum| (spectrum.picture() * &weights).sum();
        let gradient = spectrum.gradient(&spectrum.picture(), &weights);
        let step = 1e-5;
        for parameter in 0..spectrum.parameters() {
            let mut change = vec![0.0; spectrum.parameters()];
            change[parameter] = step;
            let before = loss(&spectrum);
            spectrum.add(&change);
            let difference = (loss(&spectrum) - before) / step;
            change[parameter] = -step;
            spectrum.add(&change);
            let error = (difference - gradient[parameter]).abs();
            assert!(error < 1e-3 * (1.0 + difference.abs()), "{parameter}: {difference}");
        }
    }
}
