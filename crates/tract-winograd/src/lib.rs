//! Fast convolutions for [tract](https://docs.rs/tract-core), in float32 and on the CPU.
//!
//! [`Accelerator::accelerate`] replaces the convolutions of a tract model, and what follows them, by
//! operators of this crate: Winograd's minimal filtering for 3×3 kernels, a product of matrices for
//! all other kernels, strides and dilations, a third way for depthwise ones. Batch norm, bias, the
//! addition of a residual, ReLU, ReLU6 and 2×2 max-pooling are computed on the way to memory. The
//! threads of a [`Team`] share the work.
//!
//! ```
//! use tract_core::internal::*;
//! use tract_core::ops::cnn::conv::Conv;
//! use tract_core::ops::cnn::{KernelFormat, PaddingSpec, PoolSpec};
//! use tract_core::ops::nn::DataFormat;
//! use tract_winograd::{Accelerator, Team};
//!
//! # fn main() -> TractResult<()> {
//! // A picture of one channel, convolved by a kernel that sums 3×3 neighbours.
//! let mut model = TypedModel::default();
//! let picture = model.add_source("picture", f32::fact([1, 1, 8, 8]))?;
//! let weights = model.add_const("weights", Tensor::from_shape(&[1, 1, 3, 3], &[1f32; 9])?)?;
//! let bias = model.add_const("bias", tensor1(&[0f32]))?;
//! let window = PoolSpec::new(
//!     DataFormat::NCHW,
//!     tvec![3, 3],
//!     PaddingSpec::Explicit(tvec![1, 1], tvec![1, 1]),
//!     None,
//!     None,
//!     1,
//!     1,
//! );
//! let conv = Conv::new(window, KernelFormat::OIHW, 1, None);
//! let sums = model.wire_node("sums", conv, &[picture, weights, bias])?;
//! model.select_output_outlets(&sums)?;
//!
//! let team = Team::new(2)?;
//! assert_eq!(team.run(|| Accelerator::default().accelerate(&mut model))?, 1);
//! let plan = model.into_optimized()?.into_runnable()?;
//! let ones = Tensor::from_shape(&[1, 1, 8, 8], &[1f32; 64])?;
//! let sums = team.run(|| plan.run(tvec![ones.into()]))?;
//! let sums = sums[0].to_plain_array_view::<f32>()?;
//! assert!((sums[[0, 0, 3, 3]] - 9.0).abs() < 1e-4);
//! assert!((sums[[0, 0, 0, 0]] - 4.0).abs() < 1e-4, "in the corner");
//! # Ok(())
//! # }
//! ```
//!
//! # Where what lies
//!
//! - `simd`: vectors of sixteen floats, for each instruction set; [`Isa`] chooses at run time.
//! - `product`: the tile of a matrix product that `winograd`, `direct` and `transposed` end up in.
//! - `planes`: from channels one after the other to channels side by side.
//! - `winograd`, `direct`, `transposed`, `channelwise`, `dense`: the algorithms, over `simd`.
//! - `finish`: what happens to a sum on its way to memory.
//! - `team`: the threads. `cores`: where they are woken. `scratch`: memory that they keep.
//! - `recycled`: memory of values, used again.
//! - `layer`: which algorithm for which convolution. `matrix`: dense weights, held once.
//! - `op`: the operators that tract sees. `rewrite`: how they come into a model.
//!
//! # Accuracy
//!
//! Winograd's F(4×4, 3×3) rounds more than the definition does: against double precision the error
//! is some 1e-6 to 1e-5 of the greatest value of a layer, and the tests hold it to 2e-5.

mod channelwise;
mod cores;
mod dense;
mod direct;
mod finish;
mod layer;
mod matrix;
mod op;
mod planes;
mod product;
mod recycled;
mod rewrite;
mod scratch;
mod simd;
mod team;
mod transposed;
mod window;
mod winograd;

pub use matrix::{Storage, Weights};
pub use recycled::Recycled;
pub use rewrite::{Accelerator, narrow, turn_dense};
pub use simd::{Isa, clear_upper_halves};
pub use team::{Team, share};
