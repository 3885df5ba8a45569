//! `aug_smooth` in closed form.

use ndarray::{Array2, Array3, Axis};

use super::formula::{Formula, difference, numbers};

const SHAPE: (usize, usize, usize) = (3, 4, 5);

/// Σ w ⊙ x², whose HiResCAM is Σₖ 2·wₖ·xₖ².
fn squares(x: &Array3<f32>, weights: &Array3<f32>) -> Formula {
    let weights = weights.mapv(f64::from);
    let factor = weights.clone();
    Formula::of(x.clone(), move |x| (x * x * &factor).sum() + 0.25, move |x| x * &weights * 2.0)
}

/// The maps of the six altered inputs, mirrored back, and their logits.
fn altered(x: &Array3<f32>, weights: &Array3<f32>) -> Vec<(Array2<f64>, f64)> {
    let (x, weights) = (x.mapv(f64::from), weights.mapv(f64::from));
    let mut all = Vec::new();
    for factor in [0.9f64, 1.0, 1.1] {
        for weights in [weights.clone(), mirrored(&weights)] {
            let products = &x * &x * weights * factor.powi(2);
            all.push((products.sum_axis(Axis(0)) * 2.0, products.sum() + 0.25));
        }
    }
    all
}

/// Mirrored from left to right. Mirroring the input and the map back is mirroring the weights.
fn mirrored(weights: &Array3<f64>) -> Array3<f64> {
    Array3::from_shape_fn(SHAPE, |(k, i, j)| weights[[k, i, 4 - j]])
}

#[test]
fn the_map_is_the_mean_over_scaled_and_mirrored_inputs() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let mean = altered(&x, &weights)
        .into_iter()
        .fold(Array2::<f64>::zeros((4, 5)), |sum, (map, _)| sum + map / 6.0);
    let map = squares(&x, &weights).map("hirescam", &[("aug_smooth", "true")]);
    assert!(difference(&map, &mean) < 1e-5, "{}", difference(&map, &mean));
    assert_eq!(map.samples, Some(6));
}

#[test]
fn each_map_of_a_probability_has_its_own_factor() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let mut mean = Array2::<f64>::zeros((4, 5));
    for (map, logit) in altered(&x, &weights) {
        let p = 1.0 / (1.0 + (-logit).exp());
        mean += &(map * (p * (1.0 - p) / 6.0));
    }
    let network = squares(&x, &weights).with_sigmoid();
    let map = network.map("hirescam", &[("aug_smooth", "true")]);
    assert!(difference(&map, &mean) < 1e-5, "{}", difference(&map, &mean));
}

#[test]
fn a_map_of_a_probability_that_rounds_to_1_does_not_vanish() {
    let network = Formula::linear(Array3::ones(SHAPE), Array3::from_elem(SHAPE, 20.0), 0.0);
    let map = network.with_sigmoid().map("hirescam", &[("aug_smooth", "true")]);
    // The logit of the input times 0.9 is 1080, and p(1 − p) is e⁻¹⁰⁸⁰. The others are nothing
    // beside it, so the mean is a third of its map.
    assert!((map.ln_scale.unwrap() + 1080.0).abs() < 1e-3, "{:?}", map.ln_scale);
    assert!(map.values.iter().all(|value| (value - 0.9 * 60.0 / 3.0).abs() < 1e-3));
}
