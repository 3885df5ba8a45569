//! The memory of values that nobody holds any more, for the next ones of their size: a network
//! wants the same sizes for every picture, and memory that comes fresh from the system costs more
//! time than many a convolution.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tract_core::internal::*;

/// Bytes of a value at least: smaller ones the allocator keeps at hand itself.
const LARGE: usize = 1 << 20;

/// Bytes of values that wait for their next use at most.
const WAITING: usize = 128 << 20;

/// Large values that were handed out, 128 MiB at most of which nobody else holds any more: their
/// memory waits to be used again. The longest there come first.
#[derive(Default)]
pub struct Recycled {
    values: Mutex<Vec<Arc<Tensor>>>,
}

impl Recycled {
    /// A tensor of `shape`, with whatever is in it.
    ///
    /// # Safety
    /// All of it must be written before it is read.
    pub(crate) unsafe fn take(&self, shape: &[usize]) -> TractResult<Tensor> {
        let is_waiting = |value: &Arc<Tensor>| value.shape() == shape && is_unshared(value);
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let found = values.iter().rposition(is_waiting).map(|place| values.remove(place));
        drop(values);
        match found.map(Arc::try_unwrap) {
            Some(Ok(value)) => Ok(value),
            // SAFETY: the caller writes all of it.
            _ => unsafe { Tensor::uninitialized::<f32>(shape) },
        }
    }

    /// Hands out `value`, to be used again when nobody holds it any more.
    pub(crate) fn give(&self, value: Tensor) -> TValue {
        if bytes(&value) < LARGE {
            return value.into_tvalue();
        }
        let value = value.into_arc_tensor();
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.push(Arc::clone(&value));
        let waiting = values.iter().filter(|value| is_unshared(value)).map(|value| bytes(value));
        let mut too_much = waiting.sum::<usize>().saturating_sub(WAITING);
        values.retain(|value| {
            let goes = too_much > 0 && is_unshared(value);
            if goes {
                too_much = too_much.saturating_sub(bytes(value));
            }
            !goes
        });
        TValue::from_const(value)
    }
}

/// Whether only the list holds it. Nobody else can get at it then, so that stays so.
fn is_unshared(value: &Arc<Tensor>) -> bool {
    Arc::strong_count(value) == 1
}

fn bytes(value: &Tensor) -> usize {
    value.len() * size_of::<f32>()
}

impl fmt::Debug for Recycled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recycled").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(recycled: &Recycled, shape: &[usize]) -> Tensor {
        // SAFETY: never read.
        unsafe { recycled.take(shape).unwrap() }
    }

    fn waiting(recycled: &Recycled) -> usize {
        let values = recycled.values.lock().unwrap();
        values.iter().filter(|value| is_unshared(value)).map(|value| bytes(value)).sum()
    }

    #[test]
    fn what_nobody_holds_is_used_again() {
        let recycled = Recycled::default();
        let shape = [LARGE / 4];
        let held = recycled.give(fresh(&recycled, &shape));
        let other = fresh(&recycled, &shape);
        assert_ne!(other.as_bytes().as_ptr(), held.as_bytes().as_ptr(), "it is held");
        let place = held.as_bytes().as_ptr();
        drop(held);
        assert_ne!(fresh(&recycled, &[LARGE / 8, 2]).as_bytes().as_ptr(), place, "another shape");
        assert_eq!(fresh(&recycled, &shape).as_bytes().as_ptr(), place);
        assert_eq!(waiting(&recycled), 0);
    }

    #[test]
    fn what_waits_is_bounded_and_small_values_do_not() {
        let recycled = Recycled::default();
        drop(recycled.give(fresh(&recycled, &[LARGE / 4 - 1])));
        assert_eq!(waiting(&recycled), 0);
        let values: Vec<TValue> =
            (0..200).map(|_| recycled.give(fresh(&recycled, &[LARGE / 4]))).collect();
        assert_eq!(recycled.values.lock().unwrap().len(), 200, "all are held");
        drop(values);
        drop(recycled.give(fresh(&recycled, &[LARGE / 2])));
        assert!(waiting(&recycled) <= WAITING + 2 * LARGE);
    }
}
