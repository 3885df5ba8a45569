//! What it costs to compute the constants of a graph: the values that do not depend on the picture.
//!
//! tract computes them while it infers shapes, whatever their size. So a file of a hundred bytes
//! can ask for more memory and time than a machine has. The inference is repeated here step by
//! step: the shape of a constant is inferred first, and the constant is computed if there is budget
//! for it.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tract_onnx::ops::logic::If;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{DimLike, format_err};
use tract_onnx::tract_core::model::order::eval_order_for_nodes;
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact, InferenceModel, InferenceNode};
use tract_onnx::tract_hir::ops::scan::InferenceScan;
use tract_onnx::tract_hir::ops::unimpl::UnimplementedOp;

use super::RuntimeError;
use super::multiply_adds::contraction;
use super::unknown_operators::label;
use crate::onnx::pb::{GraphProto, NodeProto};
use crate::onnx::{Attributes, Model};

/// The bytes of computed constants that every model may have, and those for each stored element.
/// Weights that are stored with eight bits are computed in several steps.
const BYTES: u64 = 512 << 20;
const BYTES_PER_STORED: u64 = 32;

/// The operations for computing constants that every model may have, and those for each stored
/// element. An operation is an element that is read or written, or a multiplication with addition.
const OPERATIONS: u64 = 1 << 32;
const OPERATIONS_PER_STORED: u64 = 64;

/// Operators whose output's size depends on the values that they read. It is at most this multiple
/// of what they read.
const BOUNDED: &[&str] = &["Compress", "If", "NonMaxSuppression", "NonZero", "Scan"];
const MOST_PER_READ: u64 = 8;

/// Operators that read extents of their output, and the first of the inputs that hold them. The
/// engine reads an extent modulo 2³².
const SIZED: &[(&str, usize)] = &[
    ("ConstantOfShape", 0),
    ("Expand", 1),
    ("OneHot", 1),
    ("Pad", 1),
    ("Range", 0),
    ("Reshape", 1),
    ("Resize", 1),
    ("Tile", 1),
];

/// The engine's words for the stage, as it reports errors of its own inference.
const STAGE: &str = "inferring shapes";

/// Refuses `model` if its constants cost too much. `graph` is the model as the engine has read it,
/// with the shapes of its inputs, before the inference of shapes.
///
/// # Errors
/// [`RuntimeError::CostlyConstant`], and [`RuntimeError::Engine`] where a constant cannot be
/// computed.
pub(super) fn check(model: &Model, graph: &InferenceModel) -> Result<(), RuntimeError> {
    let elements =
        |dims: &[i64]| dims.iter().fold(1u64, |all, &dim| all.saturating_mul(dim as u64));
    let stored = model.stored_tensors().map(|(_, tensor)| elements(&tensor.dims));
    let stored = stored.fold(0, u64::saturating_add);
    let mut nodes = HashMap::new();
    collect(model.graph(), &mut nodes);
    let mut inference = Inference {
        nodes,
        bytes: BYTES.saturating_add(stored.saturating_mul(BYTES_PER_STORED)),
        operations: OPERATIONS.saturating_add(stored.saturating_mul(OPERATIONS_PER_STORED)),
    };
    inference.run(graph.clone())
}

/// Every node of a graph and its subgraphs, by the first value that it computes.
fn collect<'m>(graph: &'m GraphProto, nodes: &mut HashMap<&'m str, &'m NodeProto>) {
    for node in &graph.node {
        if let Some(output) = node.output.first() {
            nodes.insert(output, node);
        }
        node.graphs().for_each(|graph| collect(graph, nodes));
    }
}

/// The inference of shapes and constants, and what is left of the budget.
struct Inference<'m> {
    nodes: HashMap<&'m str, &'m NodeProto>,
    bytes: u64,
    operations: u64,
}

impl Inference<'_> {
    fn run(&mut self, mut graph: InferenceModel) -> Result<(), RuntimeError> {
        let engine = RuntimeError::engine(STAGE);
        // The engine infers the facts of every node, also of those that no output needs.
        let all: Vec<usize> = (0..graph.nodes().len()).collect();
        let inputs: Vec<usize> = graph.inputs.iter().map(|input| input.node).collect();
        let order = eval_order_for_nodes(graph.nodes(), &inputs, &all, &[]).map_err(&engine)?;
        let mut constants: HashSet<OutletId> = HashSet::new();
        for id in order {
            let node = graph.node(id);
            let facts = |outlets: &[OutletId]| -> TractResult<TVec<InferenceFact>> {
                outlets.iter().map(|&outlet| graph.outlet_fact(outlet).cloned()).collect()
            };
            let inputs = facts(&node.inputs).map_err(&engine)?;
            // What the engine does not know is not computed.
            if inputs.is_empty() || node.op_is::<UnimplementedOp>() {
                continue;
            }
            for body in bodies(&graph, id) {
                self.run(body)?;
            }
            let outlets: TVec<OutletId> =
                (0..node.outputs.len()).map(|slot| OutletId::new(id, slot)).collect();
            let first = outlets.first().and_then(|&outlet| graph.outlet_label(outlet));
            let proto = first.and_then(|label| self.nodes.get(label)).copied();
            if let Some(proto) = proto {
                check_extents(proto, &inputs)?;
            }
            let outputs = facts(&outlets).map_err(&engine)?;
            let is_constant = |(fact, outlet): (&InferenceFact, &OutletId)| {
                fact.value.is_concrete() || constants.contains(outlet)
            };
            let is_constant = inputs.iter().zip(&node.inputs).all(is_constant);
            let of_node = |error: TractError| {
                engine(error.context(format!("Failed analyse for node {node}")))
            };
            let mut inferred = match infer(node, &inputs, &outputs, false) {
                Ok(inferred) => inferred,
                Err(error) if is_constant => return Err(of_node(error)),
                // The engine reports it, or knows more in the end.
                Err(_) => continue,
            };
            if is_constant {
                self.spend(proto, &node.name, &inputs, &inferred)?;
                inferred = infer(node, &inputs, &outputs, true).map_err(of_node)?;
                constants.extend(outlets.iter().copied());
            }
            for (&outlet, fact) in outlets.iter().zip(inferred) {
                graph.set_outlet_fact(outlet, fact).map_err(&engine)?;
            }
        }
        Ok(())
    }

    /// Takes the cost of one constant from the budget. `outputs` have no values yet.
    fn spend(
        &mut self,
        node: Option<&NodeProto>,
        name: &str,
        inputs: &[InferenceFact],
        outputs: &[InferenceFact],
    ) -> Result<(), RuntimeError> {
        let operator = node.map_or("", |node| node.op_type.as_str());
        let costly = |what: String| RuntimeError::CostlyConstant {
            operator: operator.to_owned(),
            node: node.map_or_else(|| name.to_owned(), label),
            what,
        };
        let shapes: Vec<Vec<u64>> = inputs.iter().map(|it| shape(it).unwrap_or_default()).collect();
        let read = shapes.iter().map(|shape| volume(shape)).fold(0, u64::saturating_add);
        let mut written = 0u64;
        for output in outputs {
            let size = output.datum_type.concretize().map_or(8, |it| it.size_of() as u64);
            let (elements, shown) = match shape(output) {
                Some(shape) => (volume(&shape), format!("of shape {shape:?}")),
                None if BOUNDED.contains(&operator) => {
                    (read.saturating_mul(MOST_PER_READ), "of unknown shape".to_owned())
                }
                None => return Err(costly("a constant whose shape is unknown".to_owned())),
            };
            written = written.saturating_add(elements);
            let Some(left) = self.bytes.checked_sub(elements.saturating_mul(size)) else {
                return Err(costly(format!(
                    "a constant {shown}, for which the memory is too small"
                )));
            };
            self.bytes = left;
        }
        let factor = node.map_or(1, |node| contraction(node, &shapes, written));
        let operations = read.max(written).saturating_mul(factor);
        self.operations = self.operations.checked_sub(operations).ok_or_else(|| {
            costly(format!("a constant of {written} elements, for which the time is too short"))
        })?;
        Ok(())
    }
}

/// Refuses a node with an extent that the engine would misread.
fn check_extents(node: &NodeProto, inputs: &[InferenceFact]) -> Result<(), RuntimeError> {
    let Some((_, first)) = SIZED.iter().find(|(name, _)| *name == node.op_type) else {
        return Ok(());
    };
    let values = inputs.iter().skip(*first).filter_map(|input| input.value.concretize());
    for tensor in values.filter(|tensor| tensor.datum_type().is_integer()) {
        let Ok(ints) = tensor.cast_to::<i64>() else { continue };
        let ints = ints.try_as_plain_ram().and_then(|plain| Ok(plain.as_slice::<i64>()?.to_vec()));
        let large = |it: &i64| i32::try_from(*it).is_err();
        if let Some(extent) = ints.unwrap_or_default().into_iter().find(large) {
            return Err(RuntimeError::CostlyConstant {
                operator: node.op_type.clone(),
                node: label(node),
                what: format!("a value with an extent of {extent}"),
            });
        }
    }
    Ok(())
}

/// The facts of the outputs of `node`. With `evaluates`, constants are computed. A panic is an
/// error.
fn infer(
    node: &InferenceNode,
    inputs: &[InferenceFact],
    outputs: &[InferenceFact],
    evaluates: bool,
) -> TractResult<TVec<InferenceFact>> {
    let infer = AssertUnwindSafe(|| {
        let (mut op, inputs, outputs) =
            (node.op.clone(), inputs.iter().collect(), outputs.iter().collect());
        match evaluates {
            true => op.infer(inputs, outputs, TVec::new()),
            false => op.infer_facts(inputs, outputs, TVec::new()),
        }
    });
    let inferred = catch_unwind(infer).unwrap_or_else(|_| Err(format_err!("the engine panicked")));
    inferred.map(|(_, outputs, _)| outputs)
}

/// The subgraphs of a node, with the facts of what they read from outside.
fn bodies(graph: &InferenceModel, id: usize) -> Vec<InferenceModel> {
    let node = graph.node(id);
    let mut bodies = match (node.op_as::<If>(), node.op_as::<InferenceScan>()) {
        (Some(it), _) => vec![it.then_body.clone(), it.else_body.clone()],
        (_, Some(it)) => vec![it.body.clone()],
        _ => return Vec::new(),
    };
    for &outlet in &node.inputs {
        let name = graph.outlet_label(outlet).unwrap_or(&graph.node(outlet.node).name);
        let Ok(fact) = graph.outlet_fact(outlet) else { continue };
        for body in &mut bodies {
            let is_this = |input: &OutletId| body.node(input.node).name == name;
            if let Some(input) = body.inputs.iter().copied().find(is_this) {
                // It fails for an outlet that does not exist, but this one does.
                let _ = body.set_outlet_fact(input, fact.clone());
            }
        }
    }
    bodies
}

/// The extents of a value; None if the engine does not know them yet, or cannot represent them.
fn shape(fact: &InferenceFact) -> Option<Vec<u64>> {
    let dims = fact.shape.concretize()?;
    dims.iter().map(|dim| dim.to_usize().ok().map(|extent| extent as u64)).collect()
}

fn volume(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |all, &extent| all.saturating_mul(extent))
}
