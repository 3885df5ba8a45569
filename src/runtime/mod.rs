//! The only place that runs tract: facts, plans, the catalogue of models, workers.

mod card;
mod catalogue;
mod embedded;
mod engine;
mod error;
mod facts;
mod graph;
mod labels;
mod pace;
mod plan;
mod stamp;
mod stop;
mod weights;
mod workers;

pub use card::{Card, InputCard, LayersCard, OutputCard};
pub use catalogue::{Catalogue, CatalogueError, Entry, Source};
pub use engine::Engine;
pub use error::RuntimeError;
pub use graph::Graph;
pub use labels::ClassName;
pub use plan::{Plan, Values, input};
pub use stamp::Stamp;
pub use stop::{Stop, Stopped};
pub use weights::Weights;
pub use workers::{Busy, Load, Permit, WorkError, Workers};
