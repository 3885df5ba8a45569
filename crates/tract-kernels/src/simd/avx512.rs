//! AVX-512. A vector takes one register. 28 of the 32 registers hold a tile of 14 rows by 2
//! vectors.
//!
//! # Safety of this file
//! An [`Avx512`] exists only where [`Avx512::detect`] has found the instructions, so every
//! intrinsic below may be executed. Comments beside the intrinsics give their other conditions.

use std::arch::x86_64::*;

use super::{Lanes, Simd, SimdOp, WIDTH};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }
}

fn first_lanes(count: usize) -> __mmask16 {
    assert!(count <= WIDTH);
    ((1u32 << count) - 1) as __mmask16
}

impl Simd for Avx512 {
    type Vector = __m512;
    const PANEL: usize = 2;
    const MAX_ROWS: usize = 14;

    #[inline(always)]
    fn vectorize<O: SimdOp>(self, op: O) -> O::Output {
        #[target_feature(enable = "avx512f")]
        fn compiled<O: SimdOp>(simd: Avx512, op: O) -> O::Output {
            op.eval(simd)
        }
        // SAFETY: `self` proves the feature.
        unsafe { compiled(self, op) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &Lanes) -> __m512 {
        // SAFETY: `self` proves the feature; a `Lanes` is 64 bytes, aligned to 64.
        unsafe { _mm512_load_ps(from.0.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: __m512, to: &mut Lanes) {
        // SAFETY: as for `load`; `to` is borrowed exclusively.
        unsafe { _mm512_store_ps(to.0.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn load_slice(self, from: &[f32]) -> __m512 {
        // SAFETY: `self` proves the feature; lanes beyond the slice are masked and not read.
        unsafe { _mm512_maskz_loadu_ps(first_lanes(from.len()), from.as_ptr()) }
    }

    #[inline(always)]
    fn load_halves(self, from: &[u16; WIDTH]) -> __m512 {
        // SAFETY: `self` proves the feature; `from` has sixteen elements.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store_slice(self, vector: __m512, to: &mut [f32]) {
        // SAFETY: `self` proves the feature; lanes beyond the slice are masked and not written.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), first_lanes(to.len()), vector) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the feature.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn transpose(self, rows: &mut [__m512; WIDTH]) {
        // SAFETY: `self` proves the feature.
        unsafe { transpose(rows) }
    }

    #[inline(always)]
    fn prefetch<T>(self, address: *const T) {
        // SAFETY: a prefetch of an unmapped address does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
}

/// Interleaves the pairs of two vectors: those at even places, and those at odd places.
#[inline]
#[target_feature(enable = "avx512f")]
fn interleave_pairs(low: __m512, high: __m512) -> (__m512, __m512) {
    let (low, high) = (_mm512_castps_pd(low), _mm512_castps_pd(high));
    let (even, odd) = (_mm512_unpacklo_pd(low, high), _mm512_unpackhi_pd(low, high));
    (_mm512_castpd_ps(even), _mm512_castpd_ps(odd))
}

/// Transposes 16×16 floats in four rounds. Each round exchanges one bit of the row's index with one
/// bit of the lane's index: first floats, then pairs within each 128-bit quarter, then the quarters
/// in two rounds.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: &mut [__m512; WIDTH]) {
    let mut quarters = *rows;
    for four in 0..4 {
        let [a, b, c, d] =
            [rows[4 * four], rows[4 * four + 1], rows[4 * four + 2], rows[4 * four + 3]];
        let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        (quarters[4 * four], quarters[4 * four + 1]) = interleave_pairs(ab_low, cd_low);
        (quarters[4 * four + 2], quarters[4 * four + 3]) = interleave_pairs(ab_high, cd_high);
    }
    // quarters[4f + j] now holds, in quarter q, column 4q + j of rows 4f … 4f + 3.
    for j in 0..4 {
        let [a, b, c, d] = [quarters[j], quarters[4 + j], quarters[8 + j], quarters[12 + j]];
        let even_low = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
        let even_high = _mm512_shuffle_f32x4::<0b10_00_10_00>(c, d);
        let odd_low = _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b);
        let odd_high = _mm512_shuffle_f32x4::<0b11_01_11_01>(c, d);
        rows[j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(even_low, even_high);
        rows[j + 8] = _mm512_shuffle_f32x4::<0b11_01_11_01>(even_low, even_high);
        rows[j + 4] = _mm512_shuffle_f32x4::<0b10_00_10_00>(odd_low, odd_high);
        rows[j + 12] = _mm512_shuffle_f32x4::<0b11_01_11_01>(odd_low, odd_high);
    }
}
