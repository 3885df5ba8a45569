//! Fast float32 kernels for [tract](https://docs.rs/tract-core) on the CPU: convolutions, max-pools
//! and dense layers.
//!
//! [`GraphRewriter::rewrite`] replaces operators of a tract model by operators of this crate:
//!
//! - 3×3 convolutions, computed by Winograd's minimal filtering;
//! - convolutions of all other kernels, strides and dilations, computed as a matrix product (im2col
//!   or im2row);
//! - depthwise convolutions and max-pools, computed by a sliding window;
//! - dense layers, computed as a product of a matrix and a vector (GEMV);
//! - products of matrices, and batches of them.
//!
//! [`MaxPoolGradient`] and [`ReluGradient`] are backward passes for models that are written with
//! them.
//!
//! Batch norm, bias, the addition of a residual, ReLU, ReLU6 and 2×2 max-pooling are fused with the
//! convolution before them: they are computed while its output is still in registers. The threads
//! of a [`ThreadPool`] share the work of each operator.
//!
//! ```
//! use tract_core::internal::*;
//! use tract_core::ops::cnn::conv::Conv;
//! use tract_core::ops::cnn::{KernelFormat, PaddingSpec, PoolSpec};
//! use tract_core::ops::nn::DataFormat;
//! use tract_kernels::{GraphRewriter, ThreadPool};
//!
//! # fn main() -> TractResult<()> {
//! // An image of one channel, convolved with a kernel that sums 3×3 neighbours.
//! let mut model = TypedModel::default();
//! let image = model.add_source("image", f32::fact([1, 1, 8, 8]))?;
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
//! let sums = model.wire_node("sums", conv, &[image, weights, bias])?;
//! model.select_output_outlets(&sums)?;
//!
//! let pool = ThreadPool::new(2)?;
//! assert_eq!(pool.run(|| GraphRewriter::default().rewrite(&mut model))?, 1);
//! let plan = model.into_optimized()?.into_runnable()?;
//! let ones = Tensor::from_shape(&[1, 1, 8, 8], &[1f32; 64])?;
//! let sums = pool.run(|| plan.run(tvec![ones.into()]))?;
//! let sums = sums[0].to_plain_array_view::<f32>()?;
//! assert!((sums[[0, 0, 3, 3]] - 9.0).abs() < 1e-4);
//! assert!((sums[[0, 0, 0, 0]] - 4.0).abs() < 1e-4, "in the corner");
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//!
//! | modules | what they hold |
//! |---|---|
//! | `simd` | vectors of sixteen floats for each instruction set; [`Isa`] chooses one at run time |
//! | `gemm` | the micro-kernel of all matrix products |
//! | `gemv`, `dense_batch` | products of a matrix and one vector, or several |
//! | `matmul` | batched products of two matrices of any strides |
//! | `conv` | which algorithm computes which convolution |
//! | `conv_kernel` | what all these algorithms are: a trait |
//! | `winograd`, `im2col`, `im2row`, `depthwise` | the algorithms |
//! | `max_pool` | max-pools |
//! | `sliding_window`, `polyphase` | the common part of `depthwise` and `max_pool` |
//! | `channel_block` | packing from NCHW to blocks of sixteen channels (nChw16c) |
//! | `geometry`, `kernel_args` | windows and image sizes; what a kernel computes for one image |
//! | `epilogue`, `shared_output` | fused residual, clipping and stores; the output arrays |
//! | `thread_pool` | the threads, and the CPU cores on which they are woken |
//! | `scratch`, `buffer_pool` | scratch memory of a thread; reused memory of values |
//! | `weight_matrix`, `weight_cache`, `transpose` | dense weights, stored once for all models |
//! | `stored_bytes` | the memory that the constants of a model take |
//! | `op` | the operators that stand in a tract model |
//! | `rewrite` | how these operators get into a model |
//!
//! # Accuracy
//!
//! Winograd's F(4×4, 3×3) has larger rounding errors than the definition of a convolution. Against
//! double precision the error is about 1e-6 to 1e-5 of the greatest value of a layer. The tests
//! allow 2e-5.

mod buffer_pool;
mod channel_block;
mod conv;
mod conv_kernel;
mod dense_batch;
mod depthwise;
mod epilogue;
mod gemm;
mod gemv;
mod geometry;
mod im2col;
mod im2row;
mod kernel_args;
mod matmul;
mod max_pool;
mod op;
mod polyphase;
mod rewrite;
mod scratch;
mod shared_output;
mod simd;
mod sliding_window;
mod stored_bytes;
mod thread_pool;
mod transpose;
mod weight_cache;
mod weight_matrix;
mod winograd;

pub use buffer_pool::BufferPool;
pub use op::{MaxPoolGradient, ReluGradient};
pub use rewrite::{GraphRewriter, prune, transpose_dense};
pub use simd::{Isa, vzeroupper};
pub use stored_bytes::stored_bytes;
pub use thread_pool::{ThreadPool, parallel_for};
pub use weight_cache::{SharedMatrix, WeightCache};
pub use weight_matrix::WeightPrecision;
