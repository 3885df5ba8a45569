//! Rewriting of a model when it is loaded. Afterwards engine and gradient rules see values of
//! float32 and operators of the ONNX standard.
//!
//! Values keep their names. Nodes are replaced by nodes that compute the same.

mod attention;
mod concatenation;
mod draft;
mod float32;
mod fused;
mod integer_input;
mod quantization;
mod quantized_operators;
mod standard;

use self::draft::{Draft, Rewrite};
use self::fused::SAVE_BASIC;
use super::pb::NodeProto;
use super::{Model, OnnxError};

/// The domain of operators that ONNX Runtime adds to the standard.
const MICROSOFT: &str = "com.microsoft";

/// The domain of operators on blocked channels, whose size depends on the machine.
const MACHINE: &str = "com.microsoft.nchwc";

/// Which operators are rewritten, by domain and name.
#[rustfmt::skip]
const REWRITES: &[(&str, &str, Rewrite)] = &[
    ("", "Attention", attention::attention),
    ("", "AveragePool", standard::average_pool),
    ("", "BatchNormalization", standard::batch_normalization),
    ("", "Col2Im", standard::col2im),
    ("", "ConstantOfShape", standard::zeros_of_float32),
    ("", "ConvInteger", quantized_operators::integer_product),
    ("", "DequantizeLinear", quantization::dequantize),
    ("", "DynamicQuantizeLinear", quantization::dynamic_quantize),
    ("", "LpPool", standard::lp_pool),
    ("", "MatMulInteger", quantized_operators::integer_product),
    ("", "QLinearConv", quantized_operators::convolution),
    ("", "QLinearMatMul", quantized_operators::product),
    ("", "QuantizeLinear", quantization::quantize),
    ("", "RMSNormalization", standard::rms_normalization),
    (MICROSOFT, "BiasGelu", fused::gelu),
    (MICROSOFT, "DequantizeLinear", quantization::dequantize),
    (MICROSOFT, "FastGelu", fused::gelu),
    (MICROSOFT, "FusedConv", fused::convolution),
    (MICROSOFT, "FusedGemm", fused::gemm),
    (MICROSOFT, "FusedMatMul", fused::product),
    (MICROSOFT, "Gelu", fused::gelu),
    (MICROSOFT, "NhwcMaxPool", fused::nhwc_max_pool),
    (MICROSOFT, "QGemm", quantized_operators::gemm),
    (MICROSOFT, "QLinearAdd", quantized_operators::binary),
    (MICROSOFT, "QLinearAveragePool", quantized_operators::pool),
    (MICROSOFT, "QLinearConcat", quantized_operators::concatenation),
    (MICROSOFT, "QLinearConv", quantized_operators::convolution),
    (MICROSOFT, "QLinearGlobalAveragePool", quantized_operators::pool),
    (MICROSOFT, "QLinearLeakyRelu", quantized_operators::unary),
    (MICROSOFT, "QLinearMul", quantized_operators::binary),
    (MICROSOFT, "QLinearSigmoid", quantized_operators::unary),
    (MICROSOFT, "QLinearSoftmax", quantized_operators::unary),
    (MICROSOFT, "QuantizeLinear", quantization::quantize),
    (MICROSOFT, "QuickGelu", fused::quick_gelu),
    (MICROSOFT, "SkipLayerNormalization", fused::skip_layer_normalization),
];

impl Model {
    /// The model as engine and gradient rules know it: values of float32, standard operators.
    ///
    /// # Errors
    /// [`OnnxError::Tensor`] for a stored tensor that cannot be read, and
    /// [`OnnxError::Unsupported`] for an operator that cannot be rewritten.
    pub fn rewritten(self) -> Result<Self, OnnxError> {
        let mut model = float32::converted(self)?;
        integer_input::convert(&mut model);
        let opset = model.opset();
        let Some(graph) = model.graph_mut() else { return Ok(model) };
        let mut draft = Draft::new(graph, opset, find);
        for node in std::mem::take(&mut graph.node) {
            if node.domain == MACHINE {
                let reason = format!("it is written for one kind of machine; {SAVE_BASIC}");
                return Err(draft::unsupported(&node, &reason));
            }
            draft.rewrite(node)?;
        }
        draft.finish(graph);
        concatenation::nest(graph);
        Ok(model)
    }
}

/// The rewriting of `node`'s operator, if there is one.
fn find(node: &NodeProto) -> Option<Rewrite> {
    let domain = if node.domain == "ai.onnx" { "" } else { node.domain.as_str() };
    let is_this = |(of, name, _): &&(&str, &str, Rewrite)| *of == domain && *name == node.op_type;
    REWRITES.iter().find(is_this).map(|&(_, _, rewrite)| rewrite)
}
