//! The integration tests, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its premises fail")]

mod attribution;
mod contract;
mod convnet;
mod evaluation;
mod explain;
mod exporters;
mod filters;
mod formats;
mod gradient;
mod http;
mod mutation;
mod preprocess;
mod process;
mod regression;
mod render;
mod tidy;
