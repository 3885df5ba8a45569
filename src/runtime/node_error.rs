//! Which node an error of the engine is about.

use super::RuntimeError;
use super::unknown_operators::label;
use crate::config::truncated;
use crate::onnx::Model;
use crate::onnx::pb::NodeProto;

/// The most characters of the engine's own message.
const MAX_CHARACTERS: usize = 200;

/// `error`, with the operator and the node that it is about. The engine's errors have no kinds, but
/// they quote names of nodes and values. An error that names no node stays as it is.
pub(super) fn of_node(model: &Model, error: RuntimeError) -> RuntimeError {
    let RuntimeError::Engine { stage, cause } = error else { return error };
    // The outermost context comes first, so the first name is that of the node in question.
    let nodes = model.graph().node.iter();
    let found = nodes.filter_map(|node| Some((position(&cause, node)?, node)));
    let Some((_, node)) =
        found.min_by_key(|(position, node)| (*position, usize::MAX - node.name.len()))
    else {
        return RuntimeError::Engine { stage, cause: short(&cause) };
    };
    RuntimeError::Node {
        operator: node.op_type.clone(),
        node: label(node),
        stage,
        cause: short(&cause),
    }
}

/// Where the text names `node` as a whole word.
fn position(text: &str, node: &NodeProto) -> Option<usize> {
    let names = node.output.iter().chain([&node.name]).filter(|name| !name.is_empty());
    let is_part = |symbol: Option<char>| symbol.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let find = |name: &String| {
        text.match_indices(name.as_str()).map(|(start, _)| start).find(|&start| {
            let end = start + name.len();
            !is_part(text[..start].chars().next_back()) && !is_part(text[end..].chars().next())
        })
    };
    names.filter_map(find).min()
}

/// The innermost cause, on one line.
fn short(cause: &str) -> String {
    let line = cause.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let innermost = line.rsplit(": ").next().unwrap_or(line);
    truncated(innermost, MAX_CHARACTERS)
}
