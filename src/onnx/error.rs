/// What can be wrong with an ONNX file before anything is run.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The bytes are not an ONNX protobuf message.
    #[error("not an ONNX model: {0}")]
    Decode(String),
    /// The protobuf message has no graph, or a graph without nodes.
    #[error("not an ONNX model: it holds no graph")]
    NoGraph,
    /// Two nodes, or a node and an initializer, define the same value.
    #[error("value {0:?} is defined twice")]
    DefinedTwice(String),
    /// The nodes cannot be put in an order in which every input is known before it is used.
    #[error("node {node:?} ({operator}) needs value {value:?}, which nothing before it defines")]
    Undefined {
        /// The node that reads the value.
        node: String,
        /// Its operator.
        operator: String,
        /// The missing value.
        value: String,
    },
    /// A tensor's data does not fill its shape, its type is not supported, or its shape is unknown.
    #[error("tensor {name:?}: {reason}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}
