//! Methods of gradients at the pixels, on formulas whose maps are known.

use ndarray::{Array2, Array3, Axis};

use super::formula::{Formula, difference, numbers};

const SHAPE: (usize, usize, usize) = (3, 4, 5);

fn doubles(array: &Array3<f32>) -> Array3<f64> {
    array.mapv(f64::from)
}

fn largest_magnitude(channels: &Array3<f64>) -> Array2<f64> {
    channels.map_axis(Axis(0), |lane| {
        lane.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap()
    })
}

#[test]
fn saliency_of_a_linear_score_is_the_magnitude_of_its_weights() {
    let weights = numbers(SHAPE, 53);
    let network = Formula::linear(numbers(SHAPE, 37), weights.clone(), 0.5);
    let magnitudes = doubles(&weights).mapv(f64::abs);
    let map = network.map("saliency", &[]);
    assert!(difference(&map, &largest_magnitude(&magnitudes)) < 1e-7);
    assert_eq!(map.channels.unwrap(), weights.mapv(f32::abs));
    let summed = network.map("saliency", &[("reduce", "sum")]);
    assert!(difference(&summed, &magnitudes.sum_axis(Axis(0))) < 1e-6);
}

#[test]
fn input_times_gradient_of_a_linear_score_sums_to_it_without_its_bias() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let products = doubles(&x) * doubles(&weights);
    let network = Formula::linear(x, weights, 0.5);
    let map = network.map("input_x_gradient", &[]);
    assert!(difference(&map, &products.sum_axis(Axis(0))) < 1e-6);
    let largest = network.map("input_x_gradient", &[("reduce", "max")]);
    assert!(difference(&largest, &largest_magnitude(&products)) < 1e-6);
}

/// s = Σ a·x³/3: integrated gradients are a·(x³ − b³)/3, element by element.
fn cubic() -> (Formula, Array3<f64>) {
    let a = doubles(&numbers(SHAPE, 71));
    let (of_score, of_gradient) = (a.clone(), a.clone());
    let network = Formula::of(
        numbers(SHAPE, 37),
        move |x| (&of_score * &x.mapv(|x| x.powi(3) / 3.0)).sum(),
        move |x| &of_gradient * &x.mapv(|x| x * x),
    );
    (network, a)
}

#[test]
fn integrated_gradients_of_a_sum_are_the_differences_of_its_terms() {
    let (mut network, a) = cubic();
    // Black is −0.5 and white 1.5 in each channel.
    network.preprocessing.mean = [0.25; 3];
    network.preprocessing.std = [0.5; 3];
    let x = doubles(&network.input);
    let means = x.mean_axis(Axis(2)).unwrap().mean_axis(Axis(1)).unwrap();
    let baselines = [
        ("zero", Array3::zeros(SHAPE)),
        ("black", Array3::from_elem(SHAPE, -0.5)),
        ("white", Array3::from_elem(SHAPE, 1.5)),
        ("mean", Array3::from_shape_fn(SHAPE, |(k, ..)| means[k])),
    ];
    for (name, baseline) in baselines {
        let cubed = |x: &Array3<f64>| x.mapv(|x| x.powi(3) / 3.0);
        let expected = &a * &(cubed(&x) - cubed(&baseline));
        let map = network.map("integrated_gradients", &[("baseline", name), ("steps", "3")]);
        let difference = difference(&map, &expected.sum_axis(Axis(0)));
        assert!(difference < 2e-6, "{name}: {difference:e}");
        let completeness = map.completeness.unwrap();
        assert!((completeness.difference - expected.sum()).abs() < 1e-5, "{completeness:?}");
        assert!(completeness.residue.abs() < 1e-5, "{completeness:?}");
        assert_eq!(map.samples, Some(3));
    }
}

#[test]
fn a_baseline_of_noise_is_repeatable_and_between_black_and_white() {
    let (network, _) = cubic();
    let map = |seed| {
        let given = [("baseline", "noise"), ("seed", seed), ("steps", "4")];
        network.map("integrated_gradients", &given)
    };
    assert_eq!(map("1").values, map("1").values);
    assert_ne!(map("1").values, map("2").values);
    assert_eq!(
        (map("1").seed, map("1").completeness.unwrap().residue.abs() < 1e-5),
        (Some(1), true)
    );
}

#[test]
fn integrated_gradients_of_a_probability_have_the_factor_of_every_point() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let products = doubles(&x) * doubles(&weights);
    let (start, end) = (-2.0, products.sum() - 2.0);
    // Along the line the logit is linear, so each element gets its part of the probability's
    // change.
    let slope = (sigmoid(end) - sigmoid(start)) / (end - start);
    let network = Formula::linear(x, weights, -2.0).with_sigmoid();
    let map = network.map("integrated_gradients", &[("tolerance", "0")]);
    let difference = difference(&map, &(products * slope).sum_axis(Axis(0)));
    assert!(difference < 1e-6, "{difference:e}");
    let completeness = map.completeness.unwrap();
    assert!((completeness.difference - (sigmoid(end) - sigmoid(start))).abs() < 1e-6);
}

#[test]
fn steps_are_doubled_until_the_residue_is_within_the_tolerance() {
    // The gradient has degree 7, which takes 4 points of Gauss and Legendre.
    let network = Formula::of(
        Array3::from_elem((1, 2, 2), 1.0),
        |x| x.mapv(|x| x.powi(8)).sum(),
        |x| x.mapv(|x| 8.0 * x.powi(7)),
    );
    let map = |given: &[(&str, &str)]| {
        let map = network.map("integrated_gradients", &[&[("steps", "1")], given].concat());
        (map.samples.unwrap(), map.completeness.unwrap().residue)
    };
    let (steps, residue) = map(&[("tolerance", "0.0001")]);
    assert!(steps == 4 && residue.abs() < 1e-5, "{steps} steps leave {residue}");
    // One point is the middle: 4 · 8 · (1/2)⁷ = 1/4 of 4.
    let (steps, residue) = map(&[("tolerance", "1")]);
    assert!(steps == 1 && (residue - 3.75).abs() < 1e-5, "{steps} steps leave {residue}");
    let (steps, residue) = map(&[("tolerance", "0.0001"), ("max_steps", "3")]);
    assert!(steps == 2 && residue.abs() > 0.01, "{steps} steps leave {residue}");
}

#[test]
fn a_probability_that_is_nearly_1_does_not_vanish_from_the_map() {
    // p(1 − p) is e⁻²⁰⁰, far below the least float32.
    let one = Array3::from_elem((1, 1, 2), 1.0);
    let network = Formula::linear(one.clone(), one, 200.0).with_sigmoid();
    let map = network.map("smoothgrad", &[("samples", "2"), ("noise", "0")]);
    let ln_values = f64::from(map.values[[0, 0]]).ln() + map.ln_scale.unwrap();
    assert!((ln_values + 202.0).abs() < 1e-3, "{ln_values}");
}
