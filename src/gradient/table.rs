use super::bias::BiasRule;
use super::channel_axis::{self, ChannelAxis};
use super::error::RuleError;
use super::node_context::Rule;
use super::{
    activations as act, arithmetic as ari, bias, convolution as conv, einsum,
    interpolation as inter, matmul, normalization as norm, pooling as pool, rearrangement as rearr,
    recurrent, reduction as red, sampling, scattering as scat, selection as sel,
};
use crate::onnx::pb::NodeProto;

/// An operator that can be differentiated.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Operator {
    /// Its name in the default ONNX domain.
    pub name: &'static str,
    /// The first and the last operator set for which the rule is right.
    pub opsets: (i64, i64),
    /// The attributes that the rule knows. A node with another attribute is refused.
    pub attributes: &'static [&'static str],
    /// The gradient formula, with x̄ for the cotangent of x.
    pub formula: &'static str,
    /// The subgradient chosen where there is no derivative.
    pub subgradient: &'static str,
    /// The values of attributes and inputs that the rule refuses.
    pub refused: &'static str,
    /// How the output depends on the inputs.
    pub(super) kind: Kind,
    pub(super) inputs: Inputs,
    /// Whether the rule handles cotangents of outputs other than the first.
    pub(super) takes_many_outputs: bool,
    pub(super) rule: Rule,
    /// Finds the axis of the output's channels, if the output's cotangent has the same sums over
    /// positions as the input's.
    pub(super) channel_axis: Option<ChannelAxis>,
    /// Gives what the operator adds to its output whatever the picture is.
    pub(super) bias: Option<BiasRule>,
}

/// The oldest operator set that the rules support. Before it, attributes controlled broadcasting.
pub(super) const FIRST_OPSET: i64 = 7;

/// The newest operator set whose definitions were compared with the rules.
const LAST_OPSET: i64 = 28;

/// The inputs of an operator for which its rule gives cotangents.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inputs {
    First,
    All,
    From(usize),
}

impl Inputs {
    pub(super) fn contains(self, argument: usize) -> bool {
        match self {
            Self::First => argument == 0,
            Self::All => true,
            Self::From(first) => argument >= first,
        }
    }
}

/// How an operator's output depends on its inputs. Sets of backward rules treat the operators of
/// one kind alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Linear in each input while the others stay.
    Linear,
    /// The output has elements of the inputs in other places, or copies of them.
    Rearrangement,
    /// Each output element is one of the input elements that it sees.
    Selection,
    /// A function of each element of the first input.
    Activation,
    /// None of these.
    Nonlinear,
}

/// Every operator that can be differentiated, sorted by name.
#[must_use]
pub fn operators() -> &'static [Operator] {
    OPERATORS
}

/// The row of `node`'s operator, if it is in the default ONNX domain.
pub(super) fn find(node: &NodeProto) -> Option<&'static Operator> {
    if !matches!(node.domain.as_str(), "" | "ai.onnx") {
        return None;
    }
    let index = OPERATORS.binary_search_by(|row| row.name.cmp(&node.op_type)).ok()?;
    OPERATORS.get(index)
}

const fn row(name: &'static str, inputs: Inputs, rule: Rule, formula: &'static str) -> Operator {
    Operator {
        name,
        opsets: (FIRST_OPSET, LAST_OPSET),
        attributes: &[],
        formula,
        subgradient: "",
        refused: "",
        kind: Kind::Linear,
        inputs,
        takes_many_outputs: false,
        rule,
        channel_axis: None,
        bias: None,
    }
}

impl Operator {
    /// Refuses a node of an operator set or with an attribute that the rule does not know.
    pub(super) fn check(&self, node: &NodeProto, opset: i64) -> Result<(), RuleError> {
        let (first, last) = self.opsets;
        if opset < first || opset > last {
            return Err(RuleError(format!(
                "its rule is for the operator sets {first} to {last}, not for {opset}"
            )));
        }
        let is_unknown = |name: &&str| !self.attributes.contains(name);
        match node.attribute.iter().map(|attribute| attribute.name.as_str()).find(is_unknown) {
            Some(name) => Err(RuleError(format!("its rule does not know the attribute {name:?}"))),
            None => Ok(()),
        }
    }

    /// The attributes that the rule knows: those that it reads, and those without an effect on the
    /// gradient.
    const fn knows(mut self, attributes: &'static [&'static str]) -> Self {
        self.attributes = attributes;
        self
    }

    /// The operator set that introduced the operator.
    const fn since(mut self, opset: i64) -> Self {
        self.opsets.0 = opset;
        self
    }

    /// The last operator set that has the operator.
    const fn until(mut self, opset: i64) -> Self {
        self.opsets.1 = opset;
        self
    }

    /// The subgradient where there is no derivative.
    const fn at_kinks(mut self, subgradient: &'static str) -> Self {
        self.subgradient = subgradient;
        self
    }

    const fn refuses(mut self, what: &'static str) -> Self {
        self.refused = what;
        self
    }

    /// The cotangents of input and output have the same sums over positions.
    const fn channel_axis(mut self, channel_axis: ChannelAxis) -> Self {
        self.channel_axis = Some(channel_axis);
        self
    }

    /// The operator adds constants to its output.
    const fn bias(mut self, bias: BiasRule) -> Self {
        self.bias = Some(bias);
        self
    }

    const fn rearranges(mut self) -> Self {
        self.kind = Kind::Rearrangement;
        self
    }

    const fn selects(mut self) -> Self {
        self.kind = Kind::Selection;
        self
    }

    const fn activation(mut self) -> Self {
        self.kind = Kind::Activation;
        self
    }

    const fn nonlinear(mut self) -> Self {
        self.kind = Kind::Nonlinear;
        self
    }

    const fn many_outputs(mut self) -> Self {
        self.takes_many_outputs = true;
        self
    }
}

use Inputs::{All, First, From};

/// The attributes of reductions.
const REDUCTION: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];

/// The attributes of recurrent layers.
const RECURRENT: &[&str] =
    &["activations", "direction", "hidden_size", "input_forget", "layout", "linear_before_reset"];

/// One row per operator, sorted by name.
#[rustfmt::skip]
const OPERATORS: &[Operator] = &[
    row("Abs", First, ari::abs, "x̄ = ȳ·sign(x)").at_kinks("0 at x = 0").activation(),
    row("Acos", First, ari::acos, "x̄ = −ȳ/√(1 − x²)").at_kinks("not finite at x = ±1").activation(),
    row("Acosh", First, ari::acosh, "x̄ = ȳ/√(x² − 1)").since(9).at_kinks("not finite at x = 1").activation(),
    row("Add", All, ari::add, "ā = b̄ = ȳ").bias(bias::sum),
    row("Asin", First, ari::asin, "x̄ = ȳ/√(1 − x²)").at_kinks("not finite at x = ±1").activation(),
    row("Asinh", First, ari::asinh, "x̄ = ȳ/√(x² + 1)").since(9).activation(),
    row("Atan", First, ari::atan, "x̄ = ȳ/(1 + x²)").activation(),
    row("Atanh", First, ari::atanh, "x̄ = ȳ/(1 − x²)").since(9).at_kinks("not finite at x = ±1").activation(),
    row("AveragePool", First, pool::average_pool, "x̄ = Σ ȳ/count over the windows that contain the element").knows(&["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"]).channel_axis(channel_axis::pool),
    row("BatchNormalization", First, norm::batch_normalization, "x̄ = ȳ·s/√(σ² + ε)").knows(&["epsilon", "momentum", "spatial", "training_mode"]).refuses("`training_mode` = 1, `spatial` = 0").bias(bias::batch_normalization),
    row("Cast", First, ari::cast, "x̄ = ȳ in x's type").knows(&["round_mode", "saturate", "to"]).refuses("a cast to integers stops the gradient").rearranges(),
    row("Ceil", First, ari::flat, "x̄ = 0").activation(),
    row("Celu", First, act::celu, "x̄ = ȳ·e^(min(x, 0)/α)").knows(&["alpha"]).since(12).activation(),
    row("Clip", First, act::clip, "x̄ = ȳ·[l < y < h]").knows(&["max", "min"]).at_kinks("0 at the bounds").activation(),
    row("Concat", All, rearr::concat, "x̄ᵢ = the i-th part of ȳ").knows(&["axis"]).rearranges(),
    row("Conv", First, conv::conv, "x̄ = transposed convolution of ȳ by w").knows(&["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"]).bias(bias::conv),
    row("ConvTranspose", First, conv::conv_transpose, "x̄ = convolution of ȳ by w").knows(&["auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides"]).refuses("`output_shape`; `auto_pad` = `SAME_*`").bias(bias::conv),
    row("Cos", First, ari::cos, "x̄ = −ȳ·sin x").activation(),
    row("Cosh", First, ari::cosh, "x̄ = ȳ·sinh x").since(9).activation(),
    row("CumSum", First, rearr::cum_sum, "x̄ = the sum of ȳ from the other end").knows(&["exclusive", "reverse"]).since(11),
    row("DepthToSpace", First, rearr::depth_to_space, "x̄ = ȳ moved back to channels").knows(&["blocksize", "mode"]).rearranges(),
    row("Div", All, ari::div, "ā = ȳ/b, b̄ = −ȳy/b").at_kinks("not finite at b = 0, as y"),
    row("Dropout", First, ari::dropout, "x̄ = ȳ").knows(&["ratio", "seed"]).refuses("`training_mode` = true").channel_axis(channel_axis::dropout).rearranges(),
    row("Einsum", All, einsum::einsum, "x̄ᵢ = einsum of ȳ and the other operands, to the labels of xᵢ").knows(&["equation"]).since(12).refuses("`equation` without `->`, with `...`, or with a label twice in one term").nonlinear(),
    row("Elu", First, act::elu, "x̄ = ȳ where y > 0, else ȳ·(y + α)").knows(&["alpha"]).at_kinks("α at x = 0").refuses("`alpha` ≤ 0").activation(),
    row("Erf", First, ari::erf, "x̄ = ȳ·2/√π·e^(−x²)").since(9).activation(),
    row("Exp", First, ari::exp, "x̄ = ȳy").activation(),
    row("Expand", First, rearr::expand, "x̄ = Σ ȳ over the repetitions").since(8).rearranges(),
    row("Flatten", First, rearr::reshape, "x̄ = ȳ in x's shape").knows(&["axis"]).channel_axis(channel_axis::reshape).rearranges(),
    row("Floor", First, ari::flat, "x̄ = 0").activation(),
    row("GRU", First, recurrent::gru, "the loop over the steps, backwards").knows(RECURRENT).refuses("`layout` = 1; other `activations` than those of the specification").many_outputs().nonlinear(),
    row("Gather", First, sel::gather, "x̄ = ȳ added to where it came from").knows(&["axis"]).rearranges(),
    row("GatherElements", First, scat::gather_elements, "x̄ = ȳ added to where it came from").knows(&["axis"]).since(11).rearranges(),
    row("GatherND", First, scat::gather_nd, "x̄ = ȳ added to where it came from").knows(&["batch_dims"]).since(11).refuses("`batch_dims` other than 0").rearranges(),
    row("Gelu", First, act::gelu, "x̄ = ȳ·(Φ(x) + x·φ(x))").knows(&["approximate"]).since(20).activation(),
    row("Gemm", All, matmul::gemm, "ā = α·ȳ·bᵀ, b̄ = α·aᵀ·ȳ, c̄ = β·ȳ").knows(&["alpha", "beta", "transA", "transB"]).bias(bias::gemm),
    row("GlobalAveragePool", First, pool::global_average_pool, "x̄ = ȳ/count").channel_axis(channel_axis::global_pool),
    row("GlobalMaxPool", First, pool::global_max_pool, "x̄ = ȳ at the maximum").at_kinks("the first maximum").channel_axis(channel_axis::global_pool).selects(),
    row("GridSample", All, sampling::grid_sample, "x̄ = Σ ȳw over the places that read an element; of a place: Σ ȳ·x·∂w").knows(&["align_corners", "mode", "padding_mode"]).since(16).at_kinks("the slope behind the element").refuses("`mode` = `cubic`; `padding_mode` = `reflection`").nonlinear(),
    row("GroupNormalization", First, norm::group_normalization, "x̄ = r·(ĝ − mean ĝ − x̂·mean(ĝx̂)), ĝ = ȳs").knows(&["epsilon", "num_groups", "stash_type"]).since(18).nonlinear().bias(bias::group_normalization),
    row("HardSigmoid", First, act::hard_sigmoid, "x̄ = αȳ·[0 < y < 1]").knows(&["alpha", "beta"]).at_kinks("0 at the bends").activation(),
    row("HardSwish", First, act::hard_swish, "x̄ = ȳ·(s + x/6·[0 < s < 1]), s = min(max(x/6 + ½, 0), 1)").since(14).at_kinks("0 at x = −3, 1 at x = 3").activation(),
    row("Identity", First, ari::add, "x̄ = ȳ").channel_axis(channel_axis::same_axis).rearranges(),
    row("InstanceNormalization", First, norm::instance_normalization, "x̄ = r·(ĝ − mean ĝ − x̂·mean(ĝx̂)), ĝ = ȳs").knows(&["epsilon"]).nonlinear().bias(bias::instance_normalization),
    row("LRN", First, norm::lrn, "x̄ = ȳ/s^β − 2αβ/n·x·Σ ȳx/s^(β+1)").knows(&["alpha", "beta", "bias", "size"]).nonlinear(),
    row("LSTM", First, recurrent::lstm, "the loop over the steps, backwards").knows(RECURRENT).refuses("`layout` = 1; peepholes; other `activations` than those of the specification").many_outputs().nonlinear(),
    row("LayerNormalization", First, norm::layer_normalization, "x̄ = r·(ĝ − mean ĝ − x̂·mean(ĝx̂)), ĝ = ȳs").knows(&["axis", "epsilon", "stash_type"]).since(17).nonlinear().bias(bias::layer_normalization),
    row("LeakyRelu", First, act::leaky_relu, "x̄ = ȳ where x > 0, else αȳ").knows(&["alpha"]).at_kinks("α at x = 0").activation(),
    row("Log", First, ari::log, "x̄ = ȳ/x").at_kinks("not finite at x = 0, as y").activation(),
    row("LogSoftmax", First, act::log_softmax, "x̄ = ȳ − eʸ·Σ ȳ").knows(&["axis"]).nonlinear(),
    row("LpNormalization", First, norm::lp_normalization, "x̄ = (ȳ − y·Σ ȳy)/‖x‖; p = 1: (ȳ − sign(x)·Σ ȳy)/‖x‖₁").knows(&["axis", "p"]).at_kinks("0 at x = 0; p = 1: sign(0) = 0").refuses("`p` other than 1 and 2").nonlinear(),
    row("MatMul", All, matmul::matmul, "ā = ȳ·bᵀ, b̄ = aᵀ·ȳ"),
    row("Max", All, ari::extremum, "x̄ᵢ = ȳ·[xᵢ = y]/m").at_kinks("ties share equally").selects(),
    row("MaxPool", First, pool::max_pool, "x̄ = ȳ at each window's maximum").knows(&["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"]).at_kinks("the window's first maximum").refuses("`storage_order` = 1").channel_axis(channel_axis::pool).selects(),
    row("Mean", All, ari::mean, "x̄ᵢ = ȳ/n"),
    row("MeanVarianceNormalization", First, norm::mean_variance_normalization, "x̄ = r·(ȳ − mean ȳ − y·mean(ȳy))").knows(&["axes"]).since(9).nonlinear(),
    row("Min", All, ari::extremum, "x̄ᵢ = ȳ·[xᵢ = y]/m").at_kinks("ties share equally").selects(),
    row("Mish", First, act::mish, "x̄ = ȳ·(t + x·(1 − t²)·σ(x)), t = tanh(softplus x)").since(18).activation(),
    row("Mul", All, ari::mul, "ā = ȳb, b̄ = ȳa"),
    row("Neg", First, ari::neg, "x̄ = −ȳ"),
    row("PRelu", All, act::prelu, "x̄ = ȳ where x > 0, else sȳ; s̄ = ȳ·min(x, 0)").at_kinks("s at x = 0").activation(),
    row("Pad", First, sel::pad, "x̄ = the middle of ȳ, plus ȳ of the elements that copy it").knows(&["mode", "pads", "value"]).refuses("pads that depend on the picture; negative pads unless `constant`").rearranges(),
    row("Pow", All, ari::pow, "x̄ = ȳ·p·xᵖ⁻¹, p̄ = ȳ·y·ln x").at_kinks("0 at x = 0; x̄: for p < 1").activation(),
    row("RNN", First, recurrent::rnn, "the loop over the steps, backwards").knows(RECURRENT).refuses("`layout` = 1; other `activations` than `Tanh` and `Relu`").many_outputs().nonlinear(),
    row("Reciprocal", First, ari::reciprocal, "x̄ = −ȳy²").at_kinks("not finite at x = 0, as y").activation(),
    row("ReduceL1", First, red::l1, "x̄ = ȳ·sign(x)").knows(REDUCTION).at_kinks("0 at x = 0").nonlinear(),
    row("ReduceL2", First, red::l2, "x̄ = ȳ·x/y").knows(REDUCTION).at_kinks("0 at y = 0").nonlinear(),
    row("ReduceLogSum", First, red::log_sum, "x̄ = ȳ·e⁻ʸ").knows(REDUCTION).nonlinear(),
    row("ReduceLogSumExp", First, red::log_sum_exp, "x̄ = ȳ·e^(x − y)").knows(REDUCTION).nonlinear(),
    row("ReduceMax", First, red::extremum, "x̄ = ȳ·[x = y]/m").knows(REDUCTION).at_kinks("ties share equally").selects(),
    row("ReduceMean", First, red::mean, "x̄ = ȳ/n").knows(REDUCTION).channel_axis(channel_axis::reduce_mean),
    row("ReduceMin", First, red::extremum, "x̄ = ȳ·[x = y]/m").knows(REDUCTION).at_kinks("ties share equally").selects(),
    row("ReduceSum", First, red::sum, "x̄ = ȳ").knows(REDUCTION),
    row("ReduceSumSquare", First, red::sum_square, "x̄ = 2ȳx").knows(REDUCTION).nonlinear(),
    row("Relu", First, act::relu, "x̄ = ȳ·[y > 0]").at_kinks("0 at x = 0").activation(),
    row("Reshape", First, rearr::reshape, "x̄ = ȳ in x's shape").knows(&["allowzero"]).channel_axis(channel_axis::reshape).rearranges(),
    row("Resize", First, inter::resize, "x̄ = Mᵀȳ for y = Mx").knows(&["antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode"]).since(10).refuses("`tf_crop_and_resize`; scales that depend on the picture; such sizes with `not_larger` and `not_smaller`"),
    row("Round", First, ari::round, "x̄ = ȳ").since(11).at_kinks("everywhere: the derivative is 0 or undefined, and ȳ is passed straight through").activation(),
    row("ScatterElements", All, scat::scatter_elements, "x̄ = ȳ, but 0 where elements are replaced; of these: ȳ at their places").knows(&["axis", "reduction"]).since(11).refuses("`reduction` other than `none`").rearranges(),
    row("ScatterND", All, scat::scatter_nd, "x̄ = ȳ, but 0 where elements are replaced; of these: ȳ at their places").knows(&["reduction"]).since(11).refuses("`reduction` other than `none`").rearranges(),
    row("Selu", First, act::selu, "x̄ = γȳ where y > 0, else ȳ·(y + γα)").knows(&["alpha", "gamma"]).at_kinks("γα at x = 0").refuses("`alpha` ≤ 0").activation(),
    row("Shrink", First, act::shrink, "x̄ = ȳ·[|x| > λ]").knows(&["bias", "lambd"]).since(9).at_kinks("0 at |x| = λ").activation(),
    row("Sigmoid", First, act::sigmoid, "x̄ = ȳ·y·(1 − y)").activation(),
    row("Sign", First, ari::flat, "x̄ = 0").since(9).activation(),
    row("Sin", First, ari::sin, "x̄ = ȳ·cos x").activation(),
    row("Sinh", First, ari::sinh, "x̄ = ȳ·cosh x").since(9).activation(),
    row("Slice", First, sel::slice, "x̄ = ȳ among zeros").knows(&["axes", "ends", "starts"]).refuses("bounds that depend on the picture").rearranges(),
    row("Softmax", First, act::softmax, "x̄ = y·(ȳ − Σ ȳy)").knows(&["axis"]).nonlinear(),
    row("Softplus", First, act::softplus, "x̄ = ȳ·σ(x)").activation(),
    row("Softsign", First, act::softsign, "x̄ = ȳ/(1 + |x|)²").activation(),
    row("SpaceToDepth", First, rearr::space_to_depth, "x̄ = ȳ moved back to space").knows(&["blocksize"]).rearranges(),
    row("Split", First, rearr::split, "x̄ = the ȳᵢ, concatenated").knows(&["axis", "num_outputs", "split"]).many_outputs().rearranges(),
    row("Sqrt", First, ari::sqrt, "x̄ = ȳ/(2y)").at_kinks("0 at x = 0").activation(),
    row("Squeeze", First, rearr::reshape, "x̄ = ȳ in x's shape").knows(&["axes"]).channel_axis(channel_axis::reshape).rearranges(),
    row("Sub", All, ari::sub, "ā = ȳ, b̄ = −ȳ").bias(bias::sub),
    row("Sum", All, ari::add, "x̄ᵢ = ȳ").bias(bias::sum),
    row("Swish", First, act::swish, "x̄ = ȳ·(s + αx·s·(1 − s)), s = σ(αx)").knows(&["alpha"]).since(24).activation(),
    row("Tan", First, ari::tan, "x̄ = ȳ·(1 + y²)").activation(),
    row("Tanh", First, act::tanh, "x̄ = ȳ·(1 − y²)").activation(),
    row("ThresholdedRelu", First, act::thresholded_relu, "x̄ = ȳ·[x > α]").knows(&["alpha"]).since(10).at_kinks("0 at x = α").activation(),
    row("Tile", First, rearr::tile, "x̄ = Σ ȳ over the repetitions").refuses("repeats that depend on the picture").rearranges(),
    row("TopK", First, scat::top_k, "x̄ = ȳ at the places that it came from").knows(&["axis", "k", "largest", "sorted"]).rearranges(),
    row("Transpose", First, rearr::transpose, "x̄ = ȳ with the inverse permutation").knows(&["perm"]).channel_axis(channel_axis::transpose).rearranges(),
    row("Trilu", First, rearr::trilu, "x̄ = ȳ in the same triangle").knows(&["upper"]).since(14).rearranges(),
    row("Unsqueeze", First, rearr::reshape, "x̄ = ȳ in x's shape").knows(&["axes"]).channel_axis(channel_axis::reshape).rearranges(),
    row("Upsample", First, inter::resize, "x̄ = Mᵀȳ for y = Mx").knows(&["mode", "scales"]).until(9),
    row("Where", From(1), ari::select, "ā = c ? ȳ : 0, b̄ = c ? 0 : ȳ").since(9).nonlinear(),
];
