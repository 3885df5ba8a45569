//! `Attention` of operator set 23, as the products and the softmax that it stands for.

use super::draft::{Draft, input, optional, output, unsupported};
use crate::onnx::builder::Attribute;
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, OnnxError};

/// The bias of a key that is not attended to: the most negative float.
const EXCLUDED: f32 = f32::MIN;

/// Y = softmax(s·QKᵀ + M)·V for each head; s is `scale`, or 1/√(size of a head). Q, K and V are
/// batch × heads × tokens × size, or batch × tokens × (heads · size) with the attributes
/// `q_num_heads` and `kv_num_heads`. A softcap c replaces the scores x by c·tanh(x/c).
pub(super) fn attention(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    check(node)?;
    let heads = node.int("q_num_heads", 0);
    let [query, key, value] = [0, 1, 2].map(|index| input(node, index));
    let (query, key, value) = (
        split_heads(draft, query?, heads)?,
        split_heads(draft, key?, heads)?,
        split_heads(draft, value?, heads)?,
    );
    let query = scaled(node, draft, &query)?;
    let key = draft.node("Transpose", &[&key], &permuted([0, 1, 3, 2]))?;
    let mut scores = draft.node("MatMul", &[&query, &key], &[])?;
    let cap = node.float("softcap", 0.0);
    if cap != 0.0 {
        let cap = draft.scalar(cap);
        let bounded = draft.node("Div", &[&scores, &cap], &[])?;
        let bounded = draft.node("Tanh", &[&bounded], &[])?;
        scores = draft.node("Mul", &[&bounded, &cap], &[])?;
    }
    if let Some(mask) = optional(node, 3) {
        let bias = bias(draft, mask)?;
        scores = draft.node("Add", &[&scores, &bias], &[])?;
    }
    if node.int("is_causal", 0) != 0 {
        let bias = causal_bias(draft, &scores)?;
        scores = draft.node("Add", &[&scores, &bias], &[])?;
    }
    let weights = draft.node("Softmax", &[&scores], &[("axis", Attribute::Int(-1))])?;
    if heads == 0 {
        draft.node_to(output(node)?, "MatMul", &[&weights, &value], &[])?;
        return Ok(true);
    }
    let found = draft.node("MatMul", &[&weights, &value], &[])?;
    let found = draft.node("Transpose", &[&found], &permuted([0, 2, 1, 3]))?;
    let shape = draft.integers(&[0, 0, -1]);
    draft.node_to(output(node)?, "Reshape", &[&found, &shape], &[])?;
    Ok(true)
}

/// Refuses what picture classifiers do not have: keys of earlier calls, and keys for several heads.
fn check(node: &NodeProto) -> Result<(), OnnxError> {
    if (4..=6).any(|index| optional(node, index).is_some()) {
        return Err(unsupported(node, "keys and values of earlier calls are not known"));
    }
    if node.output.iter().skip(1).any(|name| !name.is_empty()) {
        return Err(unsupported(node, "it has further outputs, for calls that follow"));
    }
    match node.int("q_num_heads", 0) == node.int("kv_num_heads", 0) {
        true => Ok(()),
        false => Err(unsupported(node, "several heads share a key, which is not known")),
    }
}

/// batch × tokens × (heads · size) as batch × heads × tokens × size.
fn split_heads(draft: &mut Draft, value: &str, heads: i64) -> Result<String, OnnxError> {
    if heads == 0 {
        return Ok(value.to_owned());
    }
    let shape = draft.integers(&[0, 0, heads, -1]);
    let split = draft.node("Reshape", &[value, &shape], &[])?;
    draft.node("Transpose", &[&split], &permuted([0, 2, 1, 3]))
}

fn permuted(order: [i64; 4]) -> [(&'static str, Attribute<'static>); 1] {
    [("perm", Attribute::Ints(order.to_vec()))]
}

/// The query times the scale.
fn scaled(node: &NodeProto, draft: &mut Draft, query: &str) -> Result<String, OnnxError> {
    if node.has("scale") {
        let scale = draft.scalar(node.float("scale", 1.0));
        return draft.node("Mul", &[query, &scale], &[]);
    }
    let shape = draft.node("Shape", &[query], &[])?;
    let last = draft.integers(&[3]);
    let size = draft.node("Gather", &[&shape, &last], &[])?;
    let size = draft.float(&size)?;
    let root = draft.node("Sqrt", &[&size], &[])?;
    draft.node("Div", &[query, &root], &[])
}

/// What `mask` adds to the scores. A mask of booleans says which keys are attended to.
fn bias(draft: &mut Draft, mask: &str) -> Result<String, OnnxError> {
    if !draft.is_boolean(mask) {
        return Ok(mask.to_owned());
    }
    let (kept, excluded) = (draft.scalar(0.0), draft.scalar(EXCLUDED));
    draft.node("Where", &[mask, &kept, &excluded], &[])
}

/// The bias that excludes the keys behind each query.
fn causal_bias(draft: &mut Draft, scores: &str) -> Result<String, OnnxError> {
    let shape = draft.node("Shape", &[scores], &[])?;
    let (first, end) = (draft.integers(&[2]), draft.integers(&[4]));
    let shape = draft.node("Slice", &[&shape, &first, &end], &[])?;
    let excluded = draft.scalar(EXCLUDED);
    let full = draft.node("Expand", &[&excluded, &shape], &[])?;
    let diagonal = draft.integer(1);
    draft.node("Trilu", &[&full, &diagonal], &[("upper", Attribute::Int(1))])
}
