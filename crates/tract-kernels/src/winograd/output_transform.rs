use super::tile_blocks::TileBlock;
use super::tile_transforms::output_tile;
use crate::epilogue::Epilogue;
use crate::shared_output::SharedOutput;
use crate::simd::{Lanes, Simd, SimdOp, WIDTH};

/// Transforms the products of one block to output tiles, for at most sixteen channels, and applies
/// the epilogue.
pub(super) struct OutputTransform<'a, const IN: usize, const OUT: usize> {
    /// For every point, `product_stride` apart, and every tile a panel of vectors, of which the
    /// first one is read.
    pub(super) products: &'a [Lanes],
    pub(super) product_stride: usize,
    pub(super) panel: usize,
    pub(super) bias: &'a Lanes,
    /// The first of the channels, and the one after the last.
    pub(super) channels: [usize; 2],
    /// Height and width of the output.
    pub(super) output: [usize; 2],
    pub(super) block: TileBlock,
    /// The output pixels of the block that are the bias, because their windows are zero.
    pub(super) zeros: &'a [usize],
    /// Scratch memory for the output pixels of the block.
    pub(super) pixels: &'a mut [Lanes],
    pub(super) epilogue: Epilogue<'a>,
    /// Receives the maximum of every 2×2 clipped outputs.
    pub(super) pooled: Option<SharedOutput<'a>>,
}

impl<const IN: usize, const OUT: usize> SimdOp for OutputTransform<'_, IN, OUT> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        let row_length = self.block.size[1] * OUT;
        let bias = simd.load(self.bias);
        let mut tile = 0;
        for row in 0..self.block.size[0] {
            for column in 0..self.block.size[1] {
                let products = &self.products[tile * self.panel..];
                let mut columns = [[bias; IN]; IN];
                for (point, vector) in columns.as_flattened_mut().iter_mut().enumerate() {
                    *vector = simd.load(&products[point * self.product_stride]);
                }
                let rows: [[S::Vector; OUT]; OUT] = output_tile(simd, columns);
                let corner = &mut self.pixels[row * OUT * row_length + column * OUT..];
                for (i, row) in rows.into_iter().enumerate() {
                    for (vector, pixel) in row.into_iter().zip(&mut corner[i * row_length..]) {
                        simd.store(simd.add(vector, bias), pixel);
                    }
                }
                tile += 1;
            }
        }
        for &pixel in self.zeros {
            self.pixels[pixel] = *self.bias;
        }
        let Epilogue { conv, sum, clipped, .. } = self.epilogue;
        if conv.or(sum).or(clipped).is_some() {
            self.store_rows(simd, row_length);
        }
        if let Some(pooled) = self.pooled {
            self.store_pooled_rows(simd, row_length, pooled);
        }
    }
}

impl<const IN: usize, const OUT: usize> OutputTransform<'_, IN, OUT> {
    /// Applies the epilogue to the pixels, whose rows have the length `row_length`.
    #[inline(always)]
    fn store_rows<S: Simd>(&self, simd: S, row_length: usize) {
        let [height, width] = self.output;
        let [top, left] = self.block.start.map(|tile| tile * OUT);
        let visible = row_length.min(width - left);
        for (y, row) in (top..height).zip(self.pixels.chunks_exact(row_length)) {
            for (run, pixels) in row[..visible].chunks(WIDTH).enumerate() {
                let mut vectors = [simd.splat(0.0); WIDTH];
                for (vector, pixel) in vectors.iter_mut().zip(pixels) {
                    *vector = simd.load(pixel);
                }
                simd.transpose(&mut vectors);
                for (channel, vector) in (self.channels[0]..self.channels[1]).zip(vectors) {
                    let offset = (channel * height + y) * width + left + run * WIDTH;
                    // SAFETY: blocks do not overlap, nor do channels.
                    unsafe { self.epilogue.apply(simd, vector, offset, pixels.len()) };
                }
            }
        }
    }

    /// Stores the clipped maxima of every 2×2 pixels.
    #[inline(always)]
    fn store_pooled_rows<S: Simd>(&self, simd: S, row_length: usize, pooled: SharedOutput) {
        let [height, width] = self.output.map(|length| length / 2);
        let [top, left] = self.block.start.map(|tile| tile * OUT / 2);
        let visible = (row_length / 2).min(width.saturating_sub(left));
        for (y, rows) in (top..height).zip(self.pixels.chunks_exact(2 * row_length)) {
            let (upper, lower) = rows.split_at(row_length);
            let [upper, lower] = [upper, lower].map(|row| &row.as_chunks::<2>().0[..visible]);
            let runs = upper.chunks(WIDTH).zip(lower.chunks(WIDTH));
            for (run, (upper, lower)) in runs.enumerate() {
                let mut vectors = [simd.splat(0.0); WIDTH];
                for (vector, ([a, b], [c, d])) in vectors.iter_mut().zip(upper.iter().zip(lower)) {
                    let above = simd.max(simd.load(a), simd.load(b));
                    let below = simd.max(simd.load(c), simd.load(d));
                    *vector = simd.max(above, below);
                }
                simd.transpose(&mut vectors);
                for (channel, vector) in (self.channels[0]..self.channels[1]).zip(vectors) {
                    let offset = (channel * height + y) * width + left + run * WIDTH;
                    let vector = self.epilogue.clip.apply(simd, vector);
                    // SAFETY: blocks do not overlap, nor do channels.
                    simd.store_slice(vector, unsafe { pooled.slice_mut(offset, upper.len()) });
                }
            }
        }
    }
}
