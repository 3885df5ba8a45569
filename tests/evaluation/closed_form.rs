//! Figures on a network that is a formula.

use convscope::attribution::{Options, Session};
use convscope::config::{ParameterError, Parameters};
use convscope::evaluation::{Curve, FIGURES, Measure, Subject};
use ndarray::{Array2, Array3, array};

use crate::attribution::formula::Formula;

/// What the figure called `name` says of `map`, after `alter` has changed the subject.
fn measured(
    formula: &Formula,
    map: &Array2<f32>,
    name: &str,
    given: &[(&str, &str)],
    altered: &[Array2<f32>],
    randomized: &[(f64, Array2<f32>)],
) -> Measure {
    let figure = FIGURES.iter().find(|figure| figure.name == name).unwrap();
    let mut parameters = Parameters::default();
    given.iter().for_each(|(name, value)| parameters.push(*name, *value).unwrap());
    let class = |_: &str| Ok::<usize, ParameterError>(0);
    let options = Options::read(&parameters, figure.parameters, class).unwrap();
    let logits = formula.logits(&formula.input);
    let session = Session::new(formula, &logits, formula.target).unwrap();
    let (_, height, width) = formula.input.dim();
    let subject =
        Subject { altered, randomized, ..Subject::new(&session, map.view(), [height, width], 3) };
    (figure.run)(&subject, &options).unwrap()
}

/// The sum of the pixels 1 to 8 of a picture of 2 × 4.
fn sum() -> Formula {
    let input = Array3::from_shape_fn((1, 2, 4), |(_, y, x)| (4 * y + x + 1) as f32);
    Formula::linear(input, Array3::ones((1, 2, 4)), 0.0)
}

#[test]
fn deletion_takes_the_largest_values_of_the_map_first() {
    let formula = sum();
    let map = formula.input.index_axis(ndarray::Axis(0), 0).to_owned();
    let found = measured(&formula, &map, "deletion", &[("points", "4")], &[], &[]);
    // 8 and 7 go first, then 6 and 5, and so on.
    let points = vec![[0.0, 36.0], [0.25, 21.0], [0.5, 10.0], [0.75, 3.0], [1.0, 0.0]];
    assert_eq!(found.curve, Some(Curve { points }));
    assert!((found.value.unwrap() - (18.0 + 21.0 + 10.0 + 3.0) / 4.0).abs() < 1e-9);
}

#[test]
fn the_drop_is_what_the_masked_picture_lacks() {
    // The map shows the first row alone: 1 + 2 + 3 + 4 of 36.
    let map = array![[1.0, 1.0, 1.0, 1.0], [-1.0, 0.0, -2.0, 0.0]];
    let found = |name| measured(&sum(), &map, name, &[], &[], &[]).value.unwrap();
    assert!((found("average_drop") - 26.0 / 36.0).abs() < 1e-6);
    assert_eq!(found("increase"), 0.0);
    let nothing = Array2::from_elem((2, 4), -1.0);
    assert_eq!(measured(&sum(), &nothing, "average_drop", &[], &[], &[]).value, None);
}

#[test]
fn infidelity_is_zero_for_the_contributions_of_a_linear_network_and_one_for_their_opposite() {
    let input = Array3::from_shape_fn((1, 8, 8), |(_, y, x)| ((3 * y + 5 * x) % 7) as f32 - 2.0);
    let formula = Formula::linear(input, Array3::from_elem((1, 8, 8), 0.5), 1.0);
    let map = formula.input.index_axis(ndarray::Axis(0), 0).mapv(|value| 40.0 * value);
    let found = |map: &Array2<f32>| measured(&formula, map, "infidelity", &[], &[], &[]).value;
    assert!(found(&map).unwrap() < 1e-9);
    assert!((found(&map.mapv(|value| -value)).unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn sensitivity_and_randomization_compare_the_further_maps() {
    let map = array![[3.0, 0.0, 4.0, 0.0], [0.0; 4]];
    let altered = [array![[3.0, 1.0, 4.0, 0.0], [0.0; 4]], array![[3.0, 0.0, 2.0, 0.0], [0.0; 4]]];
    let found = measured(&sum(), &map, "max_sensitivity", &[], &altered, &[]);
    assert!((found.value.unwrap() - 2.0 / 5.0).abs() < 1e-9);
    let opposite = map.mapv(|value: f32| -value);
    let randomized = [(0.5, map.clone()), (1.0, opposite)];
    let found = measured(&sum(), &map, "randomization", &[], &[], &randomized);
    assert!((found.value.unwrap() + 1.0).abs() < 1e-9);
    let curve = found.curve.unwrap().points;
    assert_eq!((curve[0], curve[1][0]), ([0.0, 1.0], 0.5));
    let constant = [(1.0, Array2::zeros((2, 4)))];
    let found = measured(&sum(), &map, "randomization", &[], &[], &constant);
    assert_eq!(found.value, Some(0.0));
}
