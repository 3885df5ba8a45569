//! Outputs whose window holds nothing but zeros.
//!
//! By the definition of the convolution they are exactly the bias. The transforms instead give
//! sums that cancel up to rounding. If the bias is zero, a ReLU may open for the rest. Under any
//! other bias the rest has no effect, and nothing is searched.

use std::sync::atomic::{AtomicBool, Ordering};

use super::tile_blocks::{TileBlock, input_span};
use crate::simd::Lanes;

/// Which pixels of a block's input are not zero in some channel.
pub(super) struct NonzeroPixels {
    /// Row by row, as the input pixels of a block. Empty if nothing is searched.
    flags: Vec<AtomicBool>,
    width: usize,
}

impl NonzeroPixels {
    /// No pixels are known yet. Nothing is searched unless `is_needed`.
    pub(super) fn new<const IN: usize, const OUT: usize>(
        block: TileBlock,
        is_needed: bool,
    ) -> Self {
        let [height, width] = block.size.map(input_span::<IN, OUT>);
        let count = if is_needed { height * width } else { 0 };
        Self { flags: (0..count).map(|_| AtomicBool::new(false)).collect(), width }
    }

    /// Takes note of one channel block of the pixels.
    pub(super) fn add(&self, pixels: &[Lanes]) {
        for (flag, pixel) in self.flags.iter().zip(pixels) {
            // Most pixels are known after the first channel block.
            if !flag.load(Ordering::Relaxed) && pixel.0.iter().any(|&value| value != 0.0) {
                flag.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The outputs of `block` whose windows are zero, as indices of the block's output pixels.
    pub(super) fn zero_windows<const OUT: usize>(&self, block: TileBlock) -> Vec<usize> {
        if self.flags.is_empty() {
            return Vec::new();
        }
        let [height, width] = block.size.map(|tiles| tiles * OUT);
        let is_zero = |y: usize, x: usize| !self.flags[y * self.width + x].load(Ordering::Relaxed);
        let mut windows = Vec::new();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            // The pixel in the middle is in the picture, those around it may be padding.
            let is_window = is_zero(y + 1, x + 1)
                && (0..3).all(|row| (0..3).all(|column| is_zero(y + row, x + column)));
            if is_window {
                windows.push(y * width + x);
            }
        }
        windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_zero_if_all_its_pixels_are_in_all_channel_blocks() {
        // Two tiles of 2×2 outputs side by side: 4×6 pixels.
        let block = TileBlock { start: [0, 0], size: [1, 2] };
        let nonzero = NonzeroPixels::new::<4, 2>(block, true);
        let mut pixels = vec![Lanes::default(); 24];
        assert_eq!(nonzero.zero_windows::<2>(block), [0, 1, 2, 3, 4, 5, 6, 7]);
        pixels[0].0[15] = -1e-30;
        nonzero.add(&pixels);
        pixels[0] = Lanes::default();
        // The last pixel of the first row is in one window alone.
        pixels[5].0[0] = f32::NAN;
        nonzero.add(&pixels);
        assert_eq!(nonzero.zero_windows::<2>(block), [1, 2, 4, 5, 6, 7]);
    }

    #[test]
    fn nothing_is_searched_under_other_biases() {
        let block = TileBlock { start: [0, 0], size: [1, 2] };
        let nonzero = NonzeroPixels::new::<4, 2>(block, false);
        nonzero.add(&[Lanes::default(); 24]);
        assert_eq!(nonzero.zero_windows::<2>(block), Vec::<usize>::new());
    }
}
