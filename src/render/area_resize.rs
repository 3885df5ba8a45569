//! Area resizing of levels for figures. Each pixel is the mean of the source area that it covers,
//! so tiles of any size are drawn at one size: large ones smooth, small ones as sharp blocks.

use ndarray::ArrayView2;

/// Resizes tiles from one size to another.
#[derive(Debug, Clone)]
pub(super) struct AreaResize {
    rows: Coverage,
    columns: Coverage,
}

impl AreaResize {
    /// Both sizes are height and width.
    pub(super) fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self { rows: Coverage::new(from.0, to.0), columns: Coverage::new(from.1, to.1) }
    }

    /// Resizes `levels`, looks each result up in `colors`, and calls `each` with every row's index
    /// and pixels.
    pub(super) fn rows<P: Copy>(
        &self,
        levels: ArrayView2<'_, u8>,
        colors: &[P; 256],
        mut each: impl FnMut(usize, &[P]),
    ) {
        let levels = levels.as_standard_layout();
        let source = levels.as_slice().unwrap_or_default();
        let width = levels.ncols().max(1);
        let mut sums = vec![0.0f32; width + self.columns.taps];
        let mut out = vec![colors[0]; self.columns.first.len()];
        for y in 0..self.rows.first.len() {
            // Result rows within one source row are equal.
            if y == 0 || !self.rows.same(y, y - 1) {
                sums.fill(0.0);
                let (first, weights) = self.rows.of(y);
                for (&weight, row) in weights.iter().zip(source.chunks_exact(width).skip(first)) {
                    let add = |(sum, &level): (&mut f32, &u8)| *sum += weight * f32::from(level);
                    sums.iter_mut().zip(row).for_each(add);
                }
                self.columns.means(&sums, colors, &mut out);
            }
            each(y, &out);
        }
    }
}

/// How much of which source pixels each result pixel covers along one side. There are `taps`
/// weights from the source pixel `first` on, which add up to 1. The last weights are 0 where a
/// result pixel covers fewer source pixels.
#[derive(Debug, Clone)]
struct Coverage {
    taps: usize,
    first: Vec<usize>,
    weights: Vec<f32>,
}

impl Coverage {
    fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let bounds = |i: usize| (i as f64 * scale, ((i + 1) as f64 * scale).min(from as f64));
        let span = |i: usize| {
            let (start, end) = bounds(i);
            (start as usize, (end.ceil() as usize).min(from))
        };
        let taps = (0..to).map(|i| span(i).1 - span(i).0).max().unwrap_or(1);
        let weight = |i: usize, j: usize| {
            let (start, end) = bounds(i);
            let covered = end.min((j + 1) as f64) - start.max(j as f64);
            (covered.max(0.0) / (end - start)) as f32
        };
        let weights = |i: usize| (span(i).0..span(i).0 + taps).map(move |j| weight(i, j));
        Self {
            taps,
            first: (0..to).map(|i| span(i).0).collect(),
            weights: (0..to).flat_map(weights).collect(),
        }
    }

    fn of(&self, i: usize) -> (usize, &[f32]) {
        (self.first[i], &self.weights[i * self.taps..][..self.taps])
    }

    fn same(&self, i: usize, j: usize) -> bool {
        self.of(i) == self.of(j)
    }

    /// The colours of the weighted means of `source`, which is `taps` longer than the side.
    fn means<P: Copy>(&self, source: &[f32], colors: &[P; 256], out: &mut [P]) {
        match self.taps {
            1 => self.means_of_taps::<1, P>(source, colors, out),
            2 => self.means_of_taps::<2, P>(source, colors, out),
            3 => self.means_of_taps::<3, P>(source, colors, out),
            taps => {
                let weights = self.weights.chunks_exact(taps);
                for ((out, &first), weights) in out.iter_mut().zip(&self.first).zip(weights) {
                    let covered = source[first..].iter().zip(weights);
                    *out = colors[nearest(covered.map(|(level, weight)| level * weight).sum())];
                }
            }
        }
    }

    /// [`means`](Self::means) for a number of taps that is known at compile time.
    fn means_of_taps<const TAPS: usize, P: Copy>(
        &self,
        source: &[f32],
        colors: &[P; 256],
        out: &mut [P],
    ) {
        let (weights, _) = self.weights.as_chunks::<TAPS>();
        for ((out, &first), weights) in out.iter_mut().zip(&self.first).zip(weights) {
            let covered = &source[first..][..TAPS];
            let mut sum = 0.0;
            for tap in 0..TAPS {
                sum += covered[tap] * weights[tap];
            }
            *out = colors[nearest(sum)];
        }
    }
}

/// The level nearest to a mean of levels. Adding 2²³ rounds to a whole number, which is then in the
/// lowest bits.
fn nearest(mean: f32) -> usize {
    usize::from((mean + 8_388_608.0).to_bits() as u8)
}
