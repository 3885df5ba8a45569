use convscope::onnx::pb::NodeProto;
use convscope::onnx::{Attribute, Builder, Element, Fact, Facts, Model, Value};

/// An input of a node.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// The graph's input `x`, which is differentiated.
    X,
    /// Stored floats of a shape.
    Floats(Vec<usize>, Vec<f32>),
    /// A stored list of integers.
    Ints(Vec<i64>),
    /// Integers that depend on the picture.
    Computed(usize),
    /// An optional input that is not there.
    Missing,
}

/// A graph of one node called `node`, which computes `y` from `x`.
#[derive(Debug, Clone)]
pub(super) struct OneNode<'a> {
    pub(super) operator: &'a str,
    pub(super) opset: i64,
    pub(super) attributes: Vec<(&'a str, Attribute<'a>)>,
    pub(super) operands: Vec<Operand>,
    /// The shapes of `x` and `y`.
    pub(super) shapes: [Vec<usize>; 2],
}

impl<'a> OneNode<'a> {
    /// A node whose only input is `x`, of the shape of `y`, in the latest operator set that tract
    /// and the rules know.
    pub(super) fn new(operator: &'a str) -> Self {
        let shape = vec![1, 4];
        let (attributes, operands) = (Vec::new(), vec![Operand::X]);
        Self { operator, opset: 18, attributes, operands, shapes: [shape.clone(), shape] }
    }

    pub(super) fn model(&self) -> Model {
        let builder = Builder::default();
        let [from, to] = &self.shapes;
        let x = builder.input("x", Element::F32, from);
        let value = |(index, operand): (usize, &Operand)| -> Option<Value> {
            match operand {
                Operand::X => Some(x.clone()),
                Operand::Floats(shape, values) => Some(builder.floats("stored", shape, values)),
                Operand::Ints(values) => Some(builder.ints(values)),
                Operand::Computed(count) => {
                    Some(builder.input(&format!("computed {index}"), Element::Int, &[*count]))
                }
                Operand::Missing => None,
            }
        };
        let inputs: Vec<Option<Value>> = self.operands.iter().enumerate().map(value).collect();
        let name = |input: Option<Value>| input.map_or(String::new(), |it| it.name().to_owned());
        // A node of the same attributes, for their form.
        let like = builder.node(self.operator, &[&x], &self.attributes, Element::F32, to);
        builder.output("y", &like);
        let model = builder.finish("one node").unwrap();
        let mut proto = model.proto().clone();
        let node: &mut NodeProto = &mut proto.graph.as_mut().unwrap().node[0];
        node.input = inputs.into_iter().map(name).collect();
        "node".clone_into(&mut node.name);
        proto.opset_import[0].version = self.opset;
        Model::from_proto(proto).unwrap()
    }

    /// The facts without an engine: shapes and types, and no constants but the stored ones.
    pub(super) fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        let model = self.model();
        let mut insert = |name: &str, element, shape: &[usize]| {
            facts.insert(name, Fact { element, shape: shape.to_vec(), constant: None });
        };
        for (index, operand) in self.operands.iter().enumerate() {
            if let Operand::Computed(count) = operand {
                insert(&format!("computed {index}"), Element::Int, &[*count]);
            }
        }
        insert("x", Element::F32, &self.shapes[0]);
        insert("y", Element::F32, &self.shapes[1]);
        insert(&model.graph().node[0].output[0], Element::F32, &self.shapes[1]);
        facts
    }
}
