//! Operators that are linear along one axis, with the same matrix for every picture: they pick,
//! mirror or interpolate elements. Their adjoint is the product with the transposed matrix.

use super::error::RuleError;
use crate::onnx::Value;

/// The most entries that a matrix in the gradient graph may have.
const MAX_ENTRIES: usize = 1 << 22;

/// A matrix of constants, with one row per output element and one column per input element.
#[derive(Debug)]
pub(super) struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// A matrix of zeros. It is refused if it has more than [`MAX_ENTRIES`].
    pub(super) fn zeros(rows: usize, columns: usize) -> Result<Self, RuleError> {
        match rows.checked_mul(columns) {
            Some(count) if count <= MAX_ENTRIES => {
                Ok(Self { rows, columns, values: vec![0.0; count] })
            }
            _ => Err(RuleError(format!(
                "its matrix of {rows} × {columns} has more than {MAX_ENTRIES} entries"
            ))),
        }
    }

    /// The matrix whose row r picks element `picks[r]`, or is zero.
    pub(super) fn picking(picks: &[Option<usize>], columns: usize) -> Result<Self, RuleError> {
        let mut matrix = Self::zeros(picks.len(), columns)?;
        for (row, pick) in picks.iter().enumerate() {
            if let Some(column) = *pick {
                matrix.add(row, column, 1.0);
            }
        }
        Ok(matrix)
    }

    /// Adds `weight` to one entry.
    pub(super) fn add(&mut self, row: usize, column: usize, weight: f32) {
        self.values[row * self.columns + column] += weight;
    }

    /// The entries, row by row.
    #[cfg(test)]
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    fn transposed(&self) -> Vec<f32> {
        let entry = |at: usize| self.values[(at % self.rows) * self.columns + at / self.rows];
        (0..self.values.len()).map(entry).collect()
    }

    /// x̄ = Mᵀȳ for y = Mx along `axis`.
    pub(super) fn adjoint(&self, g: &Value, axis: usize) -> Value {
        let mut shape = g.shape().to_vec();
        let outer: usize = shape[..axis].iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        let flat = g.reshape(&[outer, self.rows, inner]);
        let b = g.builder();
        let product = if inner == 1 {
            let matrix = b.floats("matrix", &[self.rows, self.columns], &self.values);
            flat.reshape(&[outer, self.rows]).matmul(&matrix.cast(g.element()))
        } else {
            let matrix = b.floats("matrix", &[self.columns, self.rows], &self.transposed());
            matrix.cast(g.element()).matmul(&flat)
        };
        shape[axis] = self.columns;
        product.reshape(&shape)
    }
}
