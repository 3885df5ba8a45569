//! The router as a caller meets it. Every answer is held to `openapi.yaml` on the way.

mod activations;
mod client;
mod forms;
mod gradcam;
mod load;
mod models;
mod page;
mod patience;
mod pictures;
mod refusals;
mod stopping;
mod wire;

pub(crate) use client::Client;
