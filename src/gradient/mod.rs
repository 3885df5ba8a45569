//! The gradient of a network as a network: reverse-mode differentiation from ONNX to ONNX.
//!
//! [`derive()`] takes a model and writes the graph that carries a cotangent of the logits back to
//! the layers asked for. The written graph is ordinary ONNX. Its inputs are `seed`, the cotangent
//! of the logits, and the *residuals*: those values of the forward pass that the rules read,
//! under their forward names. Its outputs are `grad/<layer>`.
//!
//! `driver` walks the path from the logits to the layers and owns pruning, un-broadcasting and
//! accumulation; `sums` finds a shorter path where only sums over positions are wanted. The weights
//! that the rules read stay in the forward model until [`Derived::embed`] takes them. `table` names
//! the rule of every operator; the rules are formulas and live in one file a family. Nothing here
//! runs a graph.

mod activations;
mod arithmetic;
mod convolution;
mod derived;
mod driver;
mod error;
mod flip;
mod forward;
mod interpolation;
mod linear;
mod matmul;
mod node_context;
mod normalization;
mod path;
mod pooling;
mod rearrangement;
mod reduction;
mod selection;
mod sums;
mod table;
mod tape;
mod window;

pub use derived::{Derived, Gradient};
pub use driver::{SEED, cotangent_name, derive, layer_name};
pub use error::{GradientError, Refusal};
pub use sums::{derive_sums, sums_name};
pub use table::{Operator, operators};
