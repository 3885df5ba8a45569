//! `openapi.yaml` and the README agree with the code.

mod codes;
mod configuration;
mod description;
mod examples;
mod methods;
mod parameters;
mod routes;
mod schema;

pub(crate) use description::Description;
