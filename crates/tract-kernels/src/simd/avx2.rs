//! AVX2 with FMA and F16C. A vector takes two registers. 12 of the 16 registers hold a tile of 6
//! rows by one vector.
//!
//! # Safety of this file
//! An [`Avx2`] exists only where [`Avx2::detect`] has found the instructions, so every intrinsic
//! below may be executed. Comments beside the intrinsics give their other conditions.

use std::arch::x86_64::*;

use super::{Lanes, Simd, SimdOp, WIDTH};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx2(());

type Vector = [__m256; 2];

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has_arithmetic = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        (has_arithmetic && is_x86_feature_detected!("f16c")).then_some(Self(()))
    }
}

/// Masks of the first `count` lanes: one for each half of a vector.
#[inline(always)]
fn first_lanes(count: usize) -> [__m256i; 2] {
    const ALL_THEN_NONE: [i32; 2 * WIDTH] = {
        let mut lanes = [0; 2 * WIDTH];
        let mut lane = 0;
        while lane < WIDTH {
            lanes[lane] = -1;
            lane += 1;
        }
        lanes
    };
    let mask = &ALL_THEN_NONE[WIDTH - count..][..WIDTH];
    // SAFETY: only called where `Avx2` exists; `mask` has sixteen elements.
    unsafe {
        let low = _mm256_loadu_si256(mask.as_ptr().cast());
        [low, _mm256_loadu_si256(mask.as_ptr().add(WIDTH / 2).cast())]
    }
}

impl Simd for Avx2 {
    type Vector = Vector;
    const PANEL: usize = 1;
    const MAX_ROWS: usize = 6;

    #[inline(always)]
    fn vectorize<O: SimdOp>(self, op: O) -> O::Output {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn compiled<O: SimdOp>(simd: Avx2, op: O) -> O::Output {
            op.eval(simd)
        }
        // SAFETY: `self` proves the features.
        unsafe { compiled(self, op) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Vector {
        // SAFETY: `self` proves the feature.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load(self, from: &Lanes) -> Vector {
        let from = from.0.as_ptr();
        // SAFETY: `self` proves the feature; a `Lanes` is 64 bytes, aligned to 64.
        unsafe { [_mm256_load_ps(from), _mm256_load_ps(from.add(WIDTH / 2))] }
    }

    #[inline(always)]
    fn store(self, vector: Vector, to: &mut Lanes) {
        let to = to.0.as_mut_ptr();
        // SAFETY: as for `load`; `to` is borrowed exclusively.
        unsafe {
            _mm256_store_ps(to, vector[0]);
            _mm256_store_ps(to.add(WIDTH / 2), vector[1]);
        }
    }

    #[inline(always)]
    fn load_slice(self, from: &[f32]) -> Vector {
        let [low, high] = first_lanes(from.len());
        let from = from.as_ptr();
        // SAFETY: `self` proves the feature; lanes beyond the slice are masked and not read, so the
        // address of the second half may lie beyond the slice.
        unsafe {
            let high_half = from.wrapping_add(WIDTH / 2);
            [_mm256_maskload_ps(from, low), _mm256_maskload_ps(high_half, high)]
        }
    }

    #[inline(always)]
    fn load_halves(self, from: &[u16; WIDTH]) -> Vector {
        let from = from.as_ptr();
        // SAFETY: `self` proves the feature; `from` has sixteen elements.
        unsafe {
            let low = _mm_loadu_si128(from.cast());
            let high = _mm_loadu_si128(from.add(WIDTH / 2).cast());
            [_mm256_cvtph_ps(low), _mm256_cvtph_ps(high)]
        }
    }

    #[inline(always)]
    fn store_slice(self, vector: Vector, to: &mut [f32]) {
        let [low, high] = first_lanes(to.len());
        let to = to.as_mut_ptr();
        // SAFETY: `self` proves the feature; lanes beyond the slice are masked and not written, so
        // the address of the second half may lie beyond the slice.
        unsafe {
            _mm256_maskstore_ps(to, low, vector[0]);
            _mm256_maskstore_ps(to.wrapping_add(WIDTH / 2), high, vector[1]);
        }
    }

    #[inline(always)]
    fn add(self, a: Vector, b: Vector) -> Vector {
        // SAFETY: `self` proves the feature.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn sub(self, a: Vector, b: Vector) -> Vector {
        // SAFETY: `self` proves the feature.
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_add(self, a: Vector, b: Vector, c: Vector) -> Vector {
        // SAFETY: `self` proves the feature.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn max(self, a: Vector, b: Vector) -> Vector {
        // SAFETY: `self` proves the feature.
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn min(self, a: Vector, b: Vector) -> Vector {
        // SAFETY: `self` proves the feature.
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn transpose(self, rows: &mut [Vector; WIDTH]) {
        const HALF: usize = WIDTH / 2;
        let mut squares = [[[rows[0][0]; HALF]; 2]; 2];
        for (row, [left, right]) in rows.iter().enumerate() {
            squares[row / HALF][0][row % HALF] = *left;
            squares[row / HALF][1][row % HALF] = *right;
        }
        for square in squares.as_flattened_mut() {
            // SAFETY: `self` proves the feature.
            unsafe { transpose(square) }
        }
        for row in 0..HALF {
            rows[row] = [squares[0][0][row], squares[1][0][row]];
            rows[row + HALF] = [squares[0][1][row], squares[1][1][row]];
        }
    }

    #[inline(always)]
    fn prefetch<T>(self, address: *const T) {
        // SAFETY: a prefetch of an unmapped address does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
}

/// Transposes 8×8 floats: interleaves the floats of two rows, then the pairs of two such results
/// within each 128-bit half, then exchanges the halves.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(rows: &mut [__m256; 8]) {
    let mut halves = *rows;
    for four in 0..2 {
        let [a, b, c, d] =
            [rows[4 * four], rows[4 * four + 1], rows[4 * four + 2], rows[4 * four + 3]];
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        halves[4 * four] = _mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low);
        halves[4 * four + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low);
        halves[4 * four + 2] = _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high);
        halves[4 * four + 3] = _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high);
    }
    for j in 0..4 {
        rows[j] = _mm256_permute2f128_ps::<0x20>(halves[j], halves[j + 4]);
        rows[j + 4] = _mm256_permute2f128_ps::<0x31>(halves[j], halves[j + 4]);
    }
}
