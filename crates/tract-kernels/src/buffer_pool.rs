//! A pool of tensors whose memory is reused.
//!
//! A network needs values of the same sizes for every image. Memory that comes fresh from the
//! operating system costs more time than many a convolution.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tract_core::internal::*;

/// The smallest value that is pooled, in bytes. The allocator itself reuses the memory of smaller
/// ones.
const MIN_BYTES: usize = 1 << 20;

/// The most memory that idle values may hold, in bytes.
const MAX_IDLE_BYTES: usize = 128 << 20;

/// Large values whose memory is reused when nobody else holds them any more. Such idle values hold
/// at most 128 MiB; beyond that the oldest ones are freed.
#[derive(Default)]
pub struct BufferPool {
    /// The oldest ones come first.
    values: Mutex<Vec<Arc<Tensor>>>,
}

impl BufferPool {
    /// A float32 tensor of `shape` with arbitrary contents: an idle value, else new memory.
    ///
    /// # Safety
    /// The caller writes every element before it is read.
    pub(crate) unsafe fn alloc(&self, shape: &[usize]) -> TractResult<Tensor> {
        let fits = |value: &Arc<Tensor>| value.shape() == shape && is_idle(value);
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let found = values.iter().rposition(fits).map(|index| values.remove(index));
        drop(values);
        match found.map(Arc::try_unwrap) {
            Some(Ok(value)) => Ok(value),
            // SAFETY: the caller writes every element.
            _ => unsafe { Tensor::uninitialized::<f32>(shape) },
        }
    }

    /// Makes `value` an output of an operator. Its memory is reused when nobody else holds it any
    /// more.
    pub(crate) fn track(&self, value: Tensor) -> TValue {
        if bytes(&value) < MIN_BYTES {
            return value.into_tvalue();
        }
        let value = value.into_arc_tensor();
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.push(Arc::clone(&value));
        let idle = values.iter().filter(|value| is_idle(value)).map(|value| bytes(value));
        let mut excess = idle.sum::<usize>().saturating_sub(MAX_IDLE_BYTES);
        values.retain(|value| {
            let is_freed = excess > 0 && is_idle(value);
            if is_freed {
                excess = excess.saturating_sub(bytes(value));
            }
            !is_freed
        });
        TValue::from_const(value)
    }
}

/// Whether only the pool holds `value`. Nobody else can reach such a value, so it stays idle.
fn is_idle(value: &Arc<Tensor>) -> bool {
    Arc::strong_count(value) == 1
}

fn bytes(value: &Tensor) -> usize {
    value.len() * size_of::<f32>()
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alloc(pool: &BufferPool, shape: &[usize]) -> Tensor {
        // SAFETY: never read.
        unsafe { pool.alloc(shape).unwrap() }
    }

    fn address(value: &Tensor) -> *const u8 {
        value.as_bytes().as_ptr()
    }

    fn idle_bytes(pool: &BufferPool) -> usize {
        let values = pool.values.lock().unwrap();
        values.iter().filter(|value| is_idle(value)).map(|value| bytes(value)).sum()
    }

    #[test]
    fn the_memory_of_an_idle_value_is_reused() {
        let pool = BufferPool::default();
        let shape = [MIN_BYTES / 4];
        let held = pool.track(alloc(&pool, &shape));
        assert_ne!(address(&alloc(&pool, &shape)), address(&held), "a held value is not reused");
        let freed = address(&held);
        drop(held);
        assert_ne!(address(&alloc(&pool, &[MIN_BYTES / 8, 2])), freed, "another shape");
        assert_eq!(address(&alloc(&pool, &shape)), freed);
        assert_eq!(idle_bytes(&pool), 0);
    }

    #[test]
    fn idle_memory_is_bounded_and_small_values_are_not_pooled() {
        let pool = BufferPool::default();
        drop(pool.track(alloc(&pool, &[MIN_BYTES / 4 - 1])));
        assert_eq!(idle_bytes(&pool), 0);
        let values: Vec<TValue> =
            (0..200).map(|_| pool.track(alloc(&pool, &[MIN_BYTES / 4]))).collect();
        assert_eq!(pool.values.lock().unwrap().len(), 200, "all are held");
        drop(values);
        drop(pool.track(alloc(&pool, &[MIN_BYTES / 2])));
        assert!(idle_bytes(&pool) <= MAX_IDLE_BYTES + 2 * MIN_BYTES);
    }
}
