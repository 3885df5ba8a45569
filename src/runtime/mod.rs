//! The only place that runs tract: facts, plans, the catalogue of models, workers.

mod byte_cache;
mod cancellation;
mod card;
mod catalogue;
mod embedded;
mod engine;
mod error;
mod facts;
mod fingerprint;
mod forward_pass;
mod forward_plans;
mod graph;
mod labels;
mod moving_average;
mod network;
mod plan;
mod shared_weights;
mod tail;
mod worker_pool;

pub use byte_cache::{ByteCache, HeldBytes};
pub use cancellation::{CancellationToken, Interrupted, Progress};
pub use card::{Card, InputCard, LayersCard, OutputCard};
pub use catalogue::{Catalogue, CatalogueError, Entry, Source};
pub use engine::Engine;
pub use error::RuntimeError;
pub use fingerprint::Fingerprint;
pub use forward_pass::ForwardPass;
pub use forward_plans::OutputSet;
pub use graph::Graph;
pub use labels::ClassName;
pub use network::{ForwardOutputs, Network};
pub use plan::{Plan, Values, input};
pub use shared_weights::SharedWeights;
pub use tail::Tail;
pub use worker_pool::{Load, Permit, QueueFull, WorkError, WorkerPool};
