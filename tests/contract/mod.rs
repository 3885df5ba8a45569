//! `openapi.yaml` and the README say what the code does.

mod codes;
mod configuration;
mod description;
mod examples;
mod methods;
mod parameters;
mod routes;
mod schema;

pub(crate) use description::Description;
