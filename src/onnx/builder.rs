use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::pb::tensor_proto::DataType;
use super::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_shape_proto, type_proto,
};
use super::{Element, Model, OnnxError, float_tensor, int_tensor, value::Value};

/// Writes an ONNX graph of static shapes, value by value.
///
/// Clones write into the same graph. Every node is named after its first output. A name that is
/// already in use gets a number.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    draft: Rc<RefCell<Draft>>,
}

#[derive(Debug, Default)]
struct Draft {
    graph: GraphProto,
    scope: String,
    /// The names in use.
    taken: HashSet<String>,
    counts: HashMap<String, usize>,
    /// The names of the constants already stored, so that each is stored once.
    floats: HashMap<u32, String>,
    ints: HashMap<Vec<i64>, String>,
    filled: HashMap<(Vec<usize>, u32), String>,
}

/// A node attribute.
#[derive(Debug, Clone)]
pub enum Attribute<'a> {
    /// An integer.
    Int(i64),
    /// A list of integers.
    Ints(Vec<i64>),
    /// A float.
    Float(f32),
    /// A string.
    Text(&'a str),
    /// A tensor.
    Tensor(Box<TensorProto>),
    /// A graph.
    Graph(Box<GraphProto>),
}

impl Builder {
    /// The operator set of the graphs written here: reductions other than `ReduceSum` still take
    /// their axes as an attribute.
    pub const OPSET: i64 = 17;

    /// The IR version that came with [`Builder::OPSET`].
    const IR_VERSION: i64 = 8;

    /// Values made afterwards are named `scope/<operator>`.
    pub fn set_scope(&self, scope: impl Into<String>) {
        self.draft.borrow_mut().scope = scope.into();
    }

    /// Reserves `name`, so that no value made later gets it.
    pub fn reserve(&self, name: &str) {
        self.draft.borrow_mut().taken.insert(name.to_owned());
    }

    /// Declares a graph input.
    #[must_use]
    pub fn input(&self, name: &str, element: Element, shape: &[usize]) -> Value {
        let mut draft = self.draft.borrow_mut();
        draft.taken.insert(name.to_owned());
        draft.graph.input.push(value_info(name, element, shape));
        Value::new(self.clone(), name, element, shape)
    }

    /// Stores `tensor` under its own name.
    #[must_use]
    pub fn initializer(&self, tensor: TensorProto, element: Element) -> Value {
        let shape: Vec<usize> = tensor.dims.iter().map(|&dim| dim.max(0) as usize).collect();
        let value = Value::new(self.clone(), &tensor.name, element, &shape);
        let mut draft = self.draft.borrow_mut();
        draft.taken.insert(tensor.name.clone());
        draft.graph.initializer.push(tensor);
        value
    }

    /// Stores float32 values as `scope/<label>`.
    #[must_use]
    pub fn floats(&self, label: &str, shape: &[usize], values: &[f32]) -> Value {
        let name = self.fresh(label);
        self.initializer(float_tensor(&name, shape, values), Element::F32)
    }

    /// A stored float32 tensor in which every element is `value`.
    #[must_use]
    pub fn filled(&self, shape: &[usize], value: f32) -> Value {
        let text: Vec<String> = shape.iter().map(usize::to_string).collect();
        let key = (shape.to_vec(), value.to_bits());
        let known = self.draft.borrow().filled.get(&key).cloned();
        if let Some(name) = known {
            return self.named(&name, Element::F32, shape);
        }
        let name = self.unique(format!("constant/{value}/{}", text.join("x")));
        self.draft.borrow_mut().filled.insert(key, name.clone());
        let count = shape.iter().product();
        self.initializer(float_tensor(&name, shape, &vec![value; count]), Element::F32)
    }

    /// Zeros that take no space in the file.
    #[must_use]
    pub fn zeros(&self, shape: &[usize], element: Element) -> Value {
        let extents: Vec<i64> = shape.iter().map(|&dim| dim as i64).collect();
        let extents = self.ints(&extents);
        // The type is given although float32 is the default: tract 0.23 has another default.
        let value = [("value", Attribute::Tensor(Box::new(float_tensor("", &[1], &[0.0]))))];
        self.node("ConstantOfShape", &[&extents], &value, Element::F32, shape).cast(element)
    }

    /// The scalar `value` in the type of `like`.
    #[must_use]
    pub fn scalar(&self, value: f32, like: Element) -> Value {
        let known = self.draft.borrow().floats.get(&value.to_bits()).cloned();
        let scalar = if let Some(name) = known {
            Value::new(self.clone(), &name, Element::F32, &[])
        } else {
            let name = self.unique(format!("constant/{value}"));
            self.draft.borrow_mut().floats.insert(value.to_bits(), name.clone());
            self.initializer(float_tensor(&name, &[], &[value]), Element::F32)
        };
        scalar.cast(like)
    }

    /// The int64 list `values`.
    #[must_use]
    pub fn ints(&self, values: &[i64]) -> Value {
        let known = self.draft.borrow().ints.get(values).cloned();
        if let Some(name) = known {
            return Value::new(self.clone(), &name, Element::Int, &[values.len()]);
        }
        let text: Vec<String> = values.iter().take(6).map(i64::to_string).collect();
        let name = self.unique(format!("constant/{}", text.join("_")));
        self.draft.borrow_mut().ints.insert(values.to_vec(), name.clone());
        self.initializer(int_tensor(&name, values), Element::Int)
    }

    /// Adds a node with one output of the given element type and shape.
    #[must_use]
    pub fn node(
        &self,
        operator: &str,
        inputs: &[&Value],
        attributes: &[(&str, Attribute)],
        element: Element,
        shape: &[usize],
    ) -> Value {
        let name = self.fresh(&operator.to_lowercase());
        self.push(node_proto(operator, inputs, attributes, &name));
        Value::new(self.clone(), &name, element, shape)
    }

    /// Adds a node with several outputs, each of the given element type and shape.
    #[must_use]
    pub fn nodes(
        &self,
        operator: &str,
        inputs: &[&Value],
        attributes: &[(&str, Attribute)],
        outputs: &[(Element, Vec<usize>)],
    ) -> Vec<Value> {
        let label = operator.to_lowercase();
        let names: Vec<String> = outputs.iter().map(|_| self.fresh(&label)).collect();
        self.push(NodeProto {
            name: names.first().cloned().unwrap_or_default(),
            op_type: operator.to_owned(),
            input: inputs.iter().map(|value| value.name().to_owned()).collect(),
            output: names.clone(),
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
            ..NodeProto::default()
        });
        let outputs = names.iter().zip(outputs);
        outputs.map(|(name, (element, shape))| self.named(name, *element, shape)).collect()
    }

    /// Adds `node` unchanged.
    pub fn push(&self, node: NodeProto) {
        let mut draft = self.draft.borrow_mut();
        draft.taken.extend(node.output.iter().cloned());
        draft.graph.node.push(node);
    }

    /// The value `name` of a node that was pushed.
    #[must_use]
    pub fn named(&self, name: &str, element: Element, shape: &[usize]) -> Value {
        Value::new(self.clone(), name, element, shape)
    }

    /// The names of the graph outputs so far.
    #[must_use]
    pub fn outputs(&self) -> HashSet<String> {
        self.draft.borrow().graph.output.iter().map(|output| output.name.clone()).collect()
    }

    /// Makes `value` a graph output called `name`.
    pub fn output(&self, name: &str, value: &Value) {
        self.push(NodeProto {
            name: name.to_owned(),
            op_type: "Identity".to_owned(),
            input: vec![value.name().to_owned()],
            output: vec![name.to_owned()],
            ..NodeProto::default()
        });
        let info = value_info(name, value.element(), value.shape());
        self.draft.borrow_mut().graph.output.push(info);
    }

    /// The finished model.
    ///
    /// # Errors
    /// [`OnnxError::NoGraph`] if no node was written.
    pub fn finish(self, name: &str) -> Result<Model, OnnxError> {
        let graph = std::mem::take(&mut self.draft.borrow_mut().graph);
        Model::from_proto(ModelProto {
            ir_version: Self::IR_VERSION,
            producer_name: env!("CARGO_PKG_NAME").to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: Self::OPSET }],
            graph: Some(GraphProto { name: name.to_owned(), ..graph }),
            ..ModelProto::default()
        })
    }

    /// An unused name: `scope/<label>`, with a number if that is in use.
    #[must_use]
    pub fn fresh(&self, label: &str) -> String {
        let scope = self.draft.borrow().scope.clone();
        self.unique(if scope.is_empty() { label.to_owned() } else { format!("{scope}/{label}") })
    }

    fn unique(&self, wanted: String) -> String {
        let mut draft = self.draft.borrow_mut();
        let Draft { taken, counts, .. } = &mut *draft;
        let mut name = wanted.clone();
        while !taken.insert(name.clone()) {
            let count = counts.entry(wanted.clone()).or_insert(1);
            *count += 1;
            name = format!("{wanted}_{count}");
        }
        name
    }
}

/// A node with one output, after which it is named.
#[must_use]
pub fn node_proto(
    operator: &str,
    inputs: &[&Value],
    attributes: &[(&str, Attribute)],
    output: &str,
) -> NodeProto {
    NodeProto {
        name: output.to_owned(),
        op_type: operator.to_owned(),
        input: inputs.iter().map(|value| value.name().to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        ..NodeProto::default()
    }
}

pub(super) fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    match value {
        Attribute::Int(value) => {
            proto.r#type = AttributeType::Int as i32;
            proto.i = *value;
        }
        Attribute::Ints(values) => {
            proto.r#type = AttributeType::Ints as i32;
            proto.ints.clone_from(values);
        }
        Attribute::Float(value) => {
            proto.r#type = AttributeType::Float as i32;
            proto.f = *value;
        }
        Attribute::Text(text) => {
            proto.r#type = AttributeType::String as i32;
            proto.s = text.as_bytes().to_vec();
        }
        Attribute::Tensor(tensor) => {
            proto.r#type = AttributeType::Tensor as i32;
            proto.t = Some(TensorProto::clone(tensor));
        }
        Attribute::Graph(graph) => {
            proto.r#type = AttributeType::Graph as i32;
            proto.g = Some(GraphProto::clone(graph));
        }
    }
    proto
}

/// The declaration of a value.
#[must_use]
pub fn value_info(name: &str, element: Element, shape: &[usize]) -> ValueInfoProto {
    let dims = shape.iter().map(|&dim| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(dim as i64)),
        ..Default::default()
    });
    let tensor = type_proto::Tensor {
        elem_type: data_type(element) as i32,
        shape: Some(TensorShapeProto { dim: dims.collect() }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

/// The ONNX type that stands for `element` in a written graph.
pub(super) fn data_type(element: Element) -> DataType {
    match element {
        Element::F32 | Element::Other => DataType::Float,
        Element::F16 => DataType::Float16,
        Element::F64 => DataType::Double,
        Element::Int => DataType::Int64,
        Element::Bool => DataType::Bool,
    }
}
