//! Convolutions: their shapes, and the algorithm that is fastest for each.

use std::sync::Arc;

use crate::conv_kernel::ConvKernel;
use crate::depthwise::Depthwise;
use crate::geometry::{Geometry, Window};
use crate::im2col::Im2col;
use crate::im2row::Im2row;
use crate::simd::Isa;
use crate::winograd::Winograd;

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConvAlgorithm {
    /// With output tiles of this side, 2 or 4.
    Winograd(usize),
    Im2col,
    Im2row,
    Depthwise,
}

/// A convolution without its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvShape {
    pub(crate) geometry: Geometry,
    pub(crate) group: usize,
    /// Input and output channels.
    pub(crate) channels: [usize; 2],
}

/// Up to this many input channels, such as the colours of an image, the transforms would be most of
/// the work of Winograd's algorithm.
const FEW_CHANNELS: usize = 4;

/// Up to this many outputs a channel, F(2×2) is preferred to F(4×4).
const SMALL_AREA: usize = 200;

/// Up to this many outputs a channel, a channel is only a few vectors.
const IM2ROW_MAX_AREA: usize = 400;

/// The largest matrix of pixels for im2row, in bytes. All of it is read for every panel of weights.
const IM2ROW_MAX_BYTES: usize = 4 << 20;

impl ConvAlgorithm {
    /// The fastest algorithm, by measurement; `None` for grouped convolutions that are not
    /// depthwise. `is_pooled` tells whether 2×2 max-pooling follows, which only Winograd's
    /// algorithm can fuse.
    pub(crate) fn fastest(shape: &ConvShape, is_pooled: bool) -> Option<Self> {
        let [inputs, outputs] = shape.channels;
        let Geometry { window, .. } = shape.geometry;
        let unpadded = Window { pad_before: [0; 2], pad_after: [0; 2], ..window };
        let is_3x3 = unpadded == Window::unit_stride([3; 2], [0; 2]);
        match shape.group {
            1 if is_3x3 && (is_pooled || inputs > FEW_CHANNELS) => {
                // For small images, reading the weights is most of the work, and F(2×2) has fewer
                // of them. With the weights in main memory, as within a network, F(2×2) is as fast
                // as F(4×4) up to 14×14 outputs, and its weights take less memory.
                let is_small = shape.geometry.output_area() <= SMALL_AREA;
                Some(Self::Winograd(if is_small { 2 } else { 4 }))
            }
            1 if inputs > FEW_CHANNELS && prefers_im2row(shape) => Some(Self::Im2row),
            1 => Some(Self::Im2col),
            group if group == inputs && group == outputs => Some(Self::Depthwise),
            _ => None,
        }
    }
}

/// Whether [`Im2row`] is faster than [`Im2col`]: the outputs of a channel would leave many vectors
/// half empty, and the matrix of pixels is small enough to be read again for every panel of
/// weights.
fn prefers_im2row(shape: &ConvShape) -> bool {
    let area = shape.geometry.output_area();
    let taps = shape.geometry.window.taps();
    let bytes = shape.channels[0] * taps * area * size_of::<f32>();
    area <= IM2ROW_MAX_AREA && bytes <= IM2ROW_MAX_BYTES
}

/// Packs `weights` for `algorithm`. Their order is ONNX's: output channel, input channel of the
/// group, row, column. `bias` has one value for each output channel.
pub(crate) fn pack_conv(
    isa: Isa,
    algorithm: ConvAlgorithm,
    window: Window,
    weights: &[f32],
    bias: &[f32],
) -> Arc<dyn ConvKernel> {
    match algorithm {
        ConvAlgorithm::Winograd(tile) => Arc::new(Winograd::new(isa, tile, weights, bias)),
        ConvAlgorithm::Im2col => Arc::new(Im2col::new(isa, weights, bias)),
        ConvAlgorithm::Im2row => Arc::new(Im2row::new(isa, window, weights, bias)),
        ConvAlgorithm::Depthwise => Arc::new(Depthwise::new(isa, weights, bias)),
    }
}
