//! What happens to a sum on its way to memory.

use std::marker::PhantomData;

use crate::simd::Simd;

/// Bounds that values are held within: ReLU is (0, ∞), ReLU6 (0, 6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clip {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Clip {
    pub(crate) const NONE: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY };

    /// What is no number stays none.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, simd: S, vector: S::Vector) -> S::Vector {
        simd.min(simd.splat(self.high), simd.max(simd.splat(self.low), vector))
    }
}

/// An array that several threads write to, each in its own places.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    start: *mut f32,
    length: usize,
    array: PhantomData<&'a mut [f32]>,
}

// SAFETY: the places that two threads write to are apart; `Places::slice` asks for that.
unsafe impl Send for Places<'_> {}
// SAFETY: as above.
unsafe impl Sync for Places<'_> {}

impl<'a> Places<'a> {
    pub(crate) fn of(array: &'a mut [f32]) -> Self {
        Self { start: array.as_mut_ptr(), length: array.len(), array: PhantomData }
    }

    /// `count` places from `at`.
    ///
    /// # Safety
    /// While the slice lives, nobody else has one with a place in common.
    #[inline(always)]
    pub(crate) unsafe fn slice(&self, at: usize, count: usize) -> &'a mut [f32] {
        assert!(at <= self.length && count <= self.length - at);
        // SAFETY: within the array, which is borrowed for 'a; the caller sees to the rest.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at), count) }
    }
}

/// Where the output of a convolution goes, and what is added and cut off on the way. The arrays
/// have the shape of the output.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    /// The convolution with its bias.
    pub(crate) plain: Option<Places<'a>>,
    pub(crate) residual: Option<&'a [f32]>,
    /// With the residual.
    pub(crate) sum: Option<Places<'a>>,
    pub(crate) clip: Clip,
    /// Within the bounds.
    pub(crate) clipped: Option<Places<'a>>,
}

impl<'a> Finish<'a> {
    /// Nothing is done on the way.
    pub(crate) fn plain(places: Places<'a>) -> Self {
        let [sum, clipped] = [None; 2];
        Self { plain: Some(places), residual: None, sum, clip: Clip::NONE, clipped }
    }

    /// Takes `count` adjacent outputs that begin at `at`.
    ///
    /// # Safety
    /// No two calls at the same time have an output in common.
    #[inline(always)]
    pub(crate) unsafe fn put<S: Simd>(&self, simd: S, mut y: S::Vector, at: usize, count: usize) {
        if let Some(places) = self.plain {
            // SAFETY: as the caller promises.
            simd.store_slice(y, unsafe { places.slice(at, count) });
        }
        if let Some(residual) = self.residual {
            y = simd.add(y, simd.load_slice(&residual[at..at + count]));
        }
        if let Some(places) = self.sum {
            // SAFETY: as the caller promises.
            simd.store_slice(y, unsafe { places.slice(at, count) });
        }
        if let Some(places) = self.clipped {
            // SAFETY: as the caller promises.
            simd.store_slice(self.clip.apply(simd, y), unsafe { places.slice(at, count) });
        }
    }
}
