//! Methods of many forward passes, on linear scores.

use ndarray::{Array2, Array3, Axis};

use super::formula::{Formula, difference, numbers};

const SHAPE: (usize, usize, usize) = (3, 7, 9);

/// w ⊙ (x − b), summed over channels: what each pixel adds to a linear score.
fn parts(x: &Array3<f32>, weights: &Array3<f32>, baseline: f64) -> Array2<f64> {
    let x = x.mapv(|x| f64::from(x) - baseline);
    (x * weights.mapv(f64::from)).sum_axis(Axis(0))
}

#[test]
fn occlusion_is_the_mean_over_the_windows_that_cover_a_pixel() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let network = Formula::linear(x.clone(), weights.clone(), 0.5);
    for (baseline, value) in [("zero", 0.0), ("white", 1.0)] {
        let parts = parts(&x, &weights, value);
        let given = [("window", "3"), ("stride", "2"), ("baseline", baseline)];
        let map = network.map("occlusion", &given);
        let expected = Array2::from_shape_fn((7, 9), |(i, j)| {
            let covers = |start: usize, at: usize| start <= at && at < start + 3;
            let starts =
                |length: usize| (0..length - 1).step_by(2).filter(move |s| s + 3 <= length);
            let (mut sum, mut count) = (0.0, 0.0);
            for (row, column) in
                starts(7).flat_map(|row| starts(9).map(move |column| (row, column)))
            {
                if covers(row, i) && covers(column, j) {
                    let cells =
                        (row..row + 3).flat_map(|r| (column..column + 3).map(move |c| (r, c)));
                    sum += cells.map(|(r, c)| parts[[r, c]]).sum::<f64>();
                    count += 1.0;
                }
            }
            sum / count
        });
        let difference = difference(&map, &expected);
        assert!(difference < 1e-5, "{baseline}: {difference:e}");
    }
}

#[test]
fn windows_of_one_pixel_give_what_the_pixel_adds_to_the_score() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let expected = parts(&x, &weights, 0.0);
    let map =
        Formula::linear(x, weights, 0.5).map("occlusion", &[("window", "1"), ("stride", "1")]);
    assert!(difference(&map, &expected) < 1e-5);
    assert_eq!(map.seed, None);
}

#[test]
fn the_last_window_ends_at_the_border() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let parts = parts(&x, &weights, 0.0);
    let map =
        Formula::linear(x, weights, 0.5).map("occlusion", &[("window", "4"), ("stride", "4")]);
    let expected = Array2::from_shape_fn((7, 9), |(i, j)| {
        let (rows, columns) = (i / 4 * 4..7.min(i / 4 * 4 + 4), j / 4 * 4..9.min(j / 4 * 4 + 4));
        rows.flat_map(|r| columns.clone().map(move |c| (r, c))).map(|at| parts[at]).sum()
    });
    assert!(difference(&map, &expected) < 1e-5);
}

#[test]
fn rise_of_a_constant_score_is_that_score() {
    let zero = Array3::zeros(SHAPE);
    let network = Formula::linear(zero.clone(), zero, 2.0);
    let map = network.map("rise", &[("masks", "2000"), ("cells", "3")]);
    let expected = Array2::from_elem((7, 9), 2.0);
    let allowed = 5.0 * map.standard_error.unwrap();
    assert!(difference(&map, &expected) < allowed, "{}", difference(&map, &expected));
    assert!((map.offset - 2.0).abs() < 0.1, "the picture shows it without its mean");
}

#[test]
fn rise_finds_the_one_pixel_that_counts_within_its_standard_error() {
    let side = 30;
    let mut weights = Array3::zeros((1, side, side));
    weights[[0, 4, 5]] = 1.0;
    let network = Formula::linear(Array3::ones((1, side, side)), weights, 0.0);
    let map = network.map("rise", &[("masks", "4000"), ("cells", "5"), ("seed", "3")]);
    let error = f64::from(map.standard_error.unwrap() as f32);
    // Far away the masks are independent: E[m·m′] / 0.5 = 0.5. At the pixel it is E[m²] / 0.5,
    // which is between 0.5 and 1.
    let far = f64::from(map.values[[25, 25]]);
    assert!((far - 0.5).abs() < 4.0 * error, "{far} ± {error}");
    let here = f64::from(map.values[[4, 5]]);
    assert!(here > 0.5 + 10.0 * error && here < 1.0, "{here} ± {error}");
    let largest = map.values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    assert!(f64::from(largest) - here < 4.0 * error);
}

#[test]
fn rise_stops_at_the_standard_error_and_repeats_a_seed() {
    let network = Formula::linear(numbers(SHAPE, 37), numbers(SHAPE, 53), 1.0);
    let map = |given: &[(&str, &str)]| {
        network.map("rise", &[&[("masks", "5000"), ("cells", "3")], given].concat())
    };
    let stopped = map(&[("stop_at", "0.1")]);
    let (samples, error) = (stopped.samples.unwrap(), stopped.standard_error.unwrap());
    assert!(samples < 5000 && samples % 64 == 0 && error <= 0.1, "{samples} masks, ± {error}");
    let all = map(&[]);
    assert_eq!(all.samples, Some(5000));
    assert!(all.standard_error.unwrap() < error);
    assert_eq!(stopped, map(&[("stop_at", "0.1")]));
    assert_ne!(stopped.values, map(&[("stop_at", "0.1"), ("seed", "1")]).values);
}

#[test]
fn shapley_values_of_a_linear_score_are_what_the_cells_add() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let network = Formula::linear(x.clone(), weights.clone(), 0.5);
    // Exact up to ten cells, by random sets beyond, and a picture of seven rows has seven cells.
    for (grid, rows, columns) in [("1", 1, 1), ("3", 3, 3), ("4", 4, 4), ("8", 7, 8)] {
        for (baseline, value) in [("zero", 0.0), ("white", 1.0)] {
            let parts = parts(&x, &weights, value);
            let cell = |at: usize, length: usize, count: usize| {
                let index = (0..count).find(|index| at < (index + 1) * length / count).unwrap();
                index * length / count..(index + 1) * length / count
            };
            let expected = Array2::from_shape_fn((7, 9), |(i, j)| {
                let (rows, columns) = (cell(i, 7, rows), cell(j, 9, columns));
                let area = (rows.len() * columns.len()) as f64;
                let positions = rows.flat_map(|r| columns.clone().map(move |c| (r, c)));
                positions.map(|at| parts[at]).sum::<f64>() / area
            });
            let map = network.map("kernel_shap", &[("grid", grid), ("baseline", baseline)]);
            let difference = difference(&map, &expected);
            assert!(difference < 2e-5, "{grid}, {baseline}: {difference:e}");
            let completeness = map.completeness.unwrap();
            assert!((completeness.difference - parts.sum()).abs() < 2e-5, "{completeness:?}");
            assert!(completeness.residue.abs() < 2e-5, "{completeness:?}");
            assert_eq!(map.standard_error.is_some(), rows * columns > 10, "{grid}");
        }
    }
}

#[test]
fn random_sets_give_the_shapley_values_within_their_standard_error() {
    // Each pixel counts by itself, and with its right neighbour.
    let side = 4;
    let pairs = move |x: &Array3<f64>| -> f64 {
        let at = |i: usize, j: usize| x[[0, i, j % side]];
        let places = (0..side).flat_map(|i| (0..side).map(move |j| (i, j)));
        places.map(|(i, j)| at(i, j) + 3.0 * at(i, j) * at(i, j + 1) * at(i, j + 2)).sum()
    };
    let x = numbers((1, side, side), 37);
    let expected = Array2::from_shape_fn((side, side), |(i, j)| {
        let at = |j: usize| f64::from(x[[0, i, j % side]]);
        let triple = |j: usize| at(j) * at(j + 1) * at(j + 2);
        // Each of three gets a third of what the three give together.
        at(j) + triple(j) + triple(j + side - 1) + triple(j + side - 2)
    });
    let network = Formula::of(x, pairs, Array3::clone);
    let given = [("grid", "4"), ("coalitions", "2000"), ("seed", "5")];
    let map = network.map("kernel_shap", &given);
    let squares = map.values.iter().zip(&expected).map(|(&a, b)| (f64::from(a) - b).powi(2));
    let error = (squares.sum::<f64>() / 16.0).sqrt();
    let stated = map.standard_error.unwrap();
    assert!(error > 0.3 * stated && error < 2.0 * stated, "{error}, stated {stated}");
    assert_eq!((map.samples, map.seed), (Some(2000), Some(5)));
    assert_eq!(map, network.map("kernel_shap", &given));
}

#[test]
fn scorecam_weighs_channels_by_the_softmax_of_their_logits() {
    let (x, weights) = (numbers(SHAPE, 37), numbers(SHAPE, 53));
    let network = Formula::linear(x.clone(), weights.clone(), 0.5);
    let scaled = |k: usize| {
        let channel = x.index_axis(Axis(0), k).mapv(f64::from);
        let low = channel.iter().copied().fold(f64::INFINITY, f64::min);
        let high = channel.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        channel.mapv(|a| (a - low) / (high - low))
    };
    let exponentials: Vec<f64> =
        (0..3).map(|k| (parts(&x, &weights, 0.0) * scaled(k)).sum().exp()).collect();
    let total: f64 = exponentials.iter().sum();
    let mut expected = Array2::<f64>::zeros((7, 9));
    for (k, exponential) in exponentials.iter().enumerate() {
        expected += &(x.index_axis(Axis(0), k).mapv(f64::from) * (exponential / total));
    }
    // The logit counts even where the probability is explained.
    for network in [network, Formula::linear(x, weights, 0.5).with_sigmoid()] {
        let map = network.map("scorecam", &[]);
        assert!(difference(&map, &expected) < 1e-5, "{}", difference(&map, &expected));
        assert_eq!(map.samples, Some(3));
    }
}

#[test]
fn scorecam_of_one_channel_is_that_channel_and_constant_channels_do_not_count() {
    let mut x = numbers(SHAPE, 37);
    x.index_axis_mut(Axis(0), 0).fill(7.0);
    x.index_axis_mut(Axis(0), 1).mapv_inplace(|a| 3.0 * a);
    let network = Formula::linear(x.clone(), numbers(SHAPE, 53), 0.5);
    let map = network.map("scorecam", &[("channels", "1")]);
    assert!(difference(&map, &x.index_axis(Axis(0), 1).mapv(f64::from)) < 1e-6);
    assert_eq!(network.map("scorecam", &[]).samples, Some(2));
}
