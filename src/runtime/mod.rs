//! The only place that runs tract: facts, plans, the catalogue of models, workers.

mod cancellation;
mod card;
mod catalogue;
mod embedded;
mod engine;
mod error;
mod facts;
mod fingerprint;
mod graph;
mod labels;
mod moving_average;
mod plan;
mod weights;
mod worker_pool;

pub use cancellation::{CancellationToken, Interrupted, Progress};
pub use card::{Card, InputCard, LayersCard, OutputCard};
pub use catalogue::{Catalogue, CatalogueError, Entry, Source};
pub use engine::Engine;
pub use error::RuntimeError;
pub use fingerprint::Fingerprint;
pub use graph::Graph;
pub use labels::ClassName;
pub use plan::{Plan, Values, input};
pub use weights::Weights;
pub use worker_pool::{Load, Permit, QueueFull, WorkError, WorkerPool};
