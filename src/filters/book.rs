//! *Deep Learning with Python*, first edition, 5.4.2, step by step.

use ndarray::Array3;
use rand::RngExt;

use super::ascent::{Ascent, Objective, Pattern};
use crate::attribution::{AttributionError, generator};

/// The start is uniform in [128, 148).
const START: [f64; 2] = [128.0, 20.0];
/// Added to the root mean square and to the standard deviation, which may be zero.
const EPSILON: f64 = 1e-5;

/// Adds the gradient, divided by its root mean square, `steps` times with a step of 1. The picture
/// is what the network gets: nothing is preprocessed. It is float64, as NumPy has it; the network
/// computes in float32.
pub(super) fn ascend(
    ascent: &Ascent,
    index: usize,
    channels: usize,
    objective: &dyn Objective,
    step: &dyn Fn() -> Result<(), AttributionError>,
) -> Result<Pattern, AttributionError> {
    let mut x = ascent.start.clone().unwrap_or_else(|| start(ascent, index, channels));
    let (mut losses, mut is_dead) = (Vec::with_capacity(ascent.steps), true);
    for _ in 0..ascent.steps {
        let (loss, gradient) = objective.at(x.mapv(|value| value as f32).view())?;
        let square = |&value: &f32| f64::from(value).powi(2);
        let mean = gradient.iter().map(square).sum::<f64>() / gradient.len().max(1) as f64;
        let norm = mean.sqrt() + EPSILON;
        x.zip_mut_with(&gradient, |x, &gradient| *x += f64::from(gradient) / norm);
        losses.push(loss);
        is_dead &= mean == 0.0;
        step()?;
    }
    Ok(Pattern { levels: levels(&x), values: x.mapv(|value| value as f32), losses, is_dead })
}

/// Random numbers in NumPy's order: height, width, channels.
fn start(ascent: &Ascent, index: usize, channels: usize) -> Array3<f64> {
    let mut generator = generator(ascent.seed, index);
    let [height, width] = ascent.size;
    let [low, range] = START;
    let pixels = Array3::from_shape_simple_fn((height, width, channels), || {
        low + range * generator.random::<f64>()
    });
    pixels.permuted_axes([2, 0, 1])
}

/// The book's `deprocess_image`: mean 0, standard deviation 0.1, plus 0.5, clipped, 8 bits.
fn levels(x: &Array3<f64>) -> Array3<u8> {
    let n = x.len().max(1) as f64;
    let mean = x.sum() / n;
    let deviation = (x.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    x.mapv(|value| {
        let scaled = ((value - mean) / (deviation + EPSILON) * 0.1 + 0.5).clamp(0.0, 1.0);
        (scaled * 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayView3;

    use super::*;
    use crate::filters::Style;

    /// The sum of all values, up to a factor.
    struct Sum(f32);

    impl Objective for Sum {
        fn at(&self, x: ArrayView3<'_, f32>) -> Result<(f64, Array3<f32>), AttributionError> {
            Ok((f64::from(self.0 * x.sum()), Array3::from_elem(x.dim(), self.0)))
        }
    }

    fn pattern(factor: f32) -> Pattern {
        let ascent = Ascent { style: Style::Book, size: [2, 3], steps: 40, seed: 5, start: None };
        ascend(&ascent, 0, 3, &Sum(factor), &|| Ok(())).unwrap()
    }

    #[test]
    fn each_step_has_a_root_mean_square_of_one() {
        let (climbed, dead) = (pattern(1e-2), pattern(0.0));
        assert!((START[0]..START[0] + START[1]).contains(&f64::from(dead.values[[0, 0, 0]])));
        let step = (&climbed.values - &dead.values) / 40.0;
        assert!(step.iter().all(|step| (step - 1.0).abs() < 2e-3), "{step}");
        assert!(dead.is_dead && !climbed.is_dead);
        assert_eq!(climbed.losses.len(), 40);
    }

    #[test]
    fn levels_have_their_mean_in_the_middle() {
        let levels = levels(&Array3::from_shape_fn((1, 1, 2), |(.., x)| 10.0 * x as f64));
        // ∓1 standard deviation: 0.5 ∓ 0.1.
        assert_eq!((levels[[0, 0, 0]], levels[[0, 0, 1]]), (102, 152));
    }
}
