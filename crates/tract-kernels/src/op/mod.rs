//! The operators that stand in a tract model.

mod conv;
mod dense;
mod max_pool;
mod max_pool_gradient;
mod product;
mod relu_gradient;

pub(crate) use conv::{FusedConv, FusedOutput};
pub(crate) use dense::Dense;
pub(crate) use max_pool::MaxPool2d;
pub use max_pool_gradient::MaxPoolGradient;
pub(crate) use product::Product;
pub use relu_gradient::ReluGradient;
