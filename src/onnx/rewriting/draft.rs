use std::collections::{HashMap, HashSet};

use crate::onnx::builder::{Attribute, attribute};
use crate::onnx::pb::tensor_proto::DataType;
use crate::onnx::pb::tensor_shape_proto::dimension::Value::DimValue;
use crate::onnx::pb::type_proto::Value::TensorType;
use crate::onnx::pb::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::onnx::{Attributes, OnnxError, float_tensor, int_tensor, read_ints, reads};

/// Writes the nodes that replace `node` into the draft. False if the node stays as it is.
pub(super) type Rewrite = fn(&NodeProto, &mut Draft) -> Result<bool, OnnxError>;

/// The nodes and stored tensors of a graph that is being rewritten.
pub(super) struct Draft {
    /// The operator set of the model.
    pub(super) opset: i64,
    /// The rewriting of a node's operator, if there is one.
    find: fn(&NodeProto) -> Option<Rewrite>,
    /// The longest side of an input that a graph declares.
    pub(super) largest_side: i64,
    nodes: Vec<NodeProto>,
    /// Stored tensors, by name.
    tensors: HashMap<String, TensorProto>,
    /// The names of initializers, in the order of the file.
    order: Vec<String>,
    /// The names in use.
    taken: HashSet<String>,
    /// The name of the value that is being rewritten. New values are named after it.
    scope: String,
}

/// The longest side of a picture for an input of unknown size.
const LEAST_SIDE: i64 = 1024;

impl Draft {
    /// Takes the initializers out of `graph`. [`finish`](Self::finish) puts them back.
    pub(super) fn new(
        graph: &mut GraphProto,
        opset: i64,
        find: fn(&NodeProto) -> Option<Rewrite>,
    ) -> Self {
        let taken = names(graph);
        let initializers = std::mem::take(&mut graph.initializer);
        let order = initializers.iter().map(|tensor| tensor.name.clone()).collect();
        let mut tensors: HashMap<String, TensorProto> =
            initializers.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        for node in graph.node.iter().filter(|node| node.op_type == "Constant") {
            if let (Some(name), Some(tensor)) = (node.output.first(), node.tensor("value")) {
                tensors.insert(name.clone(), tensor.clone());
            }
        }
        let sides = graph.input.iter().flat_map(dims);
        let largest_side = sides.max().unwrap_or(0).max(LEAST_SIDE);
        Self {
            opset,
            find,
            largest_side,
            nodes: Vec::new(),
            tensors,
            order,
            taken,
            scope: String::new(),
        }
    }

    /// Puts the nodes into `graph`, and the initializers that they read.
    pub(super) fn finish(mut self, graph: &mut GraphProto) {
        let outputs = graph.output.iter().map(|output| output.name.as_str());
        let read: HashSet<&str> = self.nodes.iter().flat_map(reads).chain(outputs).collect();
        let stored = self.order.iter().filter(|name| read.contains(name.as_str()));
        graph.initializer = stored.filter_map(|name| self.tensors.remove(name)).collect();
        graph.node = self.nodes;
    }

    /// Adds `node`, or the nodes that replace it.
    pub(super) fn rewrite(&mut self, node: NodeProto) -> Result<(), OnnxError> {
        if let Some(rewrite) = (self.find)(&node) {
            let scope = node.output.first().cloned().unwrap_or_default();
            let outer = std::mem::replace(&mut self.scope, scope);
            let is_rewritten = rewrite(&node, self);
            self.scope = outer;
            if is_rewritten? {
                return Ok(());
            }
        }
        self.nodes.push(node);
        Ok(())
    }

    /// The stored tensor that `name` stands for.
    pub(super) fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.tensors.get(name)
    }

    /// Adds a node with one new output and returns the output's name.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> Result<String, OnnxError> {
        let output = self.name(&operator.to_lowercase());
        self.node_to(&output, operator, inputs, attributes)?;
        Ok(output)
    }

    /// Adds a node that computes `output`.
    pub(super) fn node_to(
        &mut self,
        output: &str,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> Result<(), OnnxError> {
        self.rewrite(NodeProto {
            name: output.to_owned(),
            op_type: operator.to_owned(),
            input: owned(inputs),
            output: vec![output.to_owned()],
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
            ..NodeProto::default()
        })
    }

    /// Adds the node `operator` with one new output and those attributes of `node` whose names
    /// `keeps`; returns the output's name.
    pub(super) fn node_like(
        &mut self,
        node: &NodeProto,
        operator: &str,
        inputs: &[&str],
        keeps: impl Fn(&str) -> bool,
    ) -> Result<String, OnnxError> {
        let output = self.name(&operator.to_lowercase());
        let kept = node.attribute.iter().filter(|attribute| keeps(&attribute.name));
        self.rewrite(NodeProto {
            name: output.clone(),
            op_type: operator.to_owned(),
            input: owned(inputs),
            output: vec![output.clone()],
            attribute: kept.cloned().collect(),
            ..NodeProto::default()
        })?;
        Ok(output)
    }

    /// Stores a float32 tensor and returns its name.
    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = self.name("constant");
        self.store(float_tensor(&name, shape, values))
    }

    /// Stores one float32 number.
    pub(super) fn scalar(&mut self, value: f32) -> String {
        self.floats(&[], &[value])
    }

    /// Stores a list of int64 numbers and returns its name.
    pub(super) fn integers(&mut self, values: &[i64]) -> String {
        let name = self.name("constant");
        self.store(int_tensor(&name, values))
    }

    /// Stores one int64 number.
    pub(super) fn integer(&mut self, value: i64) -> String {
        let name = self.name("constant");
        self.store(TensorProto { dims: Vec::new(), ..int_tensor(&name, &[value]) })
    }

    /// The integers that are stored under `name`.
    pub(super) fn stored_integers(&self, name: &str) -> Option<Vec<i64>> {
        read_ints(self.tensor(name)?).ok()
    }

    /// Casts `value` to float32.
    pub(super) fn float(&mut self, value: &str) -> Result<String, OnnxError> {
        self.node("Cast", &[value], &[("to", Attribute::Int(DataType::Float as i64))])
    }

    /// Whether `value` holds booleans. It looks through operators that only rearrange a value.
    pub(super) fn is_boolean<'a>(&'a self, mut value: &'a str) -> bool {
        loop {
            if let Some(tensor) = self.tensor(value) {
                return tensor.data_type == DataType::Bool as i32;
            }
            let computes = |node: &&NodeProto| node.output.iter().any(|output| output == value);
            let Some(node) = self.nodes.iter().rev().find(computes) else { return false };
            match node.op_type.as_str() {
                "And" | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Not"
                | "Or" | "Xor" => return true,
                "Cast" => return node.int("to", 0) == DataType::Bool as i64,
                "Concat" | "Expand" | "Gather" | "Identity" | "Reshape" | "Slice" | "Squeeze"
                | "Tile" | "Transpose" | "Unsqueeze" => {}
                _ => return false,
            }
            let Some(source) = node.input.first() else { return false };
            value = source;
        }
    }

    /// Stores a float32 tensor as the value `name`.
    pub(super) fn floats_as(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.store(float_tensor(name, shape, values));
    }

    fn store(&mut self, tensor: TensorProto) -> String {
        let name = tensor.name.clone();
        self.order.push(name.clone());
        self.tensors.insert(name.clone(), tensor);
        name
    }

    /// A name that is not in use, for a new value.
    pub(super) fn name(&mut self, label: &str) -> String {
        let wanted = format!("{}/{label}", self.scope);
        let mut name = wanted.clone();
        let mut count = 1;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{wanted}_{count}");
        }
        name
    }
}

/// The names of inputs, without missing ones at the end.
fn owned(inputs: &[&str]) -> Vec<String> {
    let count = inputs.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    inputs[..count].iter().map(|&input| input.to_owned()).collect()
}

/// Input `index` of `node`, which must be there.
pub(super) fn input(node: &NodeProto, index: usize) -> Result<&str, OnnxError> {
    optional(node, index).ok_or_else(|| unsupported(node, &format!("its input {index} is missing")))
}

/// Input `index` of `node`, if it is there.
pub(super) fn optional(node: &NodeProto, index: usize) -> Option<&str> {
    node.input.get(index).map(String::as_str).filter(|name| !name.is_empty())
}

/// The name of the first output of `node`.
pub(super) fn output(node: &NodeProto) -> Result<&str, OnnxError> {
    let name = node.output.first().filter(|name| !name.is_empty()).map(String::as_str);
    name.ok_or_else(|| unsupported(node, "it has no output"))
}

/// The error for a node that cannot be rewritten.
pub(super) fn unsupported(node: &NodeProto, reason: &str) -> OnnxError {
    let output = node.output.first().cloned().unwrap_or_default();
    OnnxError::Unsupported {
        operator: node.op_type.clone(),
        node: if node.name.is_empty() { output } else { node.name.clone() },
        reason: reason.to_owned(),
    }
}

/// The dimensions that an input declares. Symbolic ones are left out.
fn dims(input: &ValueInfoProto) -> impl Iterator<Item = i64> {
    let tensor = input.r#type.as_ref().and_then(|it| match it.value.as_ref()? {
        TensorType(tensor) => tensor.shape.as_ref(),
    });
    tensor.into_iter().flat_map(|shape| &shape.dim).filter_map(|dim| match dim.value {
        Some(DimValue(extent)) => Some(extent),
        _ => None,
    })
}

/// Every name in use in a graph.
fn names(graph: &GraphProto) -> HashSet<String> {
    let tensors = graph.initializer.iter().map(|tensor| &tensor.name);
    let inputs = graph.input.iter().map(|input| &input.name);
    let outputs = graph.node.iter().flat_map(|node| &node.output);
    tensors.chain(inputs).chain(outputs).cloned().collect()
}
