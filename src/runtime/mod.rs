//! The only place that runs tract: facts, plans, the catalogue of models, workers.

mod card;
mod catalogue;
mod embedded;
mod error;
mod facts;
mod labels;
mod plan;
mod stop;
mod workers;

pub use card::{Card, InputCard, LayersCard, OutputCard};
pub use catalogue::{Catalogue, CatalogueError, Source};
pub use error::RuntimeError;
pub use facts::infer_facts;
pub use labels::ClassName;
pub use plan::{Plan, Values, input};
pub use stop::{Stop, Stopped};
pub use workers::{Busy, Permit, WorkError, Workers};

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::InferenceFact;

/// tract's ONNX reader. What a file declares of its inner values and outputs is ignored: exporters
/// write symbolic or wrong shapes there, and tract infers its own.
fn engine() -> tract_onnx::Onnx {
    tract_onnx::onnx().with_ignore_output_types(true).with_ignore_value_info(true)
}

fn set_input_shapes(graph: &mut InferenceModel, shapes: &[Vec<usize>]) -> Result<(), RuntimeError> {
    for (index, shape) in shapes.iter().enumerate() {
        let declared =
            graph.input_fact(index).map_err(RuntimeError::engine("reading the inputs"))?;
        let fact = InferenceFact { shape: shape.iter().copied().collect(), ..declared.clone() };
        graph
            .set_input_fact(index, fact)
            .map_err(RuntimeError::engine("setting the input's shape"))?;
    }
    Ok(())
}
