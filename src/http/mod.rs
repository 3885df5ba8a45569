//! Routes, extractors, problem answers: the only place that knows a status code.

mod accept;
mod answering;
mod app;
mod connections;
mod error;
mod leftover;
mod page;
mod patience;
mod routes;
mod submission;

pub use app::App;
pub use connections::serve;
pub use error::HttpError;
pub use routes::{answering, dressed, router};
