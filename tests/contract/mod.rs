//! `openapi.yaml` and the README say what the code does.

mod codes;
mod configuration;
mod description;
mod examples;
mod parameters;
mod routes;

pub(crate) use description::Description;
