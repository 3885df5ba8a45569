//! Standard operators in forms that the engine does not know.

use super::draft::{Draft, input, optional, output, unsupported};
use crate::onnx::builder::{Attribute, attribute};
use crate::onnx::pb::NodeProto;
use crate::onnx::{Attributes, OnnxError, float_tensor};

/// Batch norm that normalizes by the statistics of its own batch is instance norm, because a batch
/// has one picture. Networks with standardized weights (BiT, NFNet) normalize their weights by it.
/// Otherwise it has one output, and nothing reads the others.
pub(super) fn batch_normalization(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let is_training = node.int("training_mode", 0) != 0;
    if node.output.len() <= 1 && !is_training {
        return Ok(false);
    }
    let mut changed = NodeProto { output: node.output[..1].to_vec(), ..node.clone() };
    if is_training {
        "InstanceNormalization".clone_into(&mut changed.op_type);
        changed.input.truncate(3);
        changed.attribute.retain(|attribute| attribute.name == "epsilon");
    }
    draft.rewrite(changed)?;
    Ok(true)
}

/// A ConstantOfShape without `value` gives zeros of float32.
pub(super) fn zeros_of_float32(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    if node.has("value") {
        return Ok(false);
    }
    let zero = Attribute::Tensor(Box::new(float_tensor("", &[1], &[0.0])));
    draft.rewrite(NodeProto { attribute: vec![attribute("value", &zero)], ..node.clone() })?;
    Ok(true)
}

/// An average pool whose window is larger than the picture covers every feature map as a whole.
/// With `ceil_mode` it has one window (the EfficientNets of transformers).
pub(super) fn average_pool(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let window = node.ints("kernel_shape").unwrap_or_default();
    let is_whole = !window.is_empty() && window.iter().all(|&extent| extent > draft.largest_side);
    let is_padded = node.ints("pads").unwrap_or_default().iter().any(|&pad| pad != 0);
    if !is_whole || is_padded || node.int("ceil_mode", 0) == 0 {
        return Ok(false);
    }
    let changed = NodeProto { attribute: Vec::new(), ..node.clone() };
    draft.rewrite(NodeProto { op_type: "GlobalAveragePool".to_owned(), ..changed })?;
    Ok(true)
}

/// RMSNormalization: x / √(mean x² + ε) · scale, the mean over the axes from `axis` on.
pub(super) fn rms_normalization(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let axis = node.int("axis", -1);
    if axis >= 0 {
        return Err(unsupported(
            node,
            "its axis is counted from the front; count it from the back",
        ));
    }
    let x = input(node, 0)?;
    let square = draft.node("Mul", &[x, x], &[])?;
    let axes = draft.integers(&(axis..0).collect::<Vec<_>>());
    let mean = draft.node("ReduceMean", &[&square, &axes], &[("keepdims", Attribute::Int(1))])?;
    let epsilon = draft.scalar(node.float("epsilon", 1e-5));
    let sum = draft.node("Add", &[&mean, &epsilon], &[])?;
    let root = draft.node("Sqrt", &[&sum], &[])?;
    let Some(scale) = optional(node, 1) else {
        draft.node_to(output(node)?, "Div", &[x, &root], &[])?;
        return Ok(true);
    };
    let normalized = draft.node("Div", &[x, &root], &[])?;
    draft.node_to(output(node)?, "Mul", &[&normalized, scale], &[])?;
    Ok(true)
}

/// LpPool: (Σ |x|ᵖ)^(1/p) over each window, as the mean times the number of elements.
pub(super) fn lp_pool(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let window = node.ints("kernel_shape").unwrap_or_default();
    if node.int("ceil_mode", 0) != 0 {
        return Err(unsupported(node, "ceil_mode is not known"));
    }
    let power = node.int("p", 2) as f32;
    let (exponent, root) = (draft.scalar(power), draft.scalar(power.recip()));
    let count = draft.scalar(window.iter().product::<i64>() as f32);
    let size = draft.node("Abs", &[input(node, 0)?], &[])?;
    let powers = draft.node("Pow", &[&size, &exponent], &[])?;
    let mut pool = NodeProto {
        op_type: "AveragePool".to_owned(),
        input: vec![powers],
        output: vec![draft.name("averagepool")],
        ..node.clone()
    };
    pool.name.clone_from(&pool.output[0]);
    pool.attribute.retain(|attribute| attribute.name != "p" && attribute.name != "ceil_mode");
    pool.attribute.push(attribute("count_include_pad", &Attribute::Int(1)));
    let mean = pool.output[0].clone();
    draft.rewrite(pool)?;
    let sum = draft.node("Mul", &[&mean, &count], &[])?;
    draft.node_to(output(node)?, "Pow", &[&sum, &root], &[])?;
    Ok(true)
}

/// Col2Im: blocks are added to the picture at their places. Each number of a block is a channel
/// that a transposed convolution moves to one place of its window.
pub(super) fn col2im(node: &NodeProto, draft: &mut Draft) -> Result<bool, OnnxError> {
    let two = |index: usize, draft: &Draft| -> Result<[i64; 2], OnnxError> {
        let stored = draft.stored_integers(input(node, index)?);
        let found = stored.and_then(|values| values.try_into().ok());
        let reason = format!("its input {index} is not two stored numbers");
        found.ok_or_else(|| unsupported(node, &reason))
    };
    let ([height, width], [rows, columns]) = (two(1, draft)?, two(2, draft)?);
    let attribute =
        |name: &str, default: &[i64]| -> Vec<i64> { node.ints(name).unwrap_or(default).to_vec() };
    let (strides, dilations) = (attribute("strides", &[1, 1]), attribute("dilations", &[1, 1]));
    let pads = attribute("pads", &[0; 4]);
    let is_valid = [strides.len(), dilations.len(), pads.len()] == [2, 2, 4]
        && [height, width].iter().chain(&pads).all(|extent| (0..LARGEST_SIDE).contains(extent))
        && strides.iter().chain(&dilations).all(|step| (1..LARGEST_SIDE).contains(step))
        && [rows, columns].iter().all(|side| (1..=LARGEST_BLOCK).contains(side));
    if !is_valid {
        return Err(unsupported(node, "its blocks are not known"));
    }
    let blocks = |axis: usize, extent: i64, block: i64| {
        let free = extent + pads[axis] + pads[axis + 2] - dilations[axis] * (block - 1) - 1;
        (free / strides[axis] + 1, free.rem_euclid(strides[axis]))
    };
    let ((down, row_rest), (across, column_rest)) =
        (blocks(0, height, rows), blocks(1, width, columns));
    let channels = rows * columns;
    let shape = draft.integers(&[-1, channels, down, across]);
    let split = draft.node("Reshape", &[input(node, 0)?, &shape], &[])?;
    let places = channels as usize;
    let one_place: Vec<f32> =
        (0..places * places).map(|at| f32::from(at / places == at % places)).collect();
    let weights = draft.floats(&[places, 1, rows as usize, columns as usize], &one_place);
    let attributes = [
        ("strides", Attribute::Ints(strides.clone())),
        ("dilations", Attribute::Ints(dilations.clone())),
        ("pads", Attribute::Ints(pads.clone())),
        ("output_padding", Attribute::Ints(vec![row_rest, column_rest])),
    ];
    let sums = draft.node("ConvTranspose", &[&split, &weights], &attributes)?;
    let shape = draft.integers(&[1, -1, height, width]);
    draft.node_to(output(node)?, "Reshape", &[&sums, &shape], &[])?;
    Ok(true)
}

/// The longest side of a block of `Col2Im`.
const LARGEST_BLOCK: i64 = 32;

/// The longest side of its picture.
const LARGEST_SIDE: i64 = 1 << 20;
