//! The blur of RISE's insertion: the code of the paper, to the number.

use ndarray::{Array3, ArrayView3, Axis};

/// Elements of the kernel, and its standard deviation.
const LENGTH: usize = 11;
const DEVIATION: f64 = 5.0;
/// The kernel of scipy's `gaussian_filter` ends at four standard deviations.
const RADIUS: isize = 20;

/// The input, blurred. The paper's code filters a point in the middle of 11 × 11 zeros with
/// `scipy.ndimage.gaussian_filter`, which mirrors at the border, and takes the result as the kernel
/// of a convolution that pads with zeros.
pub(super) fn blurred(input: ArrayView3<'_, f32>) -> Array3<f32> {
    let kernel = kernel();
    let mut blurred = input.mapv(f64::from);
    for axis in [Axis(1), Axis(2)] {
        for mut lane in blurred.lanes_mut(axis) {
            let values = lane.to_vec();
            for (at, out) in lane.iter_mut().enumerate() {
                let weigh = |(k, weight): (usize, &f64)| {
                    let value =
                        (at + k).checked_sub(LENGTH / 2).and_then(|place| values.get(place));
                    weight * value.copied().unwrap_or_default()
                };
                *out = kernel.iter().enumerate().map(weigh).sum();
            }
        }
    }
    blurred.mapv(|value| value as f32)
}

/// The kernel along one axis. The kernel of two axes is its product.
fn kernel() -> [f64; LENGTH] {
    let gaussian = |offset: isize| (-0.5 * (offset as f64 / DEVIATION).powi(2)).exp();
    let total: f64 = (-RADIUS..=RADIUS).map(gaussian).sum();
    std::array::from_fn(|at| {
        let is_middle =
            |offset: &isize| mirrored(at as isize + offset, LENGTH as isize) == LENGTH as isize / 2;
        (-RADIUS..=RADIUS).filter(is_middle).map(gaussian).sum::<f64>() / total
    })
}

/// scipy's mode `reflect`: d c b a | a b c d | d c b a.
fn mirrored(index: isize, length: isize) -> isize {
    let folded = index.rem_euclid(2 * length);
    folded.min(2 * length - 1 - folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_that_of_scipy() {
        // scipy.ndimage.gaussian_filter1d(numpy.eye(11)[5], 5)
        let kernel = kernel();
        assert!((kernel.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((kernel[0] - kernel[10]).abs() < 1e-12);
        assert!((0..5).all(|at| kernel[at] < kernel[at + 1]));
    }

    #[test]
    fn a_constant_stays_constant_but_for_the_zeros_beyond_the_border() {
        let blurred = blurred(Array3::from_elem((1, 30, 30), 2.0).view());
        assert!((blurred[[0, 15, 15]] - 2.0).abs() < 1e-6);
        assert!(blurred[[0, 0, 15]] < 1.5);
    }
}
