use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::nn::{Reduce, Reducer};

use super::is_used_outside;
use crate::thread_pool::parallel_chunks;

/// Sums over the elements of a vector.
pub(super) struct ReduceSum {
    /// For each element of the vector, the index of the sum to which it belongs.
    sum_of_element: Vec<usize>,
    /// The shape of the sums in the model.
    pub(super) shape: TVec<usize>,
    /// The outlet of the sums in the model.
    pub(super) outlet: OutletId,
}

impl ReduceSum {
    /// The sums over the value of node `id`, where the model uses nothing but these sums. The value
    /// may be reshaped and its axes moved before it is summed.
    pub(super) fn after(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let fact = &model.node(id).outputs[0].fact;
        let Some(shape) = fact.shape.as_concrete() else { return Ok(None) };
        let count = shape.iter().product::<usize>() as i64;
        let mut indices = Tensor::from_shape(shape, &(0..count).collect::<Vec<_>>())?;
        let mut outlet = OutletId::from(id);
        loop {
            let successors = &model.node(outlet.node).outputs[0].successors;
            let &[inlet] = successors.as_slice() else { return Ok(None) };
            if is_used_outside(model, outlet, |node| node == inlet.node) {
                return Ok(None);
            }
            let next = model.node(inlet.node);
            outlet = inlet.node.into();
            if let Some(op) = next.op_as::<AxisOp>() {
                op.change_tensor(&mut indices, false)?;
            } else if let Some(op) = next.op_as::<Reduce>().filter(|op| op.reducer == Reducer::Sum)
            {
                return Self::over_axes(&indices, &op.axes, outlet).map(Some);
            } else {
                return Ok(None);
            }
        }
    }

    /// Sums over `axes`. `indices` holds, for each element of the summed value, its index in the
    /// vector.
    fn over_axes(indices: &Tensor, axes: &[usize], outlet: OutletId) -> TractResult<Self> {
        let view = indices.try_as_plain_ram()?.to_array_view::<i64>()?;
        let kept = |axis: usize| if axes.contains(&axis) { 1 } else { view.shape()[axis] };
        let shape: TVec<usize> = (0..view.ndim()).map(kept).collect();
        let mut sum_of_element = vec![0; view.len()];
        for (position, &index) in view.indexed_iter() {
            let sum = shape.iter().enumerate().fold(0, |sum, (axis, &extent)| {
                sum * extent + if axes.contains(&axis) { 0 } else { position[axis] }
            });
            sum_of_element[usize::try_from(index)?] = sum;
        }
        Ok(Self { sum_of_element, shape, outlet })
    }

    /// The number of sums.
    fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The matrix whose product with a vector gives the sums, and its size. The product of
    /// `weights` and the vector gives the elements: by the rows of `weights`, or by its columns.
    /// The weights are summed in double precision.
    pub(super) fn sum_weights(
        &self,
        weights: &Tensor,
        size: [usize; 2],
        by_rows: bool,
    ) -> TractResult<(Arc<Tensor>, [usize; 2])> {
        let weights = weights.try_as_plain_ram()?;
        let weights = weights.as_slice::<f32>()?;
        let [_, columns] = size;
        let size = if by_rows { [self.count(), columns] } else { [size[0], self.count()] };
        let mut summed = vec![0f32; size[0] * size[1]];
        let mut rows_of_sum = vec![Vec::new(); if by_rows { self.count() } else { 0 }];
        if by_rows {
            let sums = self.sum_of_element.iter().enumerate();
            sums.for_each(|(row, &sum)| rows_of_sum[sum].push(row));
        }
        parallel_chunks(&mut summed, size[1], |index, out| {
            let row = |row: usize| &weights[row * columns..][..columns];
            let mut sums = vec![0f64; out.len()];
            if by_rows {
                for &member in &rows_of_sum[index] {
                    let values = row(member).iter();
                    sums.iter_mut().zip(values).for_each(|(sum, &w)| *sum += f64::from(w));
                }
            } else {
                let values = self.sum_of_element.iter().zip(row(index));
                values.for_each(|(&sum, &w)| sums[sum] += f64::from(w));
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum as f32);
        });
        Ok((Arc::new(Tensor::from_shape(&size, &summed)?), size))
    }
}
