//! The gradient of a network as a network: reverse-mode differentiation from ONNX to ONNX.
//!
//! [`derive()`] takes a model and writes the graph that carries a cotangent of the logits back to
//! the layers asked for. The written graph is ordinary ONNX. Its inputs are `seed`, the cotangent
//! of the logits, and the *residuals*: those values of the forward pass that the rules read,
//! under their forward names. Its outputs are `grad/<layer>`.
//!
//! `driver` walks the path from the logits to the layers and owns pruning, un-broadcasting and
//! accumulation; `sums` finds a shorter path where only sums over positions are wanted. The weights
//! that the rules read stay in the forward model until [`GradientGraph::embed`] takes them. `table` names
//! the rule of every operator; the rules are formulas and live in one file a family. Nothing here
//! runs a graph.

mod activations;
mod arithmetic;
mod channel_axis;
mod channel_sums;
mod convolution;
mod driver;
mod error;
mod flip;
mod forward;
mod gradient_graph;
mod interpolation;
mod linear;
mod matmul;
mod names;
mod node_context;
mod normalization;
mod path;
mod pooling;
mod rearrangement;
mod reduction;
mod rules;
mod selection;
mod table;
mod tape;
mod window;

pub use channel_sums::{derive_channel_sums, has_uniform_gradient};
pub use driver::derive;
pub use error::{GradientError, Refusal};
pub use gradient_graph::{GradientGraph, GradientModel};
pub use names::{SEED, channel_sums_name, cotangent_name, value_name};
pub use rules::Rules;
pub use table::{Operator, operators};
