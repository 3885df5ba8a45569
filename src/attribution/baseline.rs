//! What stands for "nothing there": the input that a picture, or a part of it, is compared with.

use ndarray::{Array3, ArrayView3, Axis};
use rand::RngExt;

use super::random::generator;
use super::{AttributionError, Session, Word};

/// The parameter that names the baseline.
pub(super) const BASELINE: Word = Word {
    name: "baseline",
    words: &["zero", "black", "white", "mean", "blur", "noise"],
    default: "zero",
    help: "what the picture is compared with: zero of the tensor, black, white, the picture's mean \
           colour, the picture blurred, or noise between black and white",
};

/// The standard deviation of the blur, as a part of the longer side.
const BLUR: f64 = 1.0 / 16.0;

/// The baseline that the word `name` of [`BASELINE`] stands for, channels × height × width.
///
/// # Errors
/// [`AttributionError`].
pub(super) fn baseline(
    session: &Session,
    name: &str,
    seed: u64,
) -> Result<Array3<f32>, AttributionError> {
    let (input, preprocessing) = (session.input()?, session.preprocessing()?);
    let shape = input.dim();
    let level = |value: f32| {
        Array3::from_shape_fn(shape, |(channel, ..)| preprocessing.normalized(channel, value))
    };
    Ok(match name {
        "black" => level(0.0),
        "white" => level(255.0),
        "mean" => {
            let means: Vec<f32> = input.outer_iter().map(mean).collect();
            Array3::from_shape_fn(shape, |(channel, ..)| means[channel])
        }
        "blur" => blurred(input),
        "noise" => {
            let mut generator = generator(seed, 0);
            Array3::from_shape_fn(shape, |(channel, ..)| {
                preprocessing.normalized(channel, 255.0 * generator.random::<f32>())
            })
        }
        _ => Array3::zeros(shape),
    })
}

fn mean(channel: ndarray::ArrayView2<'_, f32>) -> f32 {
    let sum: f64 = channel.iter().map(|&value| f64::from(value)).sum();
    (sum / channel.len().max(1) as f64) as f32
}

/// The input, blurred: three box filters along each side, which are close to a Gaussian filter. The
/// elements at the border are repeated beyond it.
fn blurred(input: ArrayView3<'_, f32>) -> Array3<f32> {
    let (_, height, width) = input.dim();
    let deviation = BLUR * height.max(width) as f64;
    // Three boxes of 2r + 1 elements have the variance r(r + 1).
    let radius = ((deviation * deviation + 0.25).sqrt() - 0.5).round() as usize;
    let mut blurred = input.to_owned();
    for axis in [Axis(1), Axis(2)] {
        for mut lane in blurred.lanes_mut(axis) {
            let mut values: Vec<f64> = lane.iter().map(|&value| f64::from(value)).collect();
            for _ in 0..3 {
                values = box_filtered(&values, radius);
            }
            lane.iter_mut().zip(values).for_each(|(out, value)| *out = value as f32);
        }
    }
    blurred
}

/// The mean of the 2r + 1 values around each.
fn box_filtered(values: &[f64], radius: usize) -> Vec<f64> {
    let last = values.len() - 1;
    let at = |index: isize| values[index.clamp(0, last as isize) as usize];
    let radius = radius as isize;
    let mut sum: f64 = (-radius..=radius).map(at).sum();
    let mut filtered = Vec::with_capacity(values.len());
    for index in 0..values.len() as isize {
        filtered.push(sum / (2 * radius + 1) as f64);
        sum += at(index + radius + 1) - at(index - radius);
    }
    filtered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_filter_takes_the_mean_and_repeats_the_border() {
        let filtered = box_filtered(&[0.0, 3.0, 6.0, 0.0], 1);
        assert_eq!(filtered, [1.0, 3.0, 3.0, 2.0]);
        assert_eq!(box_filtered(&[5.0], 3), [5.0]);
    }

    #[test]
    fn blurring_keeps_the_sum_and_has_the_variance_of_its_gaussian() {
        let side = 320;
        let mut point = Array3::zeros((1, side, side));
        point[[0, 160, 160]] = 1.0;
        let blurred = blurred(point.view());
        let moment = |power: i32| -> f64 {
            let weigh = |((_, _, x), &value): ((usize, usize, usize), &f32)| {
                f64::from(value) * (x as f64 - 160.0).powi(power)
            };
            blurred.indexed_iter().map(weigh).sum()
        };
        assert!((moment(0) - 1.0).abs() < 1e-4);
        let deviation = (moment(2) / moment(0)).sqrt();
        assert!((deviation / 20.0 - 1.0).abs() < 0.03, "{deviation}");
    }
}
