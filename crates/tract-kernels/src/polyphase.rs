use crate::geometry::Geometry;
use crate::simd::WIDTH;

/// Vectors of output that one step of a sliding window computes. A weight that is loaded once
/// serves all of them.
pub(crate) const STEP: usize = 4;

/// The polyphase layout of a padded channel, in which the pixels that a tap reads for adjacent
/// outputs are adjacent.
///
/// With stride s there are s × s phases. Phase (i, j) holds the pixels (s·y + i, s·x + j).
pub(crate) struct PolyphaseLayout {
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) pad_before: [usize; 2],
    /// Height and width of a phase.
    pub(crate) phase_size: [usize; 2],
    /// For each tap, the distance from an output's own position to the pixel that the tap reads.
    pub(crate) tap_offsets: Vec<usize>,
}

impl PolyphaseLayout {
    pub(crate) fn new(geometry: &Geometry) -> Self {
        let Geometry { window, input, output } = *geometry;
        let padded = geometry.padded();
        let phase_size = [0, 1].map(|axis| padded[axis].div_ceil(window.stride[axis]));
        let (stride, pad_before) = (window.stride, window.pad_before);
        let tap_offsets = Vec::new();
        let mut layout = Self { input, output, stride, pad_before, phase_size, tap_offsets };
        let [height, width] = window.kernel;
        let [down, across] = window.dilation;
        let taps = (0..height).flat_map(|y| (0..width).map(move |x| [y * down, x * across]));
        layout.tap_offsets = taps.map(|tap| layout.offset(tap)).collect();
        layout
    }

    /// Floats from one phase to the next. The last step of a phase reads rows and columns beyond
    /// those that it needs.
    fn phase_stride(&self) -> usize {
        (self.phase_size[0] + STEP) * self.phase_size[1] + STEP * WIDTH
    }

    /// The size of all phases, in units of `Lanes`.
    pub(crate) fn lanes(&self) -> usize {
        (self.stride[0] * self.stride[1] * self.phase_stride()).div_ceil(WIDTH)
    }

    /// The offset of the pixel at (y, x), counted from the corner of the padding.
    #[inline(always)]
    pub(crate) fn offset(&self, [y, x]: [usize; 2]) -> usize {
        let [down, across] = self.stride;
        let phase = y % down * across + x % across;
        phase * self.phase_stride() + y / down * self.phase_size[1] + x / across
    }
}
