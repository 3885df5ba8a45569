//! HiResCAM in closed form: s = Σ W ⊙ A + b has the gradient W.

use convscope::attribution::Map;
use ndarray::{Array3, Axis};

use super::Known;

const BIAS: f64 = 0.75;

/// A layer of 3 channels and 4 × 5 positions, and the weights of a linear score.
fn linear() -> Known {
    let number = |k: usize, i: usize, j: usize, prime: usize| {
        ((60 * k + 7 * i + j) * prime % 101) as f32 / 50.0 - 1.0
    };
    Known {
        activations: Array3::from_shape_fn((3, 4, 5), |(k, i, j)| number(k, i, j, 37)),
        gradient: Array3::from_shape_fn((3, 4, 5), |(k, i, j)| number(k, i, j, 53)),
    }
}

fn sum(map: &Map) -> f64 {
    map.values.iter().map(|&value| f64::from(value)).sum()
}

#[test]
fn the_map_adds_up_to_a_linear_score_without_its_bias() {
    let known = linear();
    let products = known.activations.iter().zip(&known.gradient);
    let score = products.map(|(&a, &w)| f64::from(a) * f64::from(w)).sum::<f64>() + BIAS;
    let map = known.map("hirescam").unwrap();
    assert_eq!(map.values.dim(), (4, 5));
    assert!((sum(&map) + BIAS - score).abs() < 1e-5, "{} + {BIAS} is not {score}", sum(&map));
}

#[test]
fn changing_one_position_changes_the_map_only_there() {
    let known = linear();
    let before = known.map("hirescam").unwrap().values;
    let mut moved = linear();
    moved.activations[[1, 2, 3]] += 1.0;
    let change = moved.map("hirescam").unwrap().values - before;
    for ((i, j), &change) in change.indexed_iter() {
        let expected = if (i, j) == (2, 3) { known.gradient[[1, 2, 3]] } else { 0.0 };
        assert!((change - expected).abs() < 1e-6, "{change} at {i}, {j}");
    }
}

#[test]
fn before_a_mean_over_positions_it_is_gradcam_times_the_channels() {
    let mut known = linear();
    for (k, mut channel) in known.gradient.axis_iter_mut(Axis(0)).enumerate() {
        channel.fill(k as f32 - 0.7);
    }
    let (hires, grad) = (known.map("hirescam").unwrap(), known.map("gradcam").unwrap());
    for (hires, grad) in hires.values.iter().zip(&grad.values) {
        assert!((hires - 3.0 * grad).abs() < 1e-5, "{hires} is not 3 × {grad}");
    }
}

#[test]
fn shapes_must_agree() {
    let known = Known { activations: Array3::zeros((2, 3, 4)), ..linear() };
    let error = known.map("hirescam").unwrap_err().to_string();
    assert!(error.contains("[2, 3, 4]") && error.contains("[3, 4, 5]"), "{error}");
}
