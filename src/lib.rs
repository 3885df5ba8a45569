//! See what a neural network sees: the activations of every layer of any ONNX image
//! classifier, and which part of a picture is evidence for a class, over HTTP and on the command
//! line.
//!
//! Each module imports only from those to its left:
//! `config < onnx | preprocess | explain | render < gradient | runtime < attribution < service <
//! http < cli < main`. Modules between `|` do not import from each other.

pub mod attribution;
pub mod cli;
pub mod config;
pub mod evaluation;
pub mod explain;
pub mod filters;
pub mod gradient;
pub mod http;
pub mod onnx;
pub mod preprocess;
pub mod render;
pub mod runtime;
pub mod service;
