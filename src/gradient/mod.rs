//! Reverse-mode differentiation: the gradient of an ONNX graph is derived as another ONNX graph.
//!
//! [`derive()`] takes a model and writes the graph that carries a cotangent of the logits back to
//! the layers asked for. The written graph is ordinary ONNX. Its inputs are `seed`, the cotangent
//! of the logits, and the *residuals*: those values of the forward pass that the rules read,
//! under their forward names. Its outputs are `grad/<layer>`.
//!
//! `driver` walks the path from the logits to the layers. It prunes, sums over broadcast axes and
//! accumulates. `channel_sums` finds a shorter path where only sums over positions are wanted.
//! `full_gradient` also gives the products of biases and their gradients. `pooled_head` recognises
//! a mean over all positions behind a layer. `table` names the rule of every operator. The rules
//! are formulas, with one file per family of operators. [`rules`] has the sets of rules that differ
//! from the gradient, one file each. `engine_node` has what an engine may compute in place of
//! several nodes. The weights that the rules read stay in the forward model until
//! [`GradientGraph::embed`] copies them. Nothing here runs a graph.

mod activations;
mod arithmetic;
mod bias;
mod channel_axis;
mod channel_sums;
mod convolution;
mod driver;
mod einsum;
mod engine_node;
mod error;
mod flip;
mod forward_graph;
mod full_gradient;
mod gradient_graph;
mod homogeneity;
mod interpolation;
mod linear;
mod matmul;
mod names;
mod node_context;
mod normalization;
mod path;
mod pooled_head;
mod pooling;
mod rearrangement;
mod recurrent;
mod reduction;
mod reference;
mod rule_set;
pub mod rules;
mod sampling;
mod scan;
mod scattering;
mod selection;
mod stabilizer;
mod table;
mod tape;
mod window;

pub use channel_sums::derive_channel_sums;
pub use driver::derive;
pub use engine_node::EngineNode;
pub use error::{GradientError, Refusal};
pub use full_gradient::derive_full_gradient;
pub use gradient_graph::{GradientGraph, GradientModel};
pub use homogeneity::has_homogeneous_activations;
pub use names::{
    SEED, bias_product_name, biased_value_name, channel_sums_name, cotangent_name, value_name,
};
pub use pooled_head::PooledHead;
pub use reference::Reference;
pub use rule_set::Rules;
pub use table::{Operator, operators};
