//! Memory that a thread keeps between operators.

use std::cell::RefCell;

use crate::simd::Lanes;

thread_local! {
    static KEPT: RefCell<Vec<Lanes>> = const { RefCell::new(Vec::new()) };
}

/// Lends `work` as many lanes as it asks for, in parts of the given sizes. What they hold is
/// whatever was left there.
pub(crate) fn lend<const N: usize, R>(
    sizes: [usize; N],
    work: impl FnOnce([&mut [Lanes]; N]) -> R,
) -> R {
    let total = sizes.iter().sum();
    // Taken rather than borrowed: work that asks again gets memory of its own.
    let mut memory = KEPT.take();
    if memory.len() < total {
        memory.resize(total, Lanes::default());
    }
    let mut rest = memory.as_mut_slice();
    let parts = sizes.map(|size| {
        let (part, after) = std::mem::take(&mut rest).split_at_mut(size);
        rest = after;
        part
    });
    let result = work(parts);
    KEPT.with_borrow_mut(|kept| {
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
    fn parts_are_apart_and_nested_loans_too() {
        lend([3, 5], |[a, b]| {
            a.fill(Lanes([1.0; 16]));
            b.fill(Lanes([2.0; 16]));
            lend([8], |[c]| c.fill(Lanes([3.0; 16])));
            assert!(a.len() == 3 && a.iter().all(|lanes| lanes.0 == [1.0; 16]));
            assert!(b.len() == 5 && b.iter().all(|lanes| lanes.0 == [2.0; 16]));
        });
    }
}
