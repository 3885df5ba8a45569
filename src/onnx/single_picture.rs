//! Files for another number of pictures, or for a picture without a batch axis. They are rewritten
//! to one picture with a batch axis.

use std::collections::HashSet;

use super::pb::tensor_shape_proto::Dimension;
use super::pb::tensor_shape_proto::dimension::Value::DimValue;
use super::pb::{NodeProto, TensorProto, ValueInfoProto, type_proto};
use super::{Model, int_tensor, read_ints};

impl Model {
    /// The same model for a batch of one picture. Where the file fixes a larger batch, the targets
    /// of `Reshape` and `Expand` that begin with it begin with 1. Where the input has no batch
    /// axis, it gets one, which a `Squeeze` takes off again.
    #[must_use]
    pub fn for_one_picture(self) -> Self {
        let dims = match self.inputs().as_slice() {
            [input] => dims(input),
            _ => None,
        };
        match dims.as_deref() {
            Some(&[Some(batch), _, _, _]) if batch > 1 => self.with_batch_of_one(batch),
            Some(&[_, _, _]) => self.with_batch_axis(),
            _ => self,
        }
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

    fn with_batch_axis(mut self) -> Self {
        let has_old_squeeze = self.opset() < 13;
        let Some(input) = self.inputs().first().map(|input| input.name.clone()) else {
            return self;
        };
        let Some(graph) = self.graph_mut() else { return self };
        let picture = format!("{input}.picture");
        let axes = format!("{input}.batch_axis");
        let is_input = |it: &&mut ValueInfoProto| it.name == input;
        let Some(declared) = graph.input.iter_mut().find(is_input) else { return self };
        let one = Dimension { value: Some(DimValue(1)), ..Dimension::default() };
        if let Some(dims) = shape_mut(declared) {
            dims.insert(0, one);
        }
        let inputs = graph.node.iter_mut().flat_map(|node| &mut node.input);
        inputs.filter(|name| **name == input).for_each(|name| name.clone_from(&picture));
        let mut squeeze = NodeProto {
            op_type: "Squeeze".to_owned(),
            input: vec![input, axes.clone()],
            output: vec![picture],
            ..NodeProto::default()
        };
        if has_old_squeeze {
            squeeze.input.truncate(1);
            squeeze
                .attribute
                .push(super::builder::attribute("axes", &super::Attribute::Ints(vec![0])));
        } else {
            graph.initializer.push(int_tensor(&axes, &[0]));
        }
        graph.node.insert(0, squeeze);
        self
    }
}

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
