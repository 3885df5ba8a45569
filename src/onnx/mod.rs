//! An ONNX model as data: decode and encode, attributes, topology, facts, layer listing, building.
//!
//! Nothing here runs a network. The protobuf types are the ones that `tract-onnx` generates from
//! the ONNX schema, so that one decoded model serves both the engine and the gradient derivation.

mod attention;
mod attributes;
mod axes;
mod builder;
mod error;
mod facts;
mod grid;
mod grids;
mod head;
mod input_normalization;
mod layer;
mod layer_names;
mod layer_type;
mod layout;
mod listing;
mod model;
mod module_scopes;
mod node_metadata;
mod operators;
mod position_reads;
mod rewriting;
mod score_outputs;
mod single_picture;
mod structure;
mod subgraph;
mod tensor;
mod token_axes;
mod topology;
mod value;
mod weights;

pub use attention::{Attention, Attentions, Tokens};
pub use attributes::Attributes;
pub use builder::{Attribute, Builder, node_proto, value_info};
pub use error::OnnxError;
pub use facts::{Constant, Element, Fact, Facts};
pub use grid::Grid;
pub use grids::Grids;
pub use head::Head;
pub use input_normalization::InputNormalization;
pub use layer::{Kind, Layer};
pub use layer_names::LayerNames;
pub use layer_type::layer_type;
pub use layout::input_layout;
pub use listing::layers;
pub use model::Model;
pub use operators::Elements;
pub use structure::Structure;
pub use subgraph::subgraph;
pub use tensor::{float_tensor, int_tensor, read_floats, read_ints, read_numbers};
pub use topology::{Topology, reads};
pub use tract_onnx::pb;
pub use value::Value;
pub use weights::lacks_data;

/// The domain of operators that are not ONNX's. Only graphs that the engine reads have them.
pub const ENGINE_DOMAIN: &str = "convscope";
