//! Grad-CAM against NumPy.

use ndarray::{Array2, Array3};

use super::Known;
use crate::explain::{cube, map, stored_last};

fn largest_difference(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn the_map_is_numpys_in_both_memory_orders() {
    let (activations, gradient) = (cube("layers/activations.npy"), cube("cam/gradients.npy"));
    let (raw, heat) = (map("cam/raw.npy"), map("cam/heat.npy"));
    let last = Known { activations: stored_last(&activations), gradient: stored_last(&gradient) };
    let first = Known { activations, gradient };
    let scale = raw.iter().fold(0.0f32, |max, v| max.max(v.abs()));
    for known in [first, last] {
        let found = known.map("gradcam").unwrap();
        assert!(largest_difference(&found.values, &raw) <= 1e-6 * scale);
        let drawn = found.heat(false, found.vmax(false, 100.0));
        assert!(largest_difference(&drawn, &heat) <= 1e-6);
    }
}

#[test]
fn a_map_without_positive_values_has_no_heat() {
    let known = Known {
        activations: Array3::from_elem((2, 2, 3), 1.0),
        gradient: Array3::from_elem((2, 2, 3), -1.0),
    };
    let found = known.map("gradcam").unwrap();
    assert_eq!((found.bounds(), found.vmax(false, 100.0)), ((-1.0, -1.0), 0.0));
    assert!(found.heat(false, 0.0).iter().all(|&v| v == 0.0));
    assert_eq!(found.negated().vmax(false, 100.0), 1.0);
}

#[test]
fn shapes_must_agree() {
    let known = |channels| Known {
        activations: Array3::zeros((channels, 3, 4)),
        gradient: Array3::zeros((3, 3, 4)),
    };
    let error = known(2).map("gradcam").unwrap_err().to_string();
    assert!(error.contains("[2, 3, 4]") && error.contains("weights are 3"), "{error}");
    assert!(known(0).map("gradcam").is_err());
}
