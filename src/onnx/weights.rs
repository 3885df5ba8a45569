//! A model without its large weights, and visits to all its stored tensors.

use std::collections::{HashMap, HashSet};

use super::pb::tensor_proto::DataLocation;
use super::pb::{GraphProto, TensorProto};
use super::{Element, Model, value_info};

impl Model {
    /// The same graph without the data of those initializers for whose names `is_elsewhere` is
    /// true. Afterwards [`without_data`](Self::without_data) lists them.
    #[must_use]
    pub fn without_weights(self, is_elsewhere: impl Fn(&str) -> bool) -> Self {
        self.map_initializers(|tensor| {
            if !is_elsewhere(&tensor.name) {
                return tensor;
            }
            let TensorProto { name, dims, data_type, .. } = tensor;
            TensorProto { name, dims, data_type, ..TensorProto::default() }
        })
    }

    /// The names of the initializers whose data was left out.
    #[must_use]
    pub fn without_data(&self) -> HashSet<String> {
        let without_data = self.graph().initializer.iter().filter(|tensor| lacks_data(tensor));
        without_data.map(|tensor| tensor.name.clone()).collect()
    }

    /// The same graph with `tensors` in place of the initializers of their names.
    #[must_use]
    pub fn with_weights(self, mut tensors: HashMap<String, TensorProto>) -> Self {
        self.map_initializers(|tensor| tensors.remove(&tensor.name).unwrap_or(tensor))
    }

    /// The same graph with `tensors` in place of the stored tensors of their names: initializers
    /// and the values of `Constant` nodes.
    #[must_use]
    pub fn with_stored_tensors(mut self, mut tensors: HashMap<String, TensorProto>) -> Self {
        let nodes = self.graph_mut().into_iter().flat_map(|graph| &mut graph.node);
        for node in nodes.filter(|node| node.op_type == "Constant") {
            let value = node.output.first().and_then(|name| tensors.remove(name));
            let stored = node.attribute.iter_mut().find(|attribute| attribute.name == "value");
            if let (Some(value), Some(stored)) = (value, stored) {
                stored.t = Some(value);
            }
        }
        self.with_weights(tensors)
    }

    /// The same model with those initializers as inputs, after the existing ones, whose name
    /// `is_input` accepts.
    #[must_use]
    pub fn with_initializers_as_inputs(mut self, is_input: impl Fn(&str) -> bool) -> Self {
        let Some(graph) = self.graph_mut() else { return self };
        let initializers = std::mem::take(&mut graph.initializer);
        for tensor in initializers {
            if is_input(&tensor.name) {
                let shape: Vec<usize> =
                    tensor.dims.iter().map(|&dim| dim.max(0) as usize).collect();
                graph.input.push(value_info(&tensor.name, Element::F32, &shape));
            } else {
                graph.initializer.push(tensor);
            }
        }
        self
    }

    /// Calls `visit` with every stored tensor: initializers and attributes, also those of the
    /// graphs that control-flow operators carry.
    ///
    /// # Errors
    /// The first error of `visit`.
    pub fn visit_tensors<E>(
        mut self,
        mut visit: impl FnMut(&mut TensorProto) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut graphs: Vec<&mut GraphProto> = self.graph_mut().into_iter().collect();
        while let Some(graph) = graphs.pop() {
            graph.initializer.iter_mut().try_for_each(&mut visit)?;
            for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
                attribute.t.iter_mut().chain(&mut attribute.tensors).try_for_each(&mut visit)?;
                graphs.extend(attribute.g.iter_mut().chain(&mut attribute.graphs));
            }
        }
        Ok(self)
    }
}

/// Whether a tensor has elements but no data, neither here nor in another file.
#[must_use]
pub fn lacks_data(tensor: &TensorProto) -> bool {
    let empty = tensor.raw_data.is_empty()
        && tensor.float_data.is_empty()
        && tensor.double_data.is_empty()
        && tensor.int32_data.is_empty()
        && tensor.int64_data.is_empty()
        && tensor.uint64_data.is_empty()
        && tensor.string_data.is_empty();
    let is_here = tensor.data_location != Some(DataLocation::External as i32);
    empty && is_here && tensor.dims.iter().product::<i64>() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Builder, float_tensor};

    fn model() -> Model {
        let builder = Builder::default();
        let mut value = builder.input("x", Element::F32, &[1, 2000]);
        for name in ["a", "b", "c"] {
            let weight = float_tensor(name, &[1, 2000], &[f32::from(name.as_bytes()[0]); 2000]);
            let weight = builder.initializer(weight, Element::F32);
            value = builder.node("Mul", &[&value, &weight], &[], Element::F32, &[1, 2000]);
        }
        builder.output("y", &value);
        builder.finish("graph").unwrap()
    }

    #[test]
    fn weights_that_are_put_back_give_the_same_model() {
        let bytes = model().encode();
        let without = model().without_weights(|name| name != "b");
        assert_eq!(without.without_data(), HashSet::from(["a".to_owned(), "c".to_owned()]));
        assert!(without.encode().len() < bytes.len() / 2);
        let tensors = model().tensors(&without.without_data());
        assert_eq!(without.with_weights(tensors).encode(), bytes);
    }

    #[test]
    fn every_tensor_is_visited() {
        let mut names = Vec::new();
        let visited = model().visit_tensors(|tensor| {
            names.push(tensor.name.clone());
            Ok::<_, ()>(())
        });
        assert_eq!(visited.unwrap().encode(), model().encode());
        assert_eq!(names, ["a", "b", "c"]);
        assert!(model().visit_tensors(|_| Err(())).is_err());
    }
}
