//! The first principal component of a layer: the map that explains most of its channels at once.

use std::ops::Range;

use ndarray::{Array1, Array2, Array3, Axis, Slice};
use rand_distr::{Distribution, StandardNormal};

use super::AttributionError;
use super::random::generator;

/// A matrix of channels × positions that is computed block by block.
pub(super) trait Matrix {
    /// Channels, height and width.
    fn extents(&self) -> (usize, usize, usize);

    /// These channels in these rows of the picture, channels × rows × width.
    fn block(&self, channels: Range<usize>, rows: Range<usize>) -> Array3<f64>;
}

/// The projection of a matrix M, channels × positions, on its first singular vector v: Mᵀ·v.
#[derive(Debug)]
pub(super) struct PrincipalComponent {
    /// Height × width. The sign of v is arbitrary; it is chosen so that the projection agrees with
    /// the mean over channels.
    pub(super) projection: Array2<f64>,
    /// σ₁/σ₂. None where σ₂ is zero.
    pub(super) singular_value_ratio: Option<f64>,
}

/// The most elements of a block.
const BLOCK_ELEMENTS: usize = 1 << 18;

/// The most channels of a layer that has at least as many positions, and the other way round. The
/// time grows with the third power of it.
const MAX_SIDE: usize = 4096;

/// The most steps of the power iteration. Where σ₁ = σ₂ it does not converge, and the ratio tells
/// so.
const STEPS: usize = 2000;

/// The changes of the vector at which the power iteration ends. Of the second component only the
/// eigenvalue is used, whose error is the square of the vector's.
const PRECISION: f64 = 1e-12;
const SECOND_PRECISION: f64 = 1e-6;

impl PrincipalComponent {
    /// The first principal component, by power iteration on the smaller of M·Mᵀ and Mᵀ·M.
    ///
    /// # Errors
    /// [`AttributionError::TooLargeLayer`].
    pub(super) fn of(matrix: &impl Matrix) -> Result<Self, AttributionError> {
        let (channels, height, width) = matrix.extents();
        let positions = height * width;
        if channels.min(positions) > MAX_SIDE {
            let shape = [channels, height, width];
            return Err(AttributionError::TooLargeLayer { shape, limit: MAX_SIDE });
        }
        let is_wide = channels <= positions;
        let mut gram = Array2::zeros([channels.min(positions); 2]);
        let mut means = Array1::<f64>::zeros(positions);
        for_each_block(matrix, is_wide, |range, block| {
            gram += &if is_wide { block.dot(&block.t()) } else { block.t().dot(&block) };
            let sums = block.sum_axis(Axis(0));
            let part = if is_wide { Slice::from(range) } else { Slice::from(..) };
            let mut means = means.slice_axis_mut(Axis(0), part);
            means += &sums;
        });
        let (first, vector) = largest_eigenpair(&gram, PRECISION);
        let deflated = &gram - &(first * outer(&vector));
        let (second, _) = largest_eigenpair(&deflated, SECOND_PRECISION);
        let mut projection = Array1::<f64>::zeros(positions);
        if is_wide {
            for_each_block(matrix, is_wide, |range, block| {
                let mut part = projection.slice_axis_mut(Axis(0), Slice::from(range));
                part.assign(&block.t().dot(&vector));
            });
        } else {
            projection.assign(&(first.max(0.0).sqrt() * vector));
        }
        let agreement = projection.dot(&means);
        let largest = projection.fold(0.0, |a: f64, &b| if b.abs() > a.abs() { b } else { a });
        if agreement < 0.0 || agreement == 0.0 && largest < 0.0 {
            projection.mapv_inplace(|value| -value);
        }
        let projection = Array2::from_shape_fn((height, width), |(i, j)| projection[i * width + j]);
        // An eigenvalue this small is a rounding error.
        let has_second = second > f64::EPSILON * gram.nrows() as f64 * first;
        let singular_value_ratio = has_second.then(|| (first / second).sqrt().max(1.0));
        Ok(Self { projection, singular_value_ratio })
    }
}

/// Calls `each` with every block as a matrix of channels × positions. A block has all channels of
/// some positions if `is_wide`, else all positions of some channels. The range is of those
/// positions or channels.
fn for_each_block(
    matrix: &impl Matrix,
    is_wide: bool,
    mut each: impl FnMut(Range<usize>, Array2<f64>),
) {
    let (channels, height, width) = matrix.extents();
    let (units, unit) =
        if is_wide { (height, channels * width) } else { (channels, height * width) };
    let step = (BLOCK_ELEMENTS / unit.max(1)).max(1);
    for start in (0..units).step_by(step) {
        let range = start..(start + step).min(units);
        let block = match is_wide {
            true => matrix.block(0..channels, range.clone()),
            false => matrix.block(range.clone(), 0..height),
        };
        let (rows, columns) = (block.dim().0, block.dim().1 * block.dim().2);
        let positions = if is_wide { range.start * width..range.end * width } else { range };
        // A block in another memory order is copied into this one.
        let block = Array2::from_shape_vec((rows, columns), block.iter().copied().collect());
        each(positions, block.unwrap_or_default());
    }
}

/// The eigenvalue of largest magnitude of a positive semidefinite matrix, and its eigenvector.
fn largest_eigenpair(gram: &Array2<f64>, precision: f64) -> (f64, Array1<f64>) {
    let mut random = generator(0, 0);
    let mut vector =
        Array1::from_shape_simple_fn(gram.nrows(), || StandardNormal.sample(&mut random));
    vector /= norm(&vector);
    for _ in 0..STEPS {
        let mut next = gram.dot(&vector);
        let length = norm(&next);
        if length == 0.0 {
            return (0.0, vector);
        }
        next /= length;
        let change = norm(&(&next - &vector));
        vector = next;
        if change < precision {
            break;
        }
    }
    (vector.dot(&gram.dot(&vector)), vector)
}

fn norm(vector: &Array1<f64>) -> f64 {
    vector.dot(vector).sqrt()
}

fn outer(vector: &Array1<f64>) -> Array2<f64> {
    let column = vector.view().insert_axis(Axis(1));
    column.dot(&column.t())
}
