//! Resizing of levels for figures: each pixel is the mean of the area it covers, so that tiles of any size come out at
//! one size, large ones smooth and small ones as crisp blocks.

use ndarray::{Array2, ArrayView2};

/// `levels` at height × width.
pub(super) fn resize_area(levels: ArrayView2<'_, u8>, height: usize, width: usize) -> Array2<u8> {
    let columns = shares(levels.ncols(), width);
    let rows = shares(levels.nrows(), height);
    let mut out = Array2::zeros((height, width));
    let mut sums = vec![0.0f32; levels.ncols()];
    for (mut out, share) in out.rows_mut().into_iter().zip(&rows) {
        sums.fill(0.0);
        for (&weight, y) in share.weights.iter().zip(share.first..) {
            let row = levels.row(y);
            sums.iter_mut().zip(row).for_each(|(sum, &level)| *sum += weight * f32::from(level));
        }
        for (out, share) in out.iter_mut().zip(&columns) {
            let covered = sums[share.first..].iter().zip(&share.weights);
            *out = (covered.map(|(sum, weight)| sum * weight).sum::<f32>() + 0.5) as u8;
        }
    }
    out
}

/// How much of each source pixel, from `first` on, one result pixel covers; the weights add up to 1.
struct Share {
    first: usize,
    weights: Vec<f32>,
}

fn shares(from: usize, to: usize) -> Vec<Share> {
    let scale = from as f64 / to as f64;
    let share = |i: usize| {
        let (start, end) = (i as f64 * scale, ((i + 1) as f64 * scale).min(from as f64));
        let (first, last) = (start as usize, (end.ceil() as usize).min(from));
        let covered = |j: usize| end.min((j + 1) as f64) - start.max(j as f64);
        let weights = (first..last).map(|j| (covered(j).max(0.0) / (end - start)) as f32).collect();
        Share { first, weights }
    };
    (0..to).map(share).collect()
}
