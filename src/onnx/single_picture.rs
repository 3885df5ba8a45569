//! Files for another number of pictures, for a picture without a batch axis, or for a picture as a
//! vector. They are rewritten to one picture with a batch axis, height and width.

use std::collections::HashSet;

use super::builder::attribute;
use super::pb::tensor_shape_proto::Dimension;
use super::pb::tensor_shape_proto::dimension::Value::DimValue;
use super::pb::{AttributeProto, NodeProto, TensorProto, ValueInfoProto, type_proto};
use super::{Attribute, Model, int_tensor, read_ints};

impl Model {
    /// The same model for a batch of one picture. Where the file fixes a larger batch, the targets
    /// of `Reshape` and `Expand` that begin with it begin with 1. Where the input has no batch
    /// axis, it gets one, which a `Squeeze` takes off again. Where the input is a vector, it
    /// becomes a picture of `size`, height and width, or a square one; a `Reshape` makes the vector
    /// again.
    #[must_use]
    pub fn for_one_picture(self, size: Option<[usize; 2]>) -> Self {
        let dims = match self.inputs().as_slice() {
            [input] => dims(input),
            _ => None,
        };
        match dims.as_deref() {
            Some(&[Some(batch), _, _, _]) if batch > 1 => self.with_batch_of_one(batch),
            Some(&[_, _, _]) => self.with_batch_axis(),
            Some(&[_, Some(count)]) => match picture_of(count, size) {
                Some(picture) => self.with_picture_axes(count, picture),
                None => self,
            },
            _ => self,
        }
    }

    /// Whether the input is a vector.
    #[must_use]
    pub fn takes_a_vector(&self) -> bool {
        matches!(self.inputs().as_slice(), [input] if dims(input).is_some_and(|it| it.len() == 2))
    }

    fn with_batch_of_one(mut self, batch: i64) -> Self {
        let reads_target =
            |node: &&NodeProto| matches!(node.op_type.as_str(), "Reshape" | "Expand");
        let targets = self.graph().node.iter().filter(reads_target);
        let targets: HashSet<String> = targets.filter_map(|it| it.input.get(1).cloned()).collect();
        let input = self.inputs().first().map(|input| input.name.clone()).unwrap_or_default();
        let Some(graph) = self.graph_mut() else { return self };
        let stored = graph.initializer.iter_mut().filter(|it| targets.contains(&it.name));
        stored.for_each(|target| begin_with_one(target, batch));
        for node in &mut graph.node {
            if node.op_type == "Constant" && node.output.iter().any(|it| targets.contains(it)) {
                let tensors = node.attribute.iter_mut().filter_map(|it| it.t.as_mut());
                tensors.for_each(|target| begin_with_one(target, batch));
            }
        }
        let declared = graph.input.iter_mut().find(|it| it.name == input);
        if let Some(first) = declared.and_then(|it| shape_mut(it)?.first_mut()) {
            first.value = Some(DimValue(1));
        }
        self
    }

    fn with_batch_axis(self) -> Self {
        let axes = Attribute::Ints(vec![0]);
        if self.opset() < 13 {
            let add = |dims: &mut Vec<Dimension>| dims.insert(0, fixed(1));
            return self.with_first_node("Squeeze", None, vec![attribute("axes", &axes)], add);
        }
        let axes = int_tensor("batch_axis", &[0]);
        let add = |dims: &mut Vec<Dimension>| dims.insert(0, fixed(1));
        self.with_first_node("Squeeze", Some(axes), Vec::new(), add)
    }

    fn with_picture_axes(self, count: i64, picture: [i64; 4]) -> Self {
        let shape = int_tensor("vector", &[1, count]);
        self.with_first_node("Reshape", Some(shape), Vec::new(), |dims| {
            *dims = picture.into_iter().map(fixed).collect();
        })
    }

    /// The same model with a node `operator` behind the input. Its second operand is `stored`.
    /// `change` changes the dimensions of the input, so that the node gives the ones before.
    fn with_first_node(
        mut self,
        operator: &str,
        stored: Option<TensorProto>,
        attribute: Vec<AttributeProto>,
        change: impl FnOnce(&mut Vec<Dimension>),
    ) -> Self {
        let Some(input) = self.inputs().first().map(|input| input.name.clone()) else {
            return self;
        };
        let Some(graph) = self.graph_mut() else { return self };
        let picture = format!("{input}.picture");
        let is_input = |it: &&mut ValueInfoProto| it.name == input;
        let Some(declared) = graph.input.iter_mut().find(is_input) else { return self };
        if let Some(dims) = shape_mut(declared) {
            change(dims);
        }
        let inputs = graph.node.iter_mut().flat_map(|node| &mut node.input);
        inputs.filter(|name| **name == input).for_each(|name| name.clone_from(&picture));
        let mut operands = vec![input.clone()];
        if let Some(stored) = stored {
            let name = format!("{input}.{}", stored.name);
            operands.push(name.clone());
            graph.initializer.push(TensorProto { name, ..stored });
        }
        let node = NodeProto {
            op_type: operator.to_owned(),
            input: operands,
            output: vec![picture],
            attribute,
            ..NodeProto::default()
        };
        graph.node.insert(0, node);
        self
    }
}

/// A dimension of `extent` elements.
fn fixed(extent: i64) -> Dimension {
    Dimension { value: Some(DimValue(extent)), ..Dimension::default() }
}

/// The shape of a picture that a vector of `count` numbers holds, row by row: grey, or three
/// channels one after the other. Without a `size` it is square.
fn picture_of(count: i64, size: Option<[usize; 2]>) -> Option<[i64; 4]> {
    let of_channels = |channels: i64| {
        let [height, width] = match size {
            Some(size) => size.map(|side| i64::try_from(side).unwrap_or(i64::MAX)),
            None => [((count / channels) as f64).sqrt().round() as i64; 2],
        };
        let values = channels.checked_mul(height)?.checked_mul(width)?;
        let is_picture = values == count && height.min(width) >= LEAST_SIDE;
        is_picture.then_some([1, channels, height, width])
    };
    of_channels(1).or_else(|| of_channels(3))
}

/// The least side of a picture. Fewer numbers are measurements.
const LEAST_SIDE: i64 = 8;

/// The dimensions of an input; None for an open one.
fn dims(input: &ValueInfoProto) -> Option<Vec<Option<i64>>> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter().map(|dim| match dim.value {
        Some(DimValue(value)) => Some(value),
        _ => None,
    });
    Some(dims.collect())
}

fn shape_mut(input: &mut ValueInfoProto) -> Option<&mut Vec<Dimension>> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_mut()?.value.as_mut()?;
    Some(&mut tensor.shape.as_mut()?.dim)
}

/// Replaces the first number by 1 if it is `batch`.
fn begin_with_one(target: &mut TensorProto, batch: i64) {
    let Ok(mut dims) = read_ints(target) else { return };
    if dims.first() == Some(&batch) {
        dims[0] = 1;
        let declared = target.dims.clone();
        *target = int_tensor(&target.name, &dims);
        target.dims = declared;
    }
}
