//! Outputs whose window holds nothing but zeros.
//!
//! By the definition of the convolution they are exactly the bias. The transforms instead give
//! sums that cancel up to rounding, and a ReLU may open for the rest.

use std::sync::atomic::{AtomicBool, Ordering};

use super::tile_blocks::{TileBlock, input_span};
use crate::simd::Lanes;

/// Which pixels of a block's input are not zero in some channel.
pub(super) struct NonzeroPixels {
    /// Row by row, as the input pixels of a block.
    flags: Vec<AtomicBool>,
    width: usize,
}

impl NonzeroPixels {
    pub(super) fn new<const IN: usize, const OUT: usize>(block: TileBlock) -> Self {
        let [height, width] = block.size.map(input_span::<IN, OUT>);
        let flags = (0..height * width).map(|_| AtomicBool::new(false)).collect();
        Self { flags, width }
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
        if self.flags.iter().all(|flag| flag.load(Ordering::Relaxed)) {
            return Vec::new();
        }
        let [height, width] = block.size.map(|tiles| tiles * OUT);
        let is_zero = |y: usize, x: usize| {
            let rows = (y..y + 3).map(|y| &self.flags[y * self.width + x..][..3]);
            rows.flatten().all(|flag| !flag.load(Ordering::Relaxed))
        };
        let positions = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        positions.filter(|&(y, x)| is_zero(y, x)).map(|(y, x)| y * width + x).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_zero_if_all_its_pixels_are_in_all_channel_blocks() {
        // Two tiles of 2×2 outputs side by side: 4×6 pixels.
        let block = TileBlock { start: [0, 0], size: [1, 2] };
        let nonzero = NonzeroPixels::new::<4, 2>(block);
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
}
