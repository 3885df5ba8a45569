//! The router as a caller meets it. Every answer is held to `openapi.yaml` on the way.

mod access;
mod activations;
pub(crate) mod client;
mod explain;
mod forms;
mod framing;
mod gradcam;
mod kserve;
mod lifecycle;
mod load;
mod model_files;
mod models;
mod observe;
mod page;
mod patience;
pub(crate) mod pictures;
mod refusals;
mod stopping;
mod wire;

pub(crate) use client::Client;
