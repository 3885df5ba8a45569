use std::sync::Arc;

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::einsum::EinSum;

use super::constants::floats;
use super::{GraphRewriter, Match};
use crate::matmul::{Bias, MatmulLayout, Offsets};
use crate::op::Product;

/// Fewer multiplications are left to tract.
const MIN_MULTIPLICATIONS: usize = 1 << 13;

/// A product with fewer rows is a product of a matrix and a vector, or of few.
const MIN_ROWS: usize = 4;

/// An axis of a product: its extent, and its place in the output.
struct OutputAxis {
    extent: usize,
    position: Option<usize>,
    /// In the first factor, the second one and the output; zero where the axis is absent.
    strides: [usize; 3],
}

/// A product of two float32 values, in which the last axis of the output comes from one of them.
pub(super) struct ProductMatch {
    factors: [OutletId; 2],
    rows: Vec<OutputAxis>,
    columns: Vec<OutputAxis>,
    layout: MatmulLayout,
    output: TVec<usize>,
}

impl Match for ProductMatch {
    fn find(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let node = model.node(id);
        let Some(product) = node.op_as::<EinSum>() else { return Ok(None) };
        let facts = model.node_input_facts(id)?;
        let is_float = |fact: &&TypedFact| fact.datum_type == f32::datum_type() && fact.is_plain();
        let [a, b] = facts.as_slice() else { return Ok(None) };
        if product.q_params.is_some() || !facts.iter().all(is_float) {
            return Ok(None);
        }
        let output = &node.outputs[0].fact;
        let shapes = [a, b, output].map(|fact| fact.shape.as_concrete());
        let [Some(a), Some(b), Some(output)] = shapes else { return Ok(None) };
        let output = TVec::from(output);
        let [mut batch, mut rows, mut depth, mut columns] = [const { Vec::new() }; 4];
        for axis in product.axes.iter_all_axes() {
            let places = [&axis.inputs[0], &axis.inputs[1], &axis.outputs[0]];
            if places.iter().any(|places| places.len() > 1) {
                return Ok(None);
            }
            let shapes = [a, b, &output];
            let places = [0, 1, 2].map(|array| {
                places[array].first().copied().filter(|&place| shapes[array][place] != 1)
            });
            let Some(extent) =
                places.iter().zip(shapes).find_map(|(place, shape)| place.map(|at| shape[at]))
            else {
                continue;
            };
            let strides = [0, 1, 2].map(|array| {
                places[array].map_or(0, |at| shapes[array][at + 1..].iter().product::<usize>())
            });
            let axes = match places.map(|place| place.is_some()) {
                [true, true, true] => &mut batch,
                [true, false, true] => &mut rows,
                [false, true, true] => &mut columns,
                [true, true, false] => &mut depth,
                _ => return Ok(None),
            };
            axes.push(OutputAxis { extent, position: places[2], strides });
        }
        let mut factors = [node.inputs[0], node.inputs[1]];
        let last = |axes: &[OutputAxis]| axes.iter().filter_map(|axis| axis.position).max();
        if last(&rows) > last(&columns) {
            // Vectors hold adjacent outputs, which are columns.
            std::mem::swap(&mut rows, &mut columns);
            factors.swap(0, 1);
            for axis in batch.iter_mut().chain(&mut rows).chain(&mut columns).chain(&mut depth) {
                axis.strides.swap(0, 1);
            }
        }
        if last(&batch) > last(&columns) {
            return Ok(None);
        }
        for axes in [&mut batch, &mut rows, &mut columns] {
            axes.sort_by_key(|axis| axis.position);
        }
        depth.sort_by_key(|axis| std::cmp::Reverse(axis.strides[1]));
        let size = |axes: &[OutputAxis]| axes.iter().map(|axis| axis.extent).product::<usize>();
        let multiplications = [&batch, &rows, &columns, &depth].map(|axes| size(axes));
        if multiplications.iter().product::<usize>() < MIN_MULTIPLICATIONS
            || size(&rows) < MIN_ROWS
            || depth.is_empty()
        {
            return Ok(None);
        }
        let layout = MatmulLayout {
            batch: offsets(&batch, [0, 1, 2]),
            rows: offsets(&rows, [0, 2]),
            depth: offsets(&depth, [0, 1]),
            columns: offsets(&columns, [1, 2]),
        };
        Ok(Some(Self { factors, rows, columns, layout, output }))
    }

    fn replace(
        self,
        model: &mut TypedModel,
        id: usize,
        rewriter: &GraphRewriter,
    ) -> TractResult<()> {
        let GraphRewriter { isa, ref buffers, .. } = *rewriter;
        let mut last = OutletId::from(id);
        let mut bias = Bias::None;
        if let Some((next, found)) = self.bias(model, last)? {
            (last, bias) = (next, found);
        }
        let residual = self.residual(model, last)?;
        let mut patch = TypedModelPatch::default();
        let mut inputs = tvec![];
        for factor in self.factors {
            inputs.push(patch.tap_model(model, factor)?);
        }
        if let Some((next, other)) = residual {
            inputs.push(patch.tap_model(model, other)?);
            last = next;
        }
        let (layout, output) = (Arc::new(self.layout), self.output);
        let op = Product { isa, layout, bias, output, buffers: Arc::clone(buffers) };
        let name = model.node(last.node).name.clone();
        let wire = patch.wire_node(name, op, &inputs)?[0];
        patch.shunt_outside(model, last, wire)?;
        patch.apply(model)
    }
}

impl ProductMatch {
    /// The addition of a constant to `product`, if it is the only use and the constant has a value
    /// for each row or for each column.
    fn bias(&self, model: &TypedModel, product: OutletId) -> TractResult<Option<(OutletId, Bias)>> {
        let Some((next, other)) = self.addition(model, product)? else { return Ok(None) };
        let fact = model.outlet_fact(other)?;
        let Some(constant) = &fact.konst else { return Ok(None) };
        let shape = constant.shape();
        if constant.rank() != self.output.len() || constant.datum_type() != f32::datum_type() {
            return Ok(None);
        }
        let values = floats(constant)?;
        for (axes, is_rows) in [(&self.columns, false), (&self.rows, true)] {
            let has = |place: usize| axes.iter().any(|axis| axis.position == Some(place));
            if (0..shape.len()).any(|place| shape[place] != 1 && !has(place)) {
                continue;
            }
            let strided: Vec<OutputAxis> = axes
                .iter()
                .map(|axis| {
                    let place = axis.position.filter(|&place| shape[place] != 1);
                    let stride = place.map_or(0, |at| shape[at + 1..].iter().product());
                    OutputAxis { strides: [stride, 0, 0], ..*axis }
                })
                .collect();
            let bias = offsets(&strided, [0]).0.into_iter().map(|[at]| values[at]).collect();
            let bias = if is_rows { Bias::Rows(bias) } else { Bias::Columns(bias) };
            return Ok(Some((next, bias)));
        }
        Ok(None)
    }

    /// The addition of another value of the same shape to `sum`, and that value.
    fn residual(
        &self,
        model: &TypedModel,
        sum: OutletId,
    ) -> TractResult<Option<(OutletId, OutletId)>> {
        let Some((next, other)) = self.addition(model, sum)? else { return Ok(None) };
        let fact = model.outlet_fact(other)?;
        let is_same = fact.datum_type == f32::datum_type()
            && fact.is_plain()
            && fact.shape.as_concrete() == Some(&self.output);
        Ok(is_same.then_some((next, other)))
    }

    /// The addition that is the only use of `value`, and its other summand. With another use, the
    /// other summand might depend on `value`.
    fn addition(
        &self,
        model: &TypedModel,
        value: OutletId,
    ) -> TractResult<Option<(OutletId, OutletId)>> {
        let readers = &model.node(value.node).outputs[value.slot].successors;
        let &[inlet] = readers.as_slice() else { return Ok(None) };
        let node = model.node(inlet.node);
        let is_addition = node.op_as::<TypedBinOp>().is_some_and(|op| op.0.name() == "Add");
        let is_same = node.outputs[0].fact.shape.as_concrete() == Some(&self.output);
        if !is_addition || !is_same || model.outputs.contains(&value) {
            return Ok(None);
        }
        Ok(Some((node.id.into(), node.inputs[1 - inlet.slot])))
    }
}

/// The offsets of all combinations of indices of `axes`, the last one fastest, in some arrays.
fn offsets<const N: usize>(axes: &[OutputAxis], arrays: [usize; N]) -> Offsets<N> {
    let mut all = vec![[0; N]];
    for axis in axes {
        let strides = arrays.map(|array| axis.strides[array]);
        let next = |base: [usize; N], index: usize| {
            let mut offsets = base;
            offsets.iter_mut().zip(strides).for_each(|(offset, stride)| *offset += index * stride);
            offsets
        };
        all = all
            .into_iter()
            .flat_map(|base| (0..axis.extent).map(move |index| next(base, index)))
            .collect();
    }
    Offsets(all)
}
