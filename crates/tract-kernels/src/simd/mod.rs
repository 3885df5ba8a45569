//! Vectors of sixteen floats, for each instruction set.
//!
//! The kernels of this crate are written once, over [`Simd`]. Each implementation is a token whose
//! existence proves that the processor has the instructions. So its operations are safe to call.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
mod vzeroupper;

use std::fmt;

pub use self::vzeroupper::vzeroupper;

/// The number of floats in a vector.
pub(crate) const WIDTH: usize = 16;

/// Sixteen floats on one cache line; the unit of all packed memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lanes(pub(crate) [f32; WIDTH]);

/// The floats of `lanes`, in order.
pub(crate) fn as_floats(lanes: &[Lanes]) -> &[f32] {
    // SAFETY: a `Lanes` is sixteen floats and nothing else.
    unsafe { std::slice::from_raw_parts(lanes.as_ptr().cast(), lanes.len() * WIDTH) }
}

/// The floats of `lanes`, in order.
pub(crate) fn as_floats_mut(lanes: &mut [Lanes]) -> &mut [f32] {
    // SAFETY: a `Lanes` is sixteen floats and nothing else.
    unsafe { std::slice::from_raw_parts_mut(lanes.as_mut_ptr().cast(), lanes.len() * WIDTH) }
}

/// Arithmetic on vectors of sixteen floats.
///
/// All methods are inlined into the function that [`Simd::vectorize`] compiles for the instruction
/// set. Outside that function they are correct but slow.
pub(crate) trait Simd: Copy + Send + Sync {
    /// Sixteen floats in registers.
    type Vector: Copy;
    /// Vectors in a row of a GEMM tile. In BLIS's terms, NR is `PANEL * WIDTH`.
    const PANEL: usize;
    /// The most rows of a GEMM tile that fit the registers: BLIS's MR.
    const MAX_ROWS: usize;

    /// Runs `op`, compiled for this instruction set.
    fn vectorize<O: SimdOp>(self, op: O) -> O::Output;

    /// A vector whose lanes are all `value`.
    fn splat(self, value: f32) -> Self::Vector;
    /// Loads all lanes.
    fn load(self, from: &Lanes) -> Self::Vector;
    /// Stores all lanes.
    fn store(self, vector: Self::Vector, to: &mut Lanes);
    /// Loads at most sixteen floats into the first lanes; the other lanes are zero.
    fn load_slice(self, from: &[f32]) -> Self::Vector;
    /// Loads all lanes from the bits of half precision numbers.
    fn load_halves(self, from: &[u16; WIDTH]) -> Self::Vector;
    /// Stores the first lanes to at most sixteen floats.
    fn store_slice(self, vector: Self::Vector, to: &mut [f32]);
    /// a + b
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a − b
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c, rounded once where the processor has such an instruction.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The greater of each pair of lanes; `b` where one of them is NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The lesser of each pair of lanes; `b` where one of them is NaN.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Exchanges rows and columns of a 16×16 matrix.
    fn transpose(self, rows: &mut [Self::Vector; WIDTH]);
    /// Prefetches the cache line at `address`. The address need not be valid.
    fn prefetch<T>(self, address: *const T);
}

/// An operation that is compiled once for each instruction set.
pub(crate) trait SimdOp {
    /// The type of the result.
    type Output;
    /// Computes the result. Implementations are `#[inline(always)]`, so that they are compiled for
    /// the instruction set of the caller.
    fn eval<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set that this processor has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    Portable,
}

impl Isa {
    /// The instruction sets that this processor has, the fastest first. The last one, `portable`,
    /// is always there: plain arrays, compiled to the vectors of the target.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(avx512::Avx512::detect().map(Set::Avx512));
            sets.extend(avx2::Avx2::detect().map(Set::Avx2));
        }
        sets.push(Set::Portable);
        sets.into_iter().map(Self).collect()
    }

    /// The fastest instruction set of this processor.
    #[must_use]
    pub fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self(Set::Portable))
    }

    /// The name: `avx512`, `avx2` or `portable`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "avx2",
            Set::Portable => "portable",
        }
    }

    /// Runs `op` with these instructions.
    pub(crate) fn dispatch<O: SimdOp>(self, op: O) -> O::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(simd) => simd.vectorize(op),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(simd) => simd.vectorize(op),
            Set::Portable => portable::Portable.vectorize(op),
        }
    }

    /// [`Simd::PANEL`]
    pub(crate) fn panel(self) -> usize {
        self.dispatch(Panel)
    }

    /// [`Simd::MAX_ROWS`]
    pub(crate) fn max_rows(self) -> usize {
        self.dispatch(MaxRows)
    }
}

/// The fastest instruction set.
impl Default for Isa {
    fn default() -> Self {
        Self::best()
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

struct Panel;

impl SimdOp for Panel {
    type Output = usize;
    fn eval<S: Simd>(self, _: S) -> usize {
        S::PANEL
    }
}

struct MaxRows;

impl SimdOp for MaxRows {
    type Output = usize;
    fn eval<S: Simd>(self, _: S) -> usize {
        S::MAX_ROWS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Arithmetic;

    impl SimdOp for Arithmetic {
        type Output = ();
        fn eval<S: Simd>(self, simd: S) {
            let line = |of: fn(usize) -> f32| Lanes(std::array::from_fn(of));
            let (a, b) = (line(|i| i as f32 - 7.0), line(|i| (i * i) as f32 / 16.0));
            let (x, y) = (simd.load(&a), simd.load(&b));
            let check = |vector: S::Vector, of: fn(f32, f32) -> f32| {
                let mut got = Lanes::default();
                simd.store(vector, &mut got);
                for (i, got) in got.0.iter().enumerate() {
                    assert_eq!(*got, of(a.0[i], b.0[i]), "lane {i}");
                }
            };
            check(simd.add(x, y), |a, b| a + b);
            check(simd.sub(x, y), |a, b| a - b);
            check(simd.mul_add(x, y, x), |a, b| a * b + a);
            check(simd.max(x, y), f32::max);
            check(simd.min(x, y), f32::min);
            check(simd.splat(2.5), |_, _| 2.5);
        }
    }

    struct Partial;

    impl SimdOp for Partial {
        type Output = ();
        fn eval<S: Simd>(self, simd: S) {
            let source: Vec<f32> = (1..=20u8).map(f32::from).collect();
            for count in 0..=WIDTH {
                let vector = simd.load_slice(&source[..count]);
                let mut all = Lanes([-1.0; WIDTH]);
                simd.store(vector, &mut all);
                assert_eq!(all.0[..count], source[..count]);
                assert!(all.0[count..].iter().all(|&lane| lane == 0.0), "{count} lanes");
                let mut some = [-1.0; 20];
                simd.store_slice(vector, &mut some[..count]);
                assert_eq!(some[..count], source[..count]);
                assert!(some[count..].iter().all(|&value| value == -1.0), "{count} lanes");
            }
        }
    }

    struct NotANumber;

    impl SimdOp for NotANumber {
        type Output = ();
        fn eval<S: Simd>(self, simd: S) {
            let (zero, nan) = (simd.splat(0.0), simd.splat(f32::NAN));
            for vector in [simd.max(zero, nan), simd.min(zero, nan)] {
                let mut lanes = Lanes::default();
                simd.store(vector, &mut lanes);
                assert!(lanes.0.iter().all(|lane| lane.is_nan()));
            }
        }
    }

    struct Transposed;

    impl SimdOp for Transposed {
        type Output = ();
        fn eval<S: Simd>(self, simd: S) {
            let row = |i: usize| Lanes(std::array::from_fn(|j| (i * WIDTH + j) as f32));
            let mut rows: [S::Vector; WIDTH] = std::array::from_fn(|i| simd.load(&row(i)));
            simd.transpose(&mut rows);
            for (j, vector) in rows.into_iter().enumerate() {
                let mut column = Lanes::default();
                simd.store(vector, &mut column);
                assert_eq!(column, Lanes(std::array::from_fn(|i| row(i).0[j])), "column {j}");
            }
        }
    }

    #[test]
    fn every_instruction_set_computes_the_same() {
        for isa in Isa::available() {
            isa.dispatch(Arithmetic);
            isa.dispatch(Partial);
            isa.dispatch(NotANumber);
            isa.dispatch(Transposed);
        }
    }

    #[test]
    fn the_portable_set_comes_last() {
        assert_eq!(Isa::available().last().map(|isa| isa.name()), Some("portable"));
        assert_eq!(Isa::best(), Isa::available()[0]);
    }
}
