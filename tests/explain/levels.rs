//! Statistics and levels of a layer, in both memory orders.

use convscope::explain::{Normalize, Order, channel_statistics, levels, select};
use convscope::render::Colormap;
use ndarray::{Array3, Axis};

use super::{close, cube, stored_last};
use crate::preprocess::{bytes, reference};

#[test]
fn statistics_are_those_of_numpy() {
    let layer = cube("layers/activations.npy");
    let expected: Vec<serde_json::Value> =
        serde_json::from_slice(&bytes("layers/statistics.json")).unwrap();
    for view in [layer.view(), stored_last(&layer).view()] {
        let found = channel_statistics(view);
        assert_eq!(found.len(), expected.len());
        for (k, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(close(found, expected), "channel {k}: {found:?}");
            assert_eq!(found.dead, k == 5);
            assert_eq!(found.not_finite, 0);
        }
    }
}

/// At most one pixel in a thousand may be one level off.
fn assert_nearly_equal(found: impl Iterator<Item = u8>, expected: impl Iterator<Item = u8>) {
    let pairs: Vec<(u8, u8)> = found.zip(expected).collect();
    let off = pairs.iter().filter(|(a, b)| a != b).count();
    assert!(pairs.iter().all(|(a, b)| a.abs_diff(*b) <= 1));
    assert!(off * 1000 <= pairs.len(), "{off} of {} differ", pairs.len());
}

#[test]
fn standard_levels_are_those_of_the_books_code_in_numpy() {
    let layer = cube("layers/activations.npy");
    let grid = image::open(reference("layers/levels_standard.png")).unwrap().into_luma8();
    let all: Vec<usize> = (0..20).collect();
    for view in [layer.view(), stored_last(&layer).view()] {
        let found = levels(view, &channel_statistics(view), &all, Normalize::Standard);
        let expected = found.indexed_iter().map(|((k, y, x), _)| {
            grid.get_pixel((k % 16 * 17 + x) as u32, (k / 16 * 12 + y) as u32).0[0]
        });
        assert_nearly_equal(found.iter().copied(), expected);
    }
}

#[test]
fn minmax_and_layer_are_those_of_matplotlib() {
    let layer = cube("layers/activations.npy");
    let statistics = channel_statistics(layer.view());
    let rows = Colormap::Viridis.rows();
    for (normalize, file) in
        [(Normalize::MinMax, "channel_3_minmax"), (Normalize::Layer, "channel_3_layer")]
    {
        let found = levels(layer.view(), &statistics, &[3], normalize);
        let expected = image::open(reference(&format!("layers/{file}.png"))).unwrap().into_rgb8();
        let found: Vec<[u8; 3]> = found.iter().map(|&level| rows[usize::from(level)]).collect();
        let expected: Vec<[u8; 3]> = expected.pixels().map(|pixel| pixel.0).collect();
        let off = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert!(off * 1000 <= found.len(), "{file}: {off} of {}", found.len());
    }
}

#[test]
fn channels_are_sorted_largest_first_and_ties_by_index() {
    let layer = Array3::from_shape_fn((4, 1, 2), |(k, _, x)| {
        [[1.0, 1.0], [0.0, 4.0], [3.0, 3.0], [-1.0, 3.0]][k][x]
    });
    let statistics = channel_statistics(layer.view());
    assert_eq!(select(&statistics, Order::Index, None), [0, 1, 2, 3]);
    assert_eq!(select(&statistics, Order::Mean, None), [2, 1, 0, 3]);
    assert_eq!(select(&statistics, Order::Max, None), [1, 2, 3, 0]);
    assert_eq!(select(&statistics, Order::Std, Some(3)), [1, 3, 0]);
}

#[test]
fn values_that_are_not_finite_are_counted_and_never_panic() {
    let mut layer = Array3::<f32>::from_shape_fn((4, 3, 3), |(_, y, x)| (3 * y + x) as f32);
    layer[(0, 1, 1)] = f32::NAN;
    layer[(1, 0, 0)] = f32::INFINITY;
    layer[(1, 0, 1)] = f32::NEG_INFINITY;
    layer.index_axis_mut(Axis(0), 2).fill(f32::NAN);
    layer.index_axis_mut(Axis(0), 3).assign(&ndarray::arr2(&[[f32::MAX, f32::MIN, 0.0]]));
    let statistics = channel_statistics(layer.view());
    let counts: Vec<usize> = statistics.iter().map(|channel| channel.not_finite).collect();
    assert_eq!(counts, [1, 2, 9, 0]);
    assert_eq!((statistics[0].mean, statistics[0].max), (4.0, 8.0));
    assert!(!statistics[0].dead && statistics[2].dead);
    assert!(statistics.iter().all(|s| s.mean.is_finite() && s.std.is_finite()));
    for normalize in [Normalize::Standard, Normalize::MinMax, Normalize::Layer] {
        let found = levels(layer.view(), &statistics, &[0, 1, 2, 3], normalize);
        assert_eq!(found[(0, 1, 1)], 0, "NaN is level 0");
        if normalize != Normalize::Layer {
            assert_eq!((found[(1, 0, 0)], found[(1, 0, 1)]), (255, 0));
        }
        assert!(found.index_axis(Axis(0), 2).iter().all(|&level| level == 0));
    }
}
