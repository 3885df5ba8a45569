//! Blocks of sixteen channels, packed so that the channels of a pixel are adjacent: oneDNN's layout
//! nChw16c.

use crate::simd::{Lanes, Simd, SimdOp, WIDTH};

/// At most sixteen channels of an image, still one after the other (NCHW).
#[derive(Clone, Copy)]
pub(crate) struct ChannelBlock<'a> {
    pixels: &'a [f32],
    /// Height and width.
    size: [usize; 2],
    /// Zeros above and to the left.
    pad_before: [usize; 2],
}

impl<'a> ChannelBlock<'a> {
    /// The sixteen channels of block `index`, or as many as there are.
    pub(crate) fn new(
        image: &'a [f32],
        index: usize,
        size: [usize; 2],
        pad_before: [usize; 2],
    ) -> Self {
        let area = size[0] * size[1];
        let pixels = &image[index * WIDTH * area..];
        Self { pixels: &pixels[..pixels.len().min(WIDTH * area)], size, pad_before }
    }

    /// Packs pixels of row `y`, from column `left` on. Both are counted from the corner of the
    /// padding. Pixels beside the image are zero.
    #[inline(always)]
    pub(crate) fn pack_row<S: Simd>(&self, simd: S, y: usize, left: usize, packed: &mut [Lanes]) {
        let [height, width] = self.size;
        let Some(y) = y.checked_sub(self.pad_before[0]).filter(|&y| y < height) else {
            return packed.fill(Lanes::default());
        };
        let begin = self.pad_before[1].saturating_sub(left).min(packed.len());
        let first = (left + begin).saturating_sub(self.pad_before[1]).min(width);
        let end = (begin + width - first).min(packed.len());
        packed[..begin].fill(Lanes::default());
        packed[end..].fill(Lanes::default());
        let mut x = first;
        for run in packed[begin..end].chunks_mut(WIDTH) {
            let mut vectors = [simd.splat(0.0); WIDTH];
            for (vector, plane) in vectors.iter_mut().zip(self.pixels.chunks_exact(height * width))
            {
                let pixels = &plane[y * width + x..][..run.len()];
                *vector = simd.load_slice(pixels);
            }
            simd.transpose(&mut vectors);
            for (pixel, vector) in run.iter_mut().zip(vectors) {
                simd.store(vector, pixel);
            }
            x += WIDTH;
        }
    }
}

/// Packs rows of a block with their padding, `row_length` pixels each, until `packed` is full.
pub(crate) struct PackChannelBlock<'a> {
    pub(crate) block: ChannelBlock<'a>,
    pub(crate) row_length: usize,
    pub(crate) packed: &'a mut [Lanes],
}

impl SimdOp for PackChannelBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        for (y, row) in self.packed.chunks_exact_mut(self.row_length).enumerate() {
            self.block.pack_row(simd, y, 0, row);
        }
    }
}
