//! Bilinear interpolation, as in OpenCV.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

/// `cv2.resize(map, (width, height))` for float32: `INTER_LINEAR`, half-pixel centres, edges
/// clamped, no antialiasing. An empty map gives zeros.
pub fn resize_linear(map: ArrayView2<'_, f32>, width: usize, height: usize) -> Array2<f32> {
    let mut out = Array2::zeros((height, width));
    rows_linear(map, (width, height), 0..height, |y, row| {
        out.row_mut(y).iter_mut().zip(row).for_each(|(out, &value)| *out = value);
    });
    out
}

/// As [`resize_linear`], but calls `each` with one row of `rows` after the other, so a large result
/// is never held as floats.
pub(super) fn rows_linear(
    map: ArrayView2<'_, f32>,
    (width, height): (usize, usize),
    rows: Range<usize>,
    mut each: impl FnMut(usize, &[f32]),
) {
    if map.is_empty() {
        return;
    }
    let columns = taps(map.ncols(), width);
    let mut above = InterpolatedRow { index: usize::MAX, row: vec![0.0; width] };
    let mut below = above.clone();
    let mut out = vec![0.0; width];
    let taps = taps(map.nrows(), height).into_iter().enumerate();
    for (y, tap) in taps.skip(rows.start).take(rows.len()) {
        if below.index == tap.index {
            std::mem::swap(&mut above, &mut below);
        }
        above.fill(map, tap.index, &columns);
        below.fill(map, (tap.index + 1).min(map.nrows() - 1), &columns);
        for ((out, &a), &b) in out.iter_mut().zip(&above.row).zip(&below.row) {
            *out = a * (1.0 - tap.fraction) + b * tap.fraction;
        }
        each(y, &out);
    }
}

/// A result pixel lies between the source pixels `index` and `index + 1`.
struct Tap {
    index: usize,
    fraction: f32,
}

/// Positions `(i + 0.5) · scale − 0.5`, clamped, rounded as OpenCV's `resizeGeneric` rounds them.
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = 1.0 / (to as f64 / from as f64);
    let tap = |i: usize| {
        let position = ((i as f64 + 0.5) * scale - 0.5) as f32;
        let floor = position.floor();
        if floor < 0.0 {
            Tap { index: 0, fraction: 0.0 }
        } else if floor as usize >= from - 1 {
            Tap { index: from - 1, fraction: 0.0 }
        } else {
            Tap { index: floor as usize, fraction: position - floor }
        }
    };
    (0..to).map(tap).collect()
}

/// One source row, interpolated along its length.
#[derive(Clone)]
struct InterpolatedRow {
    index: usize,
    row: Vec<f32>,
}

impl InterpolatedRow {
    fn fill(&mut self, map: ArrayView2<'_, f32>, index: usize, columns: &[Tap]) {
        if self.index == index {
            return;
        }
        self.index = index;
        let source = map.row(index);
        let last = map.ncols() - 1;
        for (out, tap) in self.row.iter_mut().zip(columns) {
            let next = source[(tap.index + 1).min(last)];
            *out = source[tap.index] * (1.0 - tap.fraction) + next * tap.fraction;
        }
    }
}
