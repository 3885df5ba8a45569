//! The only place that runs tract: facts, sessions, the catalogue of models, workers.

mod error;
mod facts;

pub use error::RuntimeError;
pub use facts::infer_facts;
