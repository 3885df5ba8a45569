//! Grad-CAM against numpy.

use convscope::explain::{Cam, Sign, cam, channel_sums};
use ndarray::{Array3, array};

use super::{cube, map, stored_last};

fn largest_difference(a: &ndarray::Array2<f32>, b: &ndarray::Array2<f32>) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn the_map_is_numpys_in_both_memory_orders() {
    let (activations, gradients) = (cube("layers/activations.npy"), cube("cam/gradients.npy"));
    let (raw, heat) = (map("cam/raw.npy"), map("cam/heat.npy"));
    let (last_activations, last_gradients) = (stored_last(&activations), stored_last(&gradients));
    let scale = raw.iter().fold(0.0f32, |max, v| max.max(v.abs()));
    for (a, g) in [(&activations, &gradients), (&last_activations, &last_gradients)] {
        let found: Cam = cam(a.view(), &channel_sums(g.view()), Sign::Positive).unwrap();
        assert!(largest_difference(&found.raw, &raw) <= 1e-6 * scale);
        assert!(largest_difference(&found.heat(), &heat) <= 1e-6);
        assert!(!found.empty && found.min < 0.0 && found.max > 0.0);

        let against = cam(a.view(), &channel_sums(g.view()), Sign::Negative).unwrap();
        assert_eq!(against.raw, found.raw.mapv(|v| -v));
        assert_eq!((against.min, against.max), (-found.max, -found.min));
    }
}

#[test]
fn a_map_without_heat_says_so() {
    let activations = Array3::from_elem((2, 2, 3), 1.0);
    let sums = channel_sums(Array3::from_elem((2, 2, 3), -1.0).view());
    let found = cam(activations.view(), &sums, Sign::Positive).unwrap();
    assert!(found.empty);
    assert_eq!((found.min, found.max), (-1.0, -1.0));
    assert!(found.heat().iter().all(|&v| v == 0.0));
    assert!(!cam(activations.view(), &sums, Sign::Negative).unwrap().empty);
}

#[test]
fn values_that_are_not_finite_are_no_heat() {
    let activations = array![[[1.0, f32::NAN, 2.0, f32::INFINITY]]];
    let found = cam(activations.view(), &[4.0], Sign::Positive).unwrap();
    assert_eq!(found.not_finite, 2);
    assert_eq!(found.heat(), array![[0.5, 0.0, 1.0, 0.0]]);
}

#[test]
fn shapes_must_agree() {
    let activations = Array3::zeros((2, 3, 4));
    let error = cam(activations.view(), &[0.0; 3], Sign::Positive).unwrap_err().to_string();
    assert!(error.contains("[2, 3, 4]") && error.contains("3 sums"), "{error}");
    let none = Array3::zeros((0, 3, 4));
    assert!(cam(none.view(), &[], Sign::Positive).is_err());
}
