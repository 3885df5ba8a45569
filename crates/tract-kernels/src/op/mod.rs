//! The operators that stand in a tract model.

mod conv;
mod dense;
mod max_pool;
mod product;

pub(crate) use conv::{FusedConv, FusedOutput};
pub(crate) use dense::Dense;
pub(crate) use max_pool::MaxPool2d;
pub(crate) use product::Product;
