use super::{Value, broadcast};
use crate::onnx::Element;
use crate::onnx::builder::Attribute;

/// Operations that change the shape: products, reductions, rearrangements. Axes are counted from
/// the front.
impl Value {
    /// Matrix product over the last two axes, the others broadcast. Both have at least two.
    #[must_use]
    pub fn matmul(&self, other: &Self) -> Self {
        let (left, rows) = self.shape.split_at(self.rank() - 2);
        let (right, columns) = other.shape.split_at(other.rank() - 2);
        let mut shape = broadcast(left, right);
        shape.extend([rows[0], columns[1]]);
        self.builder.node("MatMul", &[self, other], &[], self.element, &shape)
    }

    /// The last two axes exchanged.
    #[must_use]
    pub fn matrix_transpose(&self) -> Self {
        let mut permutation: Vec<usize> = (0..self.rank()).collect();
        permutation.swap(self.rank() - 2, self.rank() - 1);
        self.transpose(&permutation)
    }

    /// Sum over `axes`, which stay with extent 1.
    #[must_use]
    pub fn sum(&self, axes: &[usize]) -> Self {
        if axes.is_empty() {
            return self.clone();
        }
        let list: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let axes_value = self.builder.ints(&list);
        let shape = reduced(&self.shape, axes);
        let attributes = [("keepdims", Attribute::Int(1))];
        self.builder.node("ReduceSum", &[self, &axes_value], &attributes, self.element, &shape)
    }

    /// Mean over `axes`, which stay with extent 1.
    #[must_use]
    pub fn mean(&self, axes: &[usize]) -> Self {
        if axes.is_empty() {
            return self.clone();
        }
        let list: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let attributes = [("axes", Attribute::Ints(list)), ("keepdims", Attribute::Int(1))];
        self.shaped("ReduceMean", &attributes, &reduced(&self.shape, axes))
    }

    /// The index of the first maximum along `axis`, which stays with extent 1.
    #[must_use]
    pub fn argmax(&self, axis: usize) -> Self {
        let attributes = [("axis", Attribute::Int(axis as i64)), ("keepdims", Attribute::Int(1))];
        let shape = reduced(&self.shape, &[axis]);
        self.builder.node("ArgMax", &[self], &attributes, Element::Int, &shape)
    }

    /// The adjoint of broadcasting `shape` to this value's shape: sums over what was repeated.
    #[must_use]
    pub fn sum_to(&self, shape: &[usize]) -> Self {
        if *self.shape == *shape {
            return self.clone();
        }
        let lead = self.rank().saturating_sub(shape.len());
        let axes: Vec<usize> = (0..self.rank())
            .filter(|&axis| axis < lead || (shape[axis - lead] == 1 && self.shape[axis] != 1))
            .collect();
        self.sum(&axes).reshape(shape)
    }

    /// Broadcasts to `shape`.
    ///
    /// This is a product with ones and not an Expand, because tract 0.23 drops an Expand in front
    /// of a matrix product or a 1×1 convolution.
    #[must_use]
    pub fn broadcast_to(&self, shape: &[usize]) -> Self {
        self.scaled_to(shape, 1.0)
    }

    /// `factor` times this, broadcast to `shape`.
    #[must_use]
    pub fn scaled_to(&self, shape: &[usize], factor: f32) -> Self {
        if *self.shape == *shape {
            return if factor == 1.0 { self.clone() } else { self * factor };
        }
        let lead = shape.len() - self.rank();
        let is_repeated = |axis: usize| axis < lead || self.shape[axis - lead] != shape[axis];
        let first = (0..shape.len()).find(|&axis| is_repeated(axis)).unwrap_or_default();
        let extent = |axis| if is_repeated(axis) { shape[axis] } else { 1 };
        let extents: Vec<usize> = (first..shape.len()).map(extent).collect();
        self * self.builder.filled(&extents, factor).cast(self.element)
    }

    /// The same elements in another shape.
    #[must_use]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        if *self.shape == *shape {
            return self.clone();
        }
        let list: Vec<i64> = shape.iter().map(|&dim| dim as i64).collect();
        let target = self.builder.ints(&list);
        self.builder.node("Reshape", &[self, &target], &[], self.element, shape)
    }

    /// Axis i of the result is axis `permutation[i]` of this.
    #[must_use]
    pub fn transpose(&self, permutation: &[usize]) -> Self {
        if permutation.iter().enumerate().all(|(to, &from)| to == from) {
            return self.clone();
        }
        let shape: Vec<usize> = permutation.iter().map(|&axis| self.shape[axis]).collect();
        let list = permutation.iter().map(|&axis| axis as i64).collect();
        self.shaped("Transpose", &[("perm", Attribute::Ints(list))], &shape)
    }

    /// This with zeros added before and after it along one axis.
    #[must_use]
    pub fn pad(&self, axis: usize, before: usize, after: usize) -> Self {
        if before == 0 && after == 0 {
            return self.clone();
        }
        self.pad_with(axis, before, after, 0.0)
    }

    /// This with `fill` added before and after it along one axis.
    #[must_use]
    pub fn pad_with(&self, axis: usize, before: usize, after: usize, fill: f32) -> Self {
        let mut pads = vec![0; 2 * self.rank()];
        pads[axis] = before as i64;
        pads[axis + self.rank()] = after as i64;
        let mut shape = self.shape.to_vec();
        shape[axis] += before + after;
        let pads = self.builder.ints(&pads);
        self.builder.node("Pad", &[self, &pads, &self.constant(fill)], &[], self.element, &shape)
    }

    /// The elements `start`, `start + step`, … below `end` along one axis.
    #[must_use]
    pub fn slice(&self, axis: usize, start: usize, end: usize, step: usize) -> Self {
        if start == 0 && end >= self.shape[axis] && step == 1 {
            return self.clone();
        }
        let mut shape = self.shape.to_vec();
        shape[axis] = end.min(shape[axis]).saturating_sub(start).div_ceil(step);
        let b = &self.builder;
        let bounds = [start, end, axis, step].map(|number| b.ints(&[number as i64]));
        let inputs = [self, &bounds[0], &bounds[1], &bounds[2], &bounds[3]];
        b.node("Slice", &inputs, &[], self.element, &shape)
    }

    /// `values`, of which there is at least one, one after the other along `axis`.
    #[must_use]
    pub fn concat(values: &[Self], axis: usize) -> Self {
        let first = &values[0];
        if values.len() == 1 {
            return first.clone();
        }
        let mut shape = first.shape.to_vec();
        shape[axis] = values.iter().map(|value| value.shape[axis]).sum();
        let inputs: Vec<&Self> = values.iter().collect();
        let attributes = [("axis", Attribute::Int(axis as i64))];
        first.builder.node("Concat", &inputs, &attributes, first.element, &shape)
    }
}

fn reduced(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    let extent = |(axis, &dim): (usize, &usize)| if axes.contains(&axis) { 1 } else { dim };
    shape.iter().enumerate().map(extent).collect()
}
