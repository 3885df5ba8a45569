//! SmoothGrad, its variants and expected gradients on s = Σ a·x²/2, whose gradient at x + ε is
//! a·(x + ε).

use ndarray::{Array2, Array3};

use super::formula::{Formula, numbers};
use convscope::attribution::Map;

const SHAPE: (usize, usize, usize) = (1, 6, 7);
const SAMPLES: usize = 400;

fn quadratic() -> (Formula, Array2<f64>, Array2<f64>) {
    let a = numbers(SHAPE, 71).mapv(|a| f64::from(a) + 1.5);
    let (of_score, of_gradient) = (a.clone(), a.clone());
    let network = Formula::of(
        numbers(SHAPE, 37),
        move |x| (&of_score * &x.mapv(|x| x * x / 2.0)).sum(),
        move |x: &Array3<f64>| &of_gradient * x,
    );
    let plane = |array: Array3<f64>| array.index_axis_move(ndarray::Axis(0), 0);
    let x = plane(network.input.mapv(f64::from));
    (network, plane(a), x)
}

/// The deviation of the noise: a part of the picture's range.
fn deviation(x: &Array2<f64>, noise: f64) -> f64 {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    noise * (largest - x.iter().copied().fold(f64::INFINITY, f64::min))
}

fn map(network: &Formula, method: &str, seed: &str) -> Map {
    let samples = SAMPLES.to_string();
    network.map(method, &[("samples", &samples), ("noise", "0.2"), ("seed", seed)])
}

/// The root mean square of the differences between the map and `expected`.
fn error(map: &Map, expected: &Array2<f64>) -> f64 {
    let squares = map.values.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).powi(2));
    (squares.sum::<f64>() / expected.len() as f64).sqrt()
}

fn root_mean_square(values: &Array2<f64>) -> f64 {
    (values.mapv(|value| value * value).sum() / values.len() as f64).sqrt()
}

#[test]
fn smoothgrad_is_the_mean_gradient_within_its_standard_error() {
    let (network, a, x) = quadratic();
    let map = map(&network, "smoothgrad", "5");
    let expected = &a * deviation(&x, 0.2) / (SAMPLES as f64).sqrt();
    let expected = root_mean_square(&expected);
    let found = map.standard_error.unwrap();
    assert!((found / expected - 1.0).abs() < 0.1, "{found} instead of {expected}");
    let error = error(&map, &(&a * &x));
    assert!(error > 0.5 * found && error < 1.5 * found, "{error} with a standard error of {found}");
    assert_eq!((map.seed, map.samples), (Some(5), Some(SAMPLES)));
}

#[test]
fn the_squared_mean_has_the_variance_of_the_noise_in_it() {
    let (network, a, x) = quadratic();
    let map = map(&network, "smoothgrad_squared", "6");
    let variance = deviation(&x, 0.2).powi(2);
    let expected = a.mapv(|a| a * a) * (x.mapv(|x| x * x) + variance);
    let (error, allowed) = (error(&map, &expected), 1.5 * map.standard_error.unwrap());
    assert!(error < allowed, "{error} is more than {allowed}");
}

#[test]
fn vargrad_is_the_variance_of_the_gradient() {
    let (network, a, x) = quadratic();
    let map = map(&network, "vargrad", "7");
    let expected = a.mapv(|a| a * a) * deviation(&x, 0.2).powi(2);
    // The variance of n normal numbers has the relative deviation √(2/n).
    let allowed = 1.5 * (2.0 / SAMPLES as f64).sqrt() * root_mean_square(&expected);
    let error = error(&map, &expected);
    assert!(error < allowed, "{error} is more than {allowed}");
}

#[test]
fn a_seed_gives_the_same_map_and_another_seed_another_one() {
    let (network, ..) = quadratic();
    for method in ["smoothgrad", "smoothgrad_squared", "vargrad"] {
        assert_eq!(map(&network, method, "1"), map(&network, method, "1"), "{method}");
        assert_ne!(map(&network, method, "1").values, map(&network, method, "2").values);
    }
}

#[test]
fn without_noise_smoothgrad_is_the_gradient() {
    let (network, a, x) = quadratic();
    let map = network.map("smoothgrad", &[("samples", "3"), ("noise", "0")]);
    assert!(error(&map, &(&a * &x)) < 1e-6);
    assert!(map.standard_error.unwrap() < 1e-7);
}

#[test]
fn expected_gradients_share_out_the_score_within_their_standard_error() {
    let (network, a, x) = quadratic();
    let mean = x.mean().unwrap();
    let given = [("samples", "1000"), ("baselines", "levels"), ("seed", "3")];
    let map = network.map("expected_gradients", &given);
    // ∫ (x − b)·a·(b + t·(x − b)) dt = a·(x² − b²)/2, for black, white and the mean.
    let squares = (0.0 + 1.0 + mean * mean) / 3.0;
    let expected = &a * &x.mapv(|x| (x * x - squares) / 2.0);
    let (error, stated) = (error(&map, &expected), map.standard_error.unwrap());
    assert!(error > 0.3 * stated && error < 2.0 * stated, "{error}, stated {stated}");
    assert_eq!((map.seed, map.samples), (Some(3), Some(1000)));
}

#[test]
fn expected_gradients_of_a_linear_score_are_complete() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let network = Formula::linear(x, weights, 0.5);
    for baselines in ["mixed", "levels", "noise"] {
        let given = [("samples", "20"), ("baselines", baselines)];
        let map = network.map("expected_gradients", &given);
        let completeness = map.completeness.unwrap();
        assert!(completeness.residue.abs() < 1e-5, "{baselines}: {completeness:?}");
        let sum: f64 = map.values.iter().map(|&value| f64::from(value)).sum();
        assert!((sum - completeness.sum).abs() < 1e-5);
        assert!(map.standard_error.unwrap() > 0.0);
    }
}
