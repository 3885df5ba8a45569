//! Routes, extractors, problem answers: the only place that knows a status code.

mod accept;
mod access;
mod answering;
mod app;
mod connections;
mod error;
mod info;
mod kserve;
mod leftover;
mod metrics;
mod observe;
mod page;
mod path_name;
mod patience;
mod phase;
mod random_id;
mod routes;
mod submission;
mod trace_context;
mod trace_export;

pub use access::{Access, AccessError};
pub use app::AppState;
pub use connections::serve;
pub use error::HttpError;
pub use phase::Phase;
pub use routes::{answering, dressed, router};
