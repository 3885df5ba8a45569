use std::marker::PhantomData;

/// An output array that several threads write to, each its own elements.
#[derive(Clone, Copy)]
pub(crate) struct SharedOutput<'a> {
    start: *mut f32,
    length: usize,
    array: PhantomData<&'a mut [f32]>,
}

// SAFETY: two threads write to different elements; `SharedOutput::slice_mut` asks for that.
unsafe impl Send for SharedOutput<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedOutput<'_> {}

impl<'a> SharedOutput<'a> {
    pub(crate) fn new(array: &'a mut [f32]) -> Self {
        Self { start: array.as_mut_ptr(), length: array.len(), array: PhantomData }
    }

    /// `count` elements from `offset`.
    ///
    /// # Safety
    /// While the slice lives, no other slice of this array has an element in common with it.
    #[inline(always)]
    pub(crate) unsafe fn slice_mut(&self, offset: usize, count: usize) -> &'a mut [f32] {
        assert!(offset <= self.length && count <= self.length - offset);
        // SAFETY: the elements are within the array, which is borrowed for 'a. The caller promises
        // that no other slice overlaps.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), count) }
    }
}
