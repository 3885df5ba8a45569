/// What can be wrong with an ONNX file before anything is run.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The bytes are not an ONNX protobuf message.
    #[error(
        "not an ONNX model, or only a part of one ({0}); copy or download the file again, or \
         export it again"
    )]
    Decode(String),
    /// The protobuf message has no graph, or a graph without nodes.
    #[error("not an ONNX model: it holds no graph; export the model again")]
    NoGraph,
    /// Two nodes, or a node and an initializer, define the same value.
    #[error("value {0:?} is defined twice; export the model again, or repair it with onnxsim")]
    DefinedTwice(String),
    /// The nodes cannot be put in an order in which every input is known before it is used.
    #[error(
        "{operator} (node {node:?}) needs value {value:?}, which nothing before it defines; export \
         the model again"
    )]
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
    /// A node that the engine does not know and that cannot be rewritten.
    #[error("{operator} (node {node:?}): {reason}")]
    Unsupported {
        /// The operator.
        operator: String,
        /// The node's name, or that of its first output.
        node: String,
        /// Why not, and what to do.
        reason: String,
    },
}
