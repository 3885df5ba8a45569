//! `tests/reference/evaluation/make_references.py` makes the figures.

use std::path::{Path, PathBuf};

use convscope::evaluation::imputed;
use ndarray::{Axis, Ix3};
use serde_json::Value;

use super::{evaluation, figure, value};
use crate::convnet::{context_of, npy};

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// The largest difference between a curve's scores and the reference's.
fn curve_error(map: &Value, name: &str, expected: &Value) -> f64 {
    let curve = figure(map, name)["curve"].as_array().unwrap();
    let scores = expected[name]["scores"].as_array().unwrap();
    assert_eq!(curve.len(), scores.len());
    let pairs = curve.iter().zip(scores);
    let errors = pairs.map(|(point, score)| point[1].as_f64().unwrap() - score.as_f64().unwrap());
    errors.fold(0.0, |largest, error| largest.max(error.abs()))
}

#[test]
fn figures_are_those_of_the_papers_code_and_of_quantus_and_pytorch_grad_cam() {
    let expected = std::fs::read(reference("evaluation/figures.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let context = context_of(&reference("methods/network"));
    let asked = [
        ("method", "saliency"),
        ("method", "input_x_gradient"),
        ("class", "2"),
        ("figure", "all"),
        ("box", "6,4,11,9"),
        ("squares", "2"),
        ("draws", "1"),
        ("depths", "1"),
    ];
    let found = evaluation(&context, &reference("methods/picture.png"), &asked);
    let class = &found["classes"][0];
    let mut wrong = Vec::new();
    for map in class["maps"].as_array().unwrap() {
        let method = map["method"].as_str().unwrap();
        let expected = &expected[method];
        for name in ["deletion", "insertion"] {
            let error = (value(map, name) - expected[name]["value"].as_f64().unwrap()).abs();
            let error = error.max(curve_error(map, name, expected));
            if error > 1e-4 {
                wrong.push(format!("{method}: {name}: {error:e}"));
            }
        }
        let names =
            ["average_drop", "increase", "sparseness", "complexity", "energy", "pointing_game"];
        // Both programs add their own noise to the pixels that they fill.
        for (name, tolerance) in names.map(|name| (name, 1e-4)).into_iter().chain([("road", 5e-3)])
        {
            let (found, expected) = (value(map, name), expected[name].as_f64().unwrap());
            if (found - expected).abs() > tolerance {
                wrong.push(format!("{method}: {name}: {found}, not {expected}"));
            }
        }
    }
    let agreement = class["agreement"][0][1].as_f64().unwrap();
    if (agreement - expected["agreement"].as_f64().unwrap()).abs() > 1e-4 {
        wrong.push(format!("agreement: {agreement}"));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn removed_pixels_are_filled_as_pytorch_grad_cam_fills_them() {
    let read = |name: &str| npy(&std::fs::read(reference(name)).unwrap());
    let input = read("evaluation/input.npy").mapv(|value| value as f32);
    let input = input.into_dimensionality::<Ix3>().unwrap();
    let removed = read("evaluation/removed.npy").mapv(|value| value > 0.5);
    let removed = removed.into_dimensionality::<Ix3>().unwrap();
    let filled = read("evaluation/filled.npy");
    for (removed, filled) in removed.axis_iter(Axis(0)).zip(filled.axis_iter(Axis(0))) {
        let found = imputed(input.view(), removed).mapv(f64::from).into_dyn();
        let error = (&found - &filled).iter().fold(0.0f64, |most, error| most.max(error.abs()));
        assert!(error < 1e-4, "{error:e}");
    }
}
