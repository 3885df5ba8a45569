//! Plain arrays, which the compiler turns into the vectors of the target: NEON on AArch64, SSE2 on
//! x86-64.

use super::{Lanes, Simd, SimdOp, WIDTH};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Portable;

type Vector = [f32; WIDTH];

#[inline(always)]
fn zip(a: Vector, b: Vector, of: impl Fn(f32, f32) -> f32) -> Vector {
    std::array::from_fn(|lane| of(a[lane], b[lane]))
}

/// Converts half precision to single precision. The exponent and the fraction are moved to their
/// places in single precision. A multiplication by 2 to the power of the difference of the exponent
/// biases then gives the value; it also turns subnormal numbers into normal ones.
#[inline(always)]
fn half_to_single(half: u16) -> f32 {
    let magnitude = u32::from(half & 0x7fff) << 13;
    let finite = f32::from_bits(magnitude) * f32::from_bits(0x7780_0000);
    let infinite = if half & 0x7c00 == 0x7c00 { 0x7f80_0000 } else { 0 };
    f32::from_bits(finite.to_bits() | infinite | u32::from(half & 0x8000) << 16)
}

impl Simd for Portable {
    type Vector = Vector;
    const PANEL: usize = 1;
    // A row of a tile takes four registers. AArch64 has 32 registers, SSE2 has 16.
    const MAX_ROWS: usize = if cfg!(target_arch = "aarch64") { 6 } else { 2 };

    #[inline(always)]
    fn vectorize<O: SimdOp>(self, op: O) -> O::Output {
        op.eval(self)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Vector {
        [value; WIDTH]
    }

    #[inline(always)]
    fn load(self, from: &Lanes) -> Vector {
        from.0
    }

    #[inline(always)]
    fn store(self, vector: Vector, to: &mut Lanes) {
        to.0 = vector;
    }

    #[inline(always)]
    fn load_slice(self, from: &[f32]) -> Vector {
        let mut vector = [0.0; WIDTH];
        vector[..from.len()].copy_from_slice(from);
        vector
    }

    #[inline(always)]
    fn load_halves(self, from: &[u16; WIDTH]) -> Vector {
        std::array::from_fn(|lane| half_to_single(from[lane]))
    }

    #[inline(always)]
    fn store_slice(self, vector: Vector, to: &mut [f32]) {
        to.copy_from_slice(&vector[..to.len()]);
    }

    #[inline(always)]
    fn add(self, a: Vector, b: Vector) -> Vector {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Vector, b: Vector) -> Vector {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul_add(self, a: Vector, b: Vector, c: Vector) -> Vector {
        // Without such an instruction, `f32::mul_add` calls the C library for every lane.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
        } else {
            std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
        }
    }

    #[inline(always)]
    fn max(self, a: Vector, b: Vector) -> Vector {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, a: Vector, b: Vector) -> Vector {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn transpose(self, rows: &mut [Vector; WIDTH]) {
        let before = *rows;
        for (j, row) in rows.iter_mut().enumerate() {
            *row = std::array::from_fn(|i| before[i][j]);
        }
    }

    #[inline(always)]
    fn prefetch<T>(self, _: *const T) {}
}
