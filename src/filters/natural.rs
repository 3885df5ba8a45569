//! Feature visualization as Lucid does it (Olah et al. 2017,
//! <https://distill.pub/2017/feature-visualization>).

use ndarray::Array3;

use super::adam::Adam;
use super::ascent::{Ascent, Objective, Pattern};
use super::fourier::Spectrum;
use super::transform::Transform;
use crate::attribution::{AttributionError, generator};
use crate::preprocess::{Color, Preprocessing};

/// Adam's rate. Lucid takes 0.05 for 512 steps.
const RATE: f64 = 0.1;

/// Climbs by Adam on the Fourier coefficients of decorrelated colours. Each step sees the picture
/// under another small transform.
pub(super) fn ascend(
    ascent: &Ascent,
    index: usize,
    preprocessing: &Preprocessing,
    objective: &dyn Objective,
    step: &dyn Fn() -> Result<(), AttributionError>,
) -> Result<Pattern, AttributionError> {
    let Ascent { size, seed, .. } = *ascent;
    let mut spectrum = Spectrum::random(seed, 2 * index, preprocessing.channels(), size);
    let mut generator = generator(seed, 2 * index + 1);
    let mut adam = Adam::new(spectrum.parameters(), RATE);
    let (mut losses, mut is_dead) = (Vec::with_capacity(ascent.steps), true);
    for _ in 0..ascent.steps {
        let picture = spectrum.picture();
        let transform = Transform::random(&mut generator, size);
        let seen = transform.apply(picture.view());
        let (loss, gradient) = objective.at(input(&seen, preprocessing).view())?;
        let gradient = transform.gradient(colors(&gradient, preprocessing).view());
        is_dead &= gradient.iter().all(|&value| value == 0.0);
        let change = adam.step(spectrum.gradient(&picture, &gradient).into_iter());
        spectrum.add(&change);
        losses.push(loss);
        step()?;
    }
    let picture = spectrum.picture();
    let levels = picture.mapv(|value| (value * 255.0).round() as u8);
    Ok(Pattern { values: picture.mapv(|value| value as f32), levels, losses, is_dead })
}

/// The colour of a picture that is in a channel of the network's input.
fn color_of(channel: usize, preprocessing: &Preprocessing) -> usize {
    if preprocessing.color == Color::Bgr { 2 - channel } else { channel }
}

/// The network's input for a picture from 0 to 1.
fn input(picture: &Array3<f64>, preprocessing: &Preprocessing) -> Array3<f32> {
    Array3::from_shape_fn(picture.dim(), |(channel, y, x)| {
        let value = picture[[color_of(channel, preprocessing), y, x]];
        preprocessing.normalized(channel, (255.0 * value) as f32)
    })
}

/// The gradient of a picture from 0 to 1, from that of the network's input.
fn colors(gradient: &Array3<f32>, preprocessing: &Preprocessing) -> Array3<f64> {
    Array3::from_shape_fn(gradient.dim(), |(color, y, x)| {
        let channel = color_of(color, preprocessing);
        let [low, high] = [0.0, 255.0].map(|value| preprocessing.normalized(channel, value));
        f64::from(gradient[[channel, y, x]]) * f64::from(high - low)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayView3;

    use super::*;
    use crate::filters::Style;

    /// How red the middle of the picture is compared with its blue.
    struct Red;

    impl Objective for Red {
        fn at(&self, x: ArrayView3<'_, f32>) -> Result<(f64, Array3<f32>), AttributionError> {
            let weight = |(channel, ..): (usize, usize, usize)| 1.0 - channel as f32;
            let gradient = Array3::from_shape_fn(x.dim(), weight);
            Ok((f64::from((&x * &gradient).sum()), gradient))
        }
    }

    #[test]
    fn the_objective_grows_and_colours_are_in_the_pictures_order() {
        for (color, red, blue) in [(Color::Rgb, 0, 2), (Color::Bgr, 2, 0)] {
            let preprocessing = Preprocessing { color, ..Preprocessing::default() };
            let (style, size) = (Style::Natural, [8, 8]);
            let ascent = Ascent { style, size, steps: 200, seed: 0, start: None };
            let pattern = ascend(&ascent, 0, &preprocessing, &Red, &|| Ok(())).unwrap();
            assert!(pattern.losses[199] > pattern.losses[0] + 10.0);
            let mean = |color: usize| pattern.values.index_axis(ndarray::Axis(0), color).sum();
            assert!(mean(red) > 1.5 * mean(blue), "{color:?}");
        }
    }
}
