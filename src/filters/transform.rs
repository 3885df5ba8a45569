//! Small shifts, rotations and changes of scale, under which a picture must keep its effect. They
//! keep high frequencies from growing that only an exact place would show.

use ndarray::{Array3, ArrayView3};
use rand::{Rng, RngExt};

/// The largest shift as a part of a side, rotation in radians, and change of scale.
const SHIFT: f64 = 0.125;
const ROTATION: f64 = 0.12;
const SCALE: f64 = 0.1;

/// Where each pixel of the result comes from: four pixels with their weights. Beyond the border the
/// picture is repeated, as its Fourier basis is.
#[derive(Debug)]
pub(super) struct Transform {
    sources: Vec<[(usize, f64); 4]>,
}

impl Transform {
    /// A random transform of pictures of `size`, by bilinear interpolation.
    pub(super) fn random(generator: &mut impl Rng, [height, width]: [usize; 2]) -> Self {
        let mut within = |most: f64| most * (2.0 * generator.random::<f64>() - 1.0);
        let (down, right) = (within(SHIFT) * height as f64, within(SHIFT) * width as f64);
        let (angle, scale) = (within(ROTATION), 1.0 + within(SCALE));
        let (sin, cos) = (angle.sin() * scale, angle.cos() * scale);
        let [middle_y, middle_x] = [height, width].map(|length| (length - 1) as f64 / 2.0);
        let source = |pixel: usize| {
            let (y, x) = ((pixel / width) as f64 - middle_y, (pixel % width) as f64 - middle_x);
            let (y, x) =
                (cos * y - sin * x + middle_y + down, sin * y + cos * x + middle_x + right);
            let (top, left) = (y.floor(), x.floor());
            let place = |row: f64, column: f64| {
                let row = row.rem_euclid(height as f64) as usize % height;
                row * width + column.rem_euclid(width as f64) as usize % width
            };
            let (below, beside) = (y - top, x - left);
            [
                (place(top, left), (1.0 - below) * (1.0 - beside)),
                (place(top, left + 1.0), (1.0 - below) * beside),
                (place(top + 1.0, left), below * (1.0 - beside)),
                (place(top + 1.0, left + 1.0), below * beside),
            ]
        };
        Self { sources: (0..height * width).map(source).collect() }
    }

    /// The transformed picture, channels × height × width.
    pub(super) fn apply(&self, picture: ArrayView3<'_, f64>) -> Array3<f64> {
        let (_, _, width) = picture.dim();
        let mut result = Array3::zeros(picture.dim());
        for (mut out, channel) in result.outer_iter_mut().zip(picture.outer_iter()) {
            for (out, sources) in out.iter_mut().zip(&self.sources) {
                let at = |&(place, weight): &(usize, f64)| {
                    weight * channel[[place / width, place % width]]
                };
                *out = sources.iter().map(at).sum();
            }
        }
        result
    }

    /// The gradient of the picture, from that of the transformed one.
    pub(super) fn gradient(&self, gradient: ArrayView3<'_, f64>) -> Array3<f64> {
        let (_, _, width) = gradient.dim();
        let mut result = Array3::zeros(gradient.dim());
        for (mut out, channel) in result.outer_iter_mut().zip(gradient.outer_iter()) {
            for (&value, sources) in channel.iter().zip(&self.sources) {
                for &(place, weight) in sources {
                    out[[place / width, place % width]] += weight * value;
                }
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::generator;

    #[test]
    fn the_gradient_is_the_transpose_and_a_constant_stays() {
        let transform = Transform::random(&mut generator(3, 0), [9, 7]);
        let value = |factor: f64| {
            Array3::from_shape_fn((2, 9, 7), |(c, y, x)| {
                (factor * (c + 3 * y + 5 * x) as f64).sin()
            })
        };
        let (a, b) = (value(0.7), value(1.3));
        let forward = (transform.apply(a.view()) * &b).sum();
        let backward = (transform.gradient(b.view()) * &a).sum();
        assert!((forward - backward).abs() < 1e-9);
        let constant = transform.apply(Array3::from_elem((1, 9, 7), 2.5).view());
        assert!(constant.iter().all(|value| (value - 2.5).abs() < 1e-9));
    }
}
