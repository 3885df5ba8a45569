use crate::channelwise::Depthwise;
use crate::direct::Direct;
use crate::finish::{Finish, Places};
use crate::simd::Isa;
use crate::transposed::Transposed;
use crate::window::Window;
use crate::winograd::Winograd;

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// By tiles of so many outputs a side.
    Winograd(usize),
    Direct,
    Transposed,
    Depthwise,
}

/// What a convolution is, without its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) window: Window,
    pub(crate) group: usize,
    /// Input and output channels.
    pub(crate) channels: [usize; 2],
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
}

impl Algorithm {
    /// The fastest way, by measurement; `None` for grouped convolutions that are not depthwise.
    /// `pools` where 2×2 max-pooling follows, which only Winograd's tiles take along.
    pub(crate) fn best(shape: &Shape, pools: bool) -> Option<Self> {
        let [inputs, outputs] = shape.channels;
        let plain = Window { before: [0; 2], after: [0; 2], ..shape.window };
        let area = shape.output[0] * shape.output[1];
        match shape.group {
            1 if plain == Window::sliding([3; 2], [0; 2]) && (pools || inputs > FEW) => {
                // Small pictures are bound by reading the weights, of which F(2×2) has fewer: from
                // memory, as within a network, it is as fast up to 14×14, and takes less of it.
                Some(Self::Winograd(if area <= SMALL { 2 } else { 4 }))
            }
            1 if inputs > FEW && is_narrow(shape) => Some(Self::Transposed),
            1 => Some(Self::Direct),
            group if group == inputs && group == outputs => Some(Self::Depthwise),
            _ => None,
        }
    }
}

/// Input channels, such as a picture's colours, for which the transforms are most of the work.
const FEW: usize = 4;

/// Outputs of a picture that is small.
const SMALL: usize = 200;

/// Whether [`Transposed`] is faster than [`Direct`]: where a picture's outputs would leave many
/// vectors half empty, and what is gathered is small enough to be read again for every panel.
fn is_narrow(shape: &Shape) -> bool {
    let area = shape.output[0] * shape.output[1];
    let taps = shape.window.taps();
    let gathered = shape.channels[0] * taps * area * size_of::<f32>();
    area <= NARROW && gathered <= GATHERED
}

/// Outputs of a picture of which a few vectors are many.
const NARROW: usize = 400;

/// Bytes that the gathered pixels may take, all of which are read for every panel of weights.
const GATHERED: usize = 4 << 20;

/// A convolution with its weights, in the form that its algorithm wants.
pub(crate) enum Layer {
    Winograd(Winograd),
    Direct(Direct),
    Transposed(Transposed),
    Depthwise(Depthwise),
}

impl Layer {
    /// Prepares `weights`, which stand by output channel, input channel of the group, row, column.
    pub(crate) fn new(
        isa: Isa,
        algorithm: Algorithm,
        window: Window,
        weights: &[f32],
        bias: &[f32],
    ) -> Self {
        match algorithm {
            Algorithm::Winograd(side) => {
                Self::Winograd(Winograd::new(isa, side, weights, bias, window.before))
            }
            Algorithm::Direct => Self::Direct(Direct::new(isa, window, weights, bias)),
            Algorithm::Transposed => Self::Transposed(Transposed::new(isa, window, weights, bias)),
            Algorithm::Depthwise => Self::Depthwise(Depthwise::new(isa, window, weights, bias)),
        }
    }

    /// Bytes that the weights take.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Winograd(layer) => layer.bytes(),
            Self::Direct(layer) => layer.bytes(),
            Self::Transposed(layer) => layer.bytes(),
            Self::Depthwise(layer) => layer.bytes(),
        }
    }

    /// Convolves one picture; only Winograd's tiles can be `pooled`.
    pub(crate) fn run(
        &self,
        picture: &[f32],
        [input, output]: [[usize; 2]; 2],
        finish: Finish,
        pooled: Option<Places>,
    ) {
        match self {
            Self::Winograd(layer) => layer.run(picture, input, output, finish, pooled),
            Self::Direct(layer) => layer.run(picture, input, output, finish),
            Self::Transposed(layer) => layer.run(picture, input, output, finish),
            Self::Depthwise(layer) => layer.run(picture, input, output, finish),
        }
    }
}
