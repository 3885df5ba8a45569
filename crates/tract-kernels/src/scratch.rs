//! Scratch memory that a thread keeps from one operator to the next.

use std::cell::RefCell;

use crate::simd::Lanes;

thread_local! {
    static SCRATCH: RefCell<Vec<Lanes>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with buffers of the given sizes. Their contents are arbitrary.
pub(crate) fn with_scratch<const N: usize, R>(
    sizes: [usize; N],
    work: impl FnOnce([&mut [Lanes]; N]) -> R,
) -> R {
    let total = sizes.iter().sum();
    // Taken rather than borrowed, so that a nested call gets memory of its own.
    let mut memory = SCRATCH.take();
    if memory.len() < total {
        memory.resize(total, Lanes::default());
    }
    let mut rest = memory.as_mut_slice();
    let buffers = sizes.map(|size| {
        let (buffer, after) = std::mem::take(&mut rest).split_at_mut(size);
        rest = after;
        buffer
    });
    let result = work(buffers);
    SCRATCH.with_borrow_mut(|kept| {
        if kept.len() < memory.len() {
            *kept = memory;
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_do_not_overlap_even_in_nested_calls() {
        with_scratch([3, 5], |[a, b]| {
            a.fill(Lanes([1.0; 16]));
            b.fill(Lanes([2.0; 16]));
            with_scratch([8], |[c]| c.fill(Lanes([3.0; 16])));
            assert!(a.len() == 3 && a.iter().all(|lanes| lanes.0 == [1.0; 16]));
            assert!(b.len() == 5 && b.iter().all(|lanes| lanes.0 == [2.0; 16]));
        });
    }
}
