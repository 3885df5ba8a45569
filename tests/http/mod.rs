//! The HTTP service, through its routes. `Client` checks every answer against `openapi.yaml`.

mod access;
mod activations;
mod assumed;
mod cancellation;
pub(crate) mod client;
mod connection_limits;
mod constants;
mod evaluate;
mod event_stream;
mod explain;
mod framing;
mod gradcam;
mod kserve;
mod kserve_limits;
mod kserve_tensors;
mod lifecycle;
mod limits;
mod methods;
mod metrics;
mod model_files;
mod model_limits;
mod models;
#[cfg(unix)]
mod models_folder;
mod output_size;
mod overload;
mod page;
pub(crate) mod pictures;
mod refusals;
mod request_bodies;
mod socket;
mod unread_answers;
mod use_case_routes;
mod use_cases;

pub(crate) use client::Client;
