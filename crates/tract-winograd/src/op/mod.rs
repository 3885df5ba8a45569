//! What tract sees: the operators that stand for those of a model.

mod conv;
mod dense;
mod pool;

pub(crate) use conv::{FusedConv, Value};
pub(crate) use dense::Dense;
pub(crate) use pool::Maxima;
