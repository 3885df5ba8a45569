//! Rules of operators that read or write elements at indices. The indices may depend on the
//! picture; they have no gradient.

use super::error::RuleError;
use super::node_context::{Cotangent, NodeContext};
use crate::onnx::{Attribute, Attributes, Element, Value};

/// y = the k largest, or least, elements along an axis. x̄ = ȳ at the places that they came from.
pub(super) fn top_k(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let (g, x) = (ctx.g(), ctx.x(0)?);
    let axis = ctx.axis(-1, x.rank())?;
    let builder = x.builder();
    let count = builder.ints(&[g.shape()[axis] as i64]);
    let attributes = [
        ("axis", Attribute::Int(axis as i64)),
        ("largest", Attribute::Int(ctx.node.int("largest", 1))),
        ("sorted", Attribute::Int(ctx.node.int("sorted", 1))),
    ];
    let outputs = [(x.element(), g.shape().to_vec()), (Element::Int, g.shape().to_vec())];
    let found = builder.nodes("TopK", &[&x, &count], &attributes, &outputs);
    Ok(g.scattered(&found[1], x.shape(), axis))
}

/// y\[p\] = x\[p with the index at p along `axis`\]. x̄ = the sums of ȳ over the places to which an
/// element went.
pub(super) fn gather_elements(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let shape = ctx.x_shape(0)?;
    let axis = ctx.axis(0, shape.len())?;
    Ok(ctx.g().scattered(&ctx.x(1)?, &shape, axis))
}

/// y = the parts of x at positions. x̄ = the sums of ȳ over the places to which a part went.
pub(super) fn gather_nd(ctx: &mut NodeContext, _: usize) -> Cotangent {
    let batch_dims = ctx.node.int("batch_dims", 0);
    if batch_dims != 0 {
        return Err(ctx.refuse("batch_dims", batch_dims));
    }
    let (g, indices, shape) = (ctx.g(), ctx.x(1)?, ctx.x_shape(0)?);
    let zeros = g.builder().zeros(&shape, g.element());
    let attributes = [("reduction", Attribute::Text("add"))];
    let inputs = [&zeros, &indices, &g];
    Ok(g.builder().node("ScatterND", &inputs, &attributes, g.element(), &shape))
}

/// y = x with other elements at some places. x̄ = ȳ, but 0 at these places; the cotangent of the
/// other elements is ȳ at these places.
pub(super) fn scatter_nd(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    refuse_reduction(ctx)?;
    let (g, indices) = (ctx.g(), ctx.x(1)?);
    let parts = ctx.x_shape(2)?;
    if argument == 2 {
        return Ok(g.builder().node("GatherND", &[&g, &indices], &[], g.element(), &parts));
    }
    let zeros = g.builder().zeros(&parts, g.element());
    let inputs = [&g, &indices, &zeros];
    Ok(g.builder().node("ScatterND", &inputs, &[], g.element(), g.shape()))
}

/// As [`scatter_nd`], with an index along one axis.
pub(super) fn scatter_elements(ctx: &mut NodeContext, argument: usize) -> Cotangent {
    refuse_reduction(ctx)?;
    let (g, indices) = (ctx.g(), ctx.x(1)?);
    let axis = ctx.axis(0, g.rank())?;
    if argument == 2 {
        return Ok(g.gathered(&indices, axis));
    }
    let zeros = g.builder().zeros(indices.shape(), g.element());
    let attributes = [("axis", Attribute::Int(axis as i64))];
    let inputs = [&g, &indices, &zeros];
    Ok(g.builder().node("ScatterElements", &inputs, &attributes, g.element(), g.shape()))
}

fn refuse_reduction(ctx: &NodeContext) -> Result<(), RuleError> {
    match ctx.node.string("reduction") {
        None | Some("" | "none") => Ok(()),
        Some(reduction) => Err(ctx.refuse("reduction", reduction)),
    }
}

/// y = x at indices of one axis that depend on the picture. x̄ = the sums of ȳ over the places to
/// which an element went.
pub(super) fn gather(ctx: &mut NodeContext, axis: usize) -> Cotangent {
    let (indices, mut shape) = (ctx.x(1)?, ctx.x_shape(0)?);
    let whole = shape.clone();
    let count = indices.shape().iter().product();
    shape[axis] = count;
    let g = ctx.g().reshape(&shape);
    let mut along = vec![1; shape.len()];
    along[axis] = count;
    let indices = indices.reshape(&along).expanded(&shape);
    Ok(g.scattered(&indices, &whole, axis))
}

impl Value {
    /// Zeros of `shape` to which the elements are added at `indices` along `axis`.
    pub(super) fn scattered(&self, indices: &Self, shape: &[usize], axis: usize) -> Self {
        let zeros = self.builder().zeros(shape, self.element());
        let attributes =
            [("axis", Attribute::Int(axis as i64)), ("reduction", Attribute::Text("add"))];
        let inputs = [&zeros, indices, self];
        self.builder().node("ScatterElements", &inputs, &attributes, self.element(), shape)
    }

    /// The elements at `indices` along `axis`.
    pub(super) fn gathered(&self, indices: &Self, axis: usize) -> Self {
        let attributes = [("axis", Attribute::Int(axis as i64))];
        let inputs = [self, indices];
        let (element, shape) = (self.element(), indices.shape());
        self.builder().node("GatherElements", &inputs, &attributes, element, shape)
    }

    /// Indices repeated to `shape`.
    pub(super) fn expanded(&self, shape: &[usize]) -> Self {
        let list: Vec<i64> = shape.iter().map(|&dim| dim as i64).collect();
        let target = self.builder().ints(&list);
        self.builder().node("Expand", &[self, &target], &[], self.element(), shape)
    }
}
