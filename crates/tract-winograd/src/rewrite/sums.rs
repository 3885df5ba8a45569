use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::nn::{Reduce, Reducer};

use super::chain::is_asked_for;
use crate::team::share_chunks;

/// Sums over elements of a vector, as a model computes them.
pub(super) struct Sums {
    /// Which of the sums each element of the vector goes into.
    of: Vec<usize>,
    /// The shape of the sums, as the model has it.
    pub(super) shape: TVec<usize>,
    /// Where they stand in the model.
    pub(super) outlet: OutletId,
}

impl Sums {
    /// The sums that are all that is wanted of the value of node `id`, whatever shape it is brought
    /// into before.
    pub(super) fn of(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let fact = &model.node(id).outputs[0].fact;
        let Some(shape) = fact.shape.as_concrete() else { return Ok(None) };
        let count = shape.iter().product::<usize>() as i64;
        let mut places = Tensor::from_shape(shape, &(0..count).collect::<Vec<_>>())?;
        let mut outlet = OutletId::from(id);
        loop {
            let successors = &model.node(outlet.node).outputs[0].successors;
            let &[inlet] = successors.as_slice() else { return Ok(None) };
            if is_asked_for(model, outlet, |node| node == inlet.node) {
                return Ok(None);
            }
            let next = model.node(inlet.node);
            outlet = inlet.node.into();
            if let Some(op) = next.op_as::<AxisOp>() {
                op.change_tensor(&mut places, false)?;
            } else if let Some(op) = next.op_as::<Reduce>().filter(|op| op.reducer == Reducer::Sum)
            {
                return Self::along(&places, &op.axes, outlet).map(Some);
            } else {
                return Ok(None);
            }
        }
    }

    /// Sums over `axes` of a value whose elements were at `places` of the vector.
    fn along(places: &Tensor, axes: &[usize], outlet: OutletId) -> TractResult<Self> {
        let view = places.try_as_plain_ram()?.to_array_view::<i64>()?;
        let kept = |axis: usize| if axes.contains(&axis) { 1 } else { view.shape()[axis] };
        let shape: TVec<usize> = (0..view.ndim()).map(kept).collect();
        let mut of = vec![0; view.len()];
        for (index, &place) in view.indexed_iter() {
            let sum = shape.iter().enumerate().fold(0, |sum, (axis, &extent)| {
                sum * extent + if axes.contains(&axis) { 0 } else { index[axis] }
            });
            of[usize::try_from(place)?] = sum;
        }
        Ok(Self { of, shape, outlet })
    }

    /// How many sums there are.
    fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The matrix whose product with a vector gives the sums, `weights` being the one whose product
    /// gives the summed elements, by its rows or by its columns; with its size. Computed in double
    /// precision.
    pub(super) fn summed(
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
        let mut rows = vec![Vec::new(); if by_rows { self.count() } else { 0 }];
        if by_rows {
            self.of.iter().enumerate().for_each(|(row, &sum)| rows[sum].push(row));
        }
        share_chunks(&mut summed, size[1], |index, out| {
            let row = |row: usize| &weights[row * columns..][..columns];
            let mut sums = vec![0f64; out.len()];
            if by_rows {
                for &member in &rows[index] {
                    let values = row(member).iter();
                    sums.iter_mut().zip(values).for_each(|(sum, &w)| *sum += f64::from(w));
                }
            } else {
                self.of.iter().zip(row(index)).for_each(|(&to, &w)| sums[to] += f64::from(w));
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum as f32);
        });
        Ok((Arc::new(Tensor::from_shape(&size, &summed)?), size))
    }
}
