//! Methods of many passes from the layer on, on a linear score.

use ndarray::{Array2, Array3, Axis};

use super::formula::{Formula, difference, numbers};

const SHAPE: (usize, usize, usize) = (4, 3, 5);

/// A layer with a dead channel, and the weights of the score.
fn layer() -> (Array3<f32>, Array3<f32>) {
    let mut a = numbers(SHAPE, 37);
    a.index_axis_mut(Axis(0), 2).fill(0.0);
    (a, numbers(SHAPE, 53))
}

#[test]
fn ablation_weighs_a_channel_by_what_the_score_loses_without_it() {
    for bias in [5.0, -5.0] {
        let (a, weights) = layer();
        let (a64, w64) = (a.mapv(f64::from), weights.mapv(f64::from));
        let score = (&a64 * &w64).sum() + bias;
        let map = Formula::linear(a, weights, bias).map("ablationcam", &[]);
        let channels = a64.outer_iter().zip(w64.outer_iter());
        let expected = channels.fold(Array2::zeros((3, 5)), |sum, (a, w)| {
            let lost = (&a * &w).sum();
            sum + &a * (lost / score.abs())
        });
        let difference = difference(&map, &expected);
        assert!(difference < 1e-5, "bias {bias}: {difference:e}");
    }
}

#[test]
fn reciprocam_is_the_score_of_each_position_alone() {
    let (a, weights) = layer();
    let parts = (a.mapv(f64::from) * weights.mapv(f64::from)).sum_axis(Axis(0));
    let map = Formula::linear(a, weights, 0.5).map("reciprocam", &[]);
    assert!(difference(&map, &(parts + 0.5)) < 1e-6);
    assert!(
        (map.offset - 0.5).abs() < 1e-6,
        "the picture shows it without the empty layer's score"
    );
    let heat = map.heat(true, 1.0);
    assert!(heat.iter().any(|&value| value < 0.0) && heat.iter().any(|&value| value > 0.0));
}
