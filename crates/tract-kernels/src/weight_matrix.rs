//! The weight matrices of dense layers.

use std::fmt;
use std::sync::Arc;

use tract_core::internal::*;

use crate::thread_pool::parallel_chunks;
use crate::transpose::is_transpose;

/// The precision in which the weights of dense layers are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WeightPrecision {
    /// Single precision, as in the model.
    #[default]
    F32,
    /// Rounded to half precision. That takes half the memory, and half the time where reading the
    /// weights is most of the work.
    F16,
}

/// A matrix of weights, stored row by row.
pub(crate) struct WeightMatrix {
    /// Rows and columns.
    pub(crate) size: [usize; 2],
    pub(crate) elements: Elements,
}

/// The weights of a matrix.
pub(crate) enum Elements {
    F32(Arc<Tensor>),
    /// The bits of half precision numbers.
    F16(Vec<u16>),
}

/// Weights that one task rounds.
const WEIGHTS_PER_TASK: usize = 1 << 16;

impl WeightMatrix {
    pub(crate) fn new(
        tensor: &Arc<Tensor>,
        size: [usize; 2],
        precision: WeightPrecision,
    ) -> TractResult<Self> {
        let elements = match precision {
            WeightPrecision::F32 => Elements::F32(Arc::clone(tensor)),
            WeightPrecision::F16 => {
                let view = tensor.try_as_plain_ram()?;
                let from = view.as_slice::<f32>()?;
                let mut halves = vec![0; from.len()];
                parallel_chunks(&mut halves, WEIGHTS_PER_TASK, |index, halves| {
                    for (half, value) in halves.iter_mut().zip(&from[index * WEIGHTS_PER_TASK..]) {
                        *half = f16::from_f32(*value).to_bits();
                    }
                });
                Elements::F16(halves)
            }
        };
        Ok(Self { size, elements })
    }

    /// The address of the elements, and their size in bytes.
    pub(crate) fn stored_bytes(&self) -> (usize, usize) {
        match &self.elements {
            Elements::F32(tensor) => (Arc::as_ptr(tensor).addr(), size_of::<f32>() * tensor.len()),
            Elements::F16(halves) => (halves.as_ptr().addr(), size_of_val(halves.as_slice())),
        }
    }

    /// Whether the matrix equals `tensor`, a matrix of `size`, or, if `transposed`, its transpose.
    pub(crate) fn equals(
        &self,
        tensor: &Tensor,
        size: [usize; 2],
        transposed: bool,
    ) -> TractResult<bool> {
        let own_size = if transposed { [self.size[1], self.size[0]] } else { self.size };
        if own_size != size {
            return Ok(false);
        }
        let view = tensor.try_as_plain_ram()?;
        let other = view.as_slice::<f32>()?;
        Ok(match &self.elements {
            Elements::F32(own) if !transposed && std::ptr::eq(&**own, tensor) => true,
            Elements::F32(tensor) => {
                let view = tensor.try_as_plain_ram()?;
                let own = view.as_slice::<f32>()?;
                all_equal(own, self.size, other, transposed, |a, b| a.to_bits() == b.to_bits())
            }
            Elements::F16(own) => all_equal(own, self.size, other, transposed, |a, b| {
                *a == f16::from_f32(*b).to_bits()
            }),
        })
    }
}

fn all_equal<T, U>(
    a: &[T],
    size: [usize; 2],
    b: &[U],
    transposed: bool,
    equal: impl Fn(&T, &U) -> bool,
) -> bool {
    match transposed {
        true => is_transpose(a, size, b, equal),
        false => a.iter().zip(b).all(|(a, b)| equal(a, b)),
    }
}

impl fmt::Debug for WeightMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = match self.elements {
            Elements::F32(_) => WeightPrecision::F32,
            Elements::F16(_) => WeightPrecision::F16,
        };
        write!(f, "{}×{} {precision:?}", self.size[0], self.size[1])
    }
}
