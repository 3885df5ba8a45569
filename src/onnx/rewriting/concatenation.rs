//! Concatenations that repeat another one. In a DenseNet each layer reads the concatenation of all
//! layers before it. So a value is read as often as there are layers behind it, and the number of
//! additions of cotangents grows with the square of their number.

use std::collections::HashMap;

use crate::onnx::Attributes;
use crate::onnx::pb::GraphProto;

/// The fewest operands that are worth another node.
const FEWEST: usize = 2;

/// Lets a concatenation whose first operands are those of another one, along the same axis, read
/// that other one. The values do not change.
pub(super) fn nest(graph: &mut GraphProto) {
    let mut known: HashMap<(i64, Vec<String>), String> = HashMap::new();
    for node in graph.node.iter_mut().filter(|node| node.op_type == "Concat") {
        let Some(output) = node.output.first().cloned() else { continue };
        let (axis, operands) = (node.int("axis", 0), node.input.clone());
        let longest = (FEWEST..operands.len()).rev();
        let mut prefixes = longest.map(|count| (count, (axis, operands[..count].to_vec())));
        let found = prefixes.find_map(|(count, key)| Some((count, known.get(&key)?.clone())));
        if let Some((count, prefix)) = found {
            node.input.splice(..count, [prefix]);
        }
        known.entry((axis, operands)).or_insert(output);
    }
}
