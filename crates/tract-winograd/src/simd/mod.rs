//! Sixteen floats at a time, whatever the machine calls them.
//!
//! The kernels of this crate are written once, over [`Simd`]. Each implementation is a token whose
//! existence proves that the machine has the instructions, so its operations are safe to call.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
mod upper;

use std::fmt;

pub use self::upper::clear_upper_halves;

/// How many floats a vector holds.
pub(crate) const WIDTH: usize = 16;

/// Sixteen floats on one cache line; the unit of all packed memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lanes(pub(crate) [f32; WIDTH]);

/// The floats of some cache lines, one after the other.
pub(crate) fn floats(lanes: &[Lanes]) -> &[f32] {
    // SAFETY: a `Lanes` is sixteen floats and nothing else.
    unsafe { std::slice::from_raw_parts(lanes.as_ptr().cast(), lanes.len() * WIDTH) }
}

/// The floats of some cache lines, one after the other.
pub(crate) fn floats_mut(lanes: &mut [Lanes]) -> &mut [f32] {
    // SAFETY: a `Lanes` is sixteen floats and nothing else.
    unsafe { std::slice::from_raw_parts_mut(lanes.as_mut_ptr().cast(), lanes.len() * WIDTH) }
}

/// Arithmetic on vectors of sixteen floats.
///
/// All methods are inlined into the function that [`Simd::vectorize`] compiles for the instruction
/// set; called outside of it they are correct but slow.
pub(crate) trait Simd: Copy + Send + Sync {
    /// Sixteen floats in registers.
    type Vector: Copy;
    /// Vectors side by side in a tile of the matrix product.
    const PANEL: usize;
    /// Rows of a tile of the matrix product at most, so that it fits the registers.
    const ROWS: usize;

    /// Runs `kernel`, compiled for this instruction set.
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output;

    /// All lanes equal.
    fn splat(self, value: f32) -> Self::Vector;
    /// All lanes of a cache line.
    fn load(self, from: &Lanes) -> Self::Vector;
    /// All lanes to a cache line.
    fn store(self, vector: Self::Vector, to: &mut Lanes);
    /// The first lanes from at most sixteen floats, the others zero.
    fn load_slice(self, from: &[f32]) -> Self::Vector;
    /// All lanes from half precision, given as its bits.
    fn load_halves(self, from: &[u16; WIDTH]) -> Self::Vector;
    /// The first lanes to at most sixteen floats.
    fn store_slice(self, vector: Self::Vector, to: &mut [f32]);
    /// a + b
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a − b
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c, rounded once where the machine can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The greater; `b` where one is no number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The lesser; `b` where one is no number.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Exchanges rows and columns.
    fn transpose(self, rows: &mut [Self::Vector; WIDTH]);
    /// Asks for the cache line at `address`, which need not exist.
    fn prefetch<T>(self, address: *const T);
}

/// Work that is compiled once for each instruction set.
pub(crate) trait Kernel {
    /// What it gives.
    type Output;
    /// Does it. Implementations are `#[inline(always)]`, so that they are compiled for the
    /// instruction set of the caller.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set that this machine has.
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
    /// The instruction sets that this machine has, the fastest first. The last one, `portable`, is
    /// what the compiler makes of plain arrays, and is always there.
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

    /// The fastest instruction set of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self(Set::Portable))
    }

    /// `avx512`, `avx2` or `portable`.
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

    /// Runs `kernel` with these instructions.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(simd) => simd.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(simd) => simd.vectorize(kernel),
            Set::Portable => portable::Portable.vectorize(kernel),
        }
    }

    /// Vectors side by side in a tile of the matrix product.
    pub(crate) fn panel(self) -> usize {
        self.run(Panel)
    }

    /// Rows of a tile of the matrix product at most.
    pub(crate) fn rows(self) -> usize {
        self.run(Rows)
    }
}

/// The fastest.
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

impl Kernel for Panel {
    type Output = usize;
    fn run<S: Simd>(self, _: S) -> usize {
        S::PANEL
    }
}

struct Rows;

impl Kernel for Rows {
    type Output = usize;
    fn run<S: Simd>(self, _: S) -> usize {
        S::ROWS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Arithmetic;

    impl Kernel for Arithmetic {
        type Output = ();
        fn run<S: Simd>(self, simd: S) {
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

    impl Kernel for Partial {
        type Output = ();
        fn run<S: Simd>(self, simd: S) {
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

    impl Kernel for NotANumber {
        type Output = ();
        fn run<S: Simd>(self, simd: S) {
            let (zero, nan) = (simd.splat(0.0), simd.splat(f32::NAN));
            for vector in [simd.max(zero, nan), simd.min(zero, nan)] {
                let mut lanes = Lanes::default();
                simd.store(vector, &mut lanes);
                assert!(lanes.0.iter().all(|lane| lane.is_nan()));
            }
        }
    }

    struct Transposed;

    impl Kernel for Transposed {
        type Output = ();
        fn run<S: Simd>(self, simd: S) {
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
    fn every_instruction_set_does_arithmetic() {
        for isa in Isa::available() {
            isa.run(Arithmetic);
            isa.run(Partial);
            isa.run(NotANumber);
            isa.run(Transposed);
        }
    }

    #[test]
    fn the_portable_set_comes_last() {
        assert_eq!(Isa::available().last().map(|isa| isa.name()), Some("portable"));
        assert_eq!(Isa::best(), Isa::available()[0]);
    }
}
