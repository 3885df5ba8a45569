//! Products of a matrix of weights and several vectors. The weights are packed on the way to the
//! micro-kernel, a part at a time, so that no second copy of them is kept.

use crate::gemm::{GemmTile, pack_a, tile_rows};
use crate::gemv::Weight;
use crate::scratch::with_scratch;
use crate::simd::{Isa, Lanes, Simd, SimdOp, WIDTH, as_floats};
use crate::thread_pool::parallel_chunks;

/// The most inputs that are packed at a time. Their panel fits the second-level cache.
const DEPTH: usize = 512;

/// y\[v\] = W x\[v\] for every vector, with `matrix` W stored row by row: each output is the dot
/// product of a row and a vector. `x` has vectors of `inputs` elements, `y` their products.
pub(crate) fn multiply_rows<T: Weight>(
    isa: Isa,
    matrix: &[T],
    x: &[f32],
    inputs: usize,
    y: &mut [f32],
) {
    let vectors = x.len() / inputs;
    let outputs = y.len() / vectors;
    let width = isa.panel() * WIDTH;
    let panels: Vec<Vec<Lanes>> =
        (0..vectors).step_by(width).map(|first| pack_vectors(x, inputs, first, width)).collect();
    let tile = tile_rows(outputs, isa.max_rows(), isa.panel());
    let size = tile * panels.len() * isa.panel();
    with_scratch([outputs.div_ceil(tile) * size], |[products]| {
        parallel_chunks(products, size, |index, products| {
            let rows = &matrix[index * tile * inputs..];
            let rows = &rows[..rows.len().min(tile * inputs)];
            let sizes = [DEPTH.div_ceil(WIDTH) * tile, tile * isa.panel()];
            with_scratch(sizes, |[a, c]| {
                isa.dispatch(Rows { rows, inputs, tile, panels: &panels, a, c, products });
            });
        });
        for (index, products) in products.chunks_exact(size).enumerate() {
            let panel_size = size / panels.len();
            for (panel, products) in products.chunks_exact(panel_size).enumerate() {
                let rows = as_floats(products).chunks_exact(width).enumerate();
                for (output, row) in rows.map(|(row, values)| (index * tile + row, values)) {
                    for (vector, value) in (panel * width..vectors).zip(row) {
                        if output < outputs {
                            y[vector * outputs + output] = *value;
                        }
                    }
                }
            }
        }
    });
}

/// y\[v\] = Wᵀ x\[v\] for every vector, with `matrix` W stored row by row: the sum of all rows,
/// each times one element of the vector. `x` has vectors of `inputs` elements, `y` their products.
///
/// A row whose element is zero in all vectors is not read; after a ReLU, most elements are zero.
pub(crate) fn multiply_columns<T: Weight>(
    isa: Isa,
    matrix: &[T],
    x: &[f32],
    inputs: usize,
    y: &mut [f32],
) {
    let vectors = x.len() / inputs;
    let outputs = y.len() / vectors;
    let is_used = |k: &usize| x.iter().skip(*k).step_by(inputs).any(|&x| x != 0.0);
    let used: Vec<usize> = (0..inputs).filter(is_used).collect();
    let tile = tile_rows(vectors, isa.max_rows(), isa.panel());
    let packed = |used: &[usize]| {
        let vector = |v: usize| used.iter().map(move |k| x[v * inputs + k]);
        pack_a(&(0..vectors).flat_map(vector).collect::<Vec<_>>(), used.len(), tile)
    };
    let blocks: Vec<(&[usize], Vec<Lanes>)> =
        used.chunks(DEPTH).map(|used| (used, packed(used))).collect();
    let width = isa.panel() * WIDTH;
    let size = vectors.div_ceil(tile) * tile * isa.panel();
    with_scratch([outputs.div_ceil(width) * size], |[products]| {
        parallel_chunks(products, size, |index, products| {
            let first = index * width;
            let sizes = [DEPTH * isa.panel(), tile * isa.panel()];
            with_scratch(sizes, |[b, c]| {
                let blocks = blocks.as_slice();
                isa.dispatch(Columns { matrix, outputs, first, tile, blocks, b, c, products });
            });
        });
        for (index, products) in products.chunks_exact(size).enumerate() {
            let first = index * width;
            let rows = as_floats(products).chunks_exact(width);
            for (y, row) in y.chunks_exact_mut(outputs).zip(rows) {
                let y = &mut y[first..outputs.min(first + width)];
                y.copy_from_slice(&row[..y.len()]);
            }
        }
    });
}

/// The vectors from `first` on as a panel of `width`: for each input, one element of each vector.
fn pack_vectors(x: &[f32], inputs: usize, first: usize, width: usize) -> Vec<Lanes> {
    let mut panel = vec![Lanes::default(); inputs * width / WIDTH];
    for (lane, vector) in x.chunks_exact(inputs).skip(first).take(width).enumerate() {
        for (lanes, value) in panel.chunks_exact_mut(width / WIDTH).zip(vector) {
            lanes[lane / WIDTH].0[lane % WIDTH] = *value;
        }
    }
    panel
}

/// The products of a few rows of the matrix with all vectors.
struct Rows<'a, T> {
    rows: &'a [T],
    inputs: usize,
    tile: usize,
    panels: &'a [Vec<Lanes>],
    /// Memory for packed weights, and for a tile of products.
    a: &'a mut [Lanes],
    c: &'a mut [Lanes],
    /// For each panel and each row, the products of the row with the panel's vectors.
    products: &'a mut [Lanes],
}

impl<T: Weight> SimdOp for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        let Self { rows, inputs, tile, panels, a, c, products } = self;
        products.fill(Lanes::default());
        for start in (0..inputs).step_by(DEPTH) {
            let depth = DEPTH.min(inputs - start);
            let a = &mut a[..depth.div_ceil(WIDTH) * tile];
            a.fill(Lanes::default());
            for (row, weights) in rows.chunks_exact(inputs).enumerate() {
                let weights = weights[start..start + depth].chunks(WIDTH);
                for (weights, packed) in weights.zip(a.chunks_exact_mut(tile)) {
                    simd.store(T::load(simd, weights), &mut packed[row]);
                }
            }
            let products = products.chunks_exact_mut(tile * S::PANEL);
            for (panel, products) in panels.iter().zip(products) {
                let b = &panel[start * S::PANEL..][..depth * S::PANEL];
                let product = GemmTile { rows: tile, depth, a, a_stride: tile, b, c };
                product.eval(simd);
                add_to(simd, products, c);
            }
        }
    }
}

/// The products of all rows of a panel of columns with all vectors.
struct Columns<'a, T> {
    matrix: &'a [T],
    /// The columns of the matrix.
    outputs: usize,
    /// The first column of the panel.
    first: usize,
    tile: usize,
    /// The rows that are used, and the vectors' elements for them.
    blocks: &'a [(&'a [usize], Vec<Lanes>)],
    /// Memory for packed weights, and for a tile of products.
    b: &'a mut [Lanes],
    c: &'a mut [Lanes],
    /// For each vector, its products with the panel's columns.
    products: &'a mut [Lanes],
}

impl<T: Weight> SimdOp for Columns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn eval<S: Simd>(self, simd: S) {
        let Self { matrix, outputs, first, tile, blocks, b, c, products } = self;
        products.fill(Lanes::default());
        let last = outputs.min(first + S::PANEL * WIDTH);
        for (used, a) in blocks {
            let depth = used.len();
            let b = &mut b[..depth * S::PANEL];
            for (k, packed) in used.iter().zip(b.chunks_exact_mut(S::PANEL)) {
                let mut weights = matrix[k * outputs..][first..last].chunks(WIDTH);
                for packed in packed {
                    let weights = weights.next().unwrap_or_default();
                    simd.store(T::load(simd, weights), packed);
                }
            }
            let tiles = a.chunks_exact(depth.div_ceil(WIDTH) * tile);
            for (a, products) in tiles.zip(products.chunks_exact_mut(tile * S::PANEL)) {
                let product = GemmTile { rows: tile, depth, a, a_stride: tile, b, c };
                product.eval(simd);
                add_to(simd, products, c);
            }
        }
    }
}

#[inline(always)]
fn add_to<S: Simd>(simd: S, sums: &mut [Lanes], terms: &[Lanes]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        let total = simd.add(simd.load(sum), simd.load(term));
        simd.store(total, sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thread_pool::ThreadPool;

    /// Numbers of which about half are zero.
    fn numbers(count: usize, prime: usize) -> Vec<f32> {
        (0..count).map(|i| (((i * prime) % 101) as f32 / 50.0 - 1.0).max(0.0)).collect()
    }

    #[test]
    fn products_agree_with_the_definition() {
        let pool = ThreadPool::new(3).unwrap();
        let sizes = [[1, 1], [3, 17], [70, 300], [301, 45], [33, 1100], [1100, 33]];
        for isa in Isa::available() {
            for ([rows, columns], vectors) in
                sizes.into_iter().flat_map(|size| [2, 5, 16, 33].map(|vectors| (size, vectors)))
            {
                let matrix: Vec<f32> =
                    numbers(rows * columns, 37).iter().map(|value| value - 0.4).collect();
                let element = |row: usize, column: usize| f64::from(matrix[row * columns + column]);
                let check = |by_rows: bool| {
                    let (inputs, outputs) = if by_rows { (columns, rows) } else { (rows, columns) };
                    let x = numbers(vectors * inputs, 29);
                    let mut y = vec![9.0; vectors * outputs];
                    pool.run(|| match by_rows {
                        true => multiply_rows(isa, &matrix, &x, inputs, &mut y),
                        false => multiply_columns(isa, &matrix, &x, inputs, &mut y),
                    });
                    for (index, got) in y.into_iter().enumerate() {
                        let (vector, output) = (index / outputs, index % outputs);
                        let wanted: f64 = (0..inputs)
                            .map(|k| {
                                let weight =
                                    if by_rows { element(output, k) } else { element(k, output) };
                                weight * f64::from(x[vector * inputs + k])
                            })
                            .sum();
                        assert!(
                            (f64::from(got) - wanted).abs() < 1e-4 * (1.0 + wanted.abs()),
                            "{isa:?}, {rows}×{columns}, by rows {by_rows}, vector {vector} of \
                             {vectors}: {got}, not {wanted}"
                        );
                    }
                };
                check(true);
                check(false);
            }
        }
    }

    #[test]
    fn vectors_of_zeros_have_products_of_zeros() {
        let matrix = numbers(20 * 30, 37);
        let mut y = vec![9.0; 4 * 30];
        multiply_columns(Isa::best(), &matrix, &[0.0; 4 * 20], 20, &mut y);
        assert!(y.iter().all(|&y| y == 0.0));
    }
}
