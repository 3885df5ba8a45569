//! Routes, extractors, problem answers: the only place that knows a status code.

mod accept;
mod error;
mod page;
mod routes;
mod submission;

pub use error::HttpError;
pub use routes::{App, router, serve};
