/// What the engine can fail with. tract's errors have no kinds, so what a caller can get wrong is
/// checked before tract is asked; what it says afterwards is told as it stands.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The model's graph could not be read.
    #[error(transparent)]
    Onnx(#[from] crate::onnx::OnnxError),
    /// The model's files could not be read again.
    #[error(transparent)]
    Catalogue(#[from] super::CatalogueError),
    /// A value was asked for that the graph does not define.
    #[error("the graph has no value {0:?}")]
    NoSuchValue(String),
    /// The work was stopped before it was done.
    #[error(transparent)]
    Interrupted(#[from] super::Interrupted),
    /// tract could not read, type or run the graph.
    #[error("{stage}: {cause}")]
    Engine {
        /// What was being done.
        stage: &'static str,
        /// tract's own chain of causes.
        cause: String,
    },
}

impl RuntimeError {
    /// Wraps what tract says while it does `stage`.
    pub(super) fn engine(stage: &'static str) -> impl Fn(tract_onnx::prelude::TractError) -> Self {
        move |error| Self::Engine { stage, cause: format!("{error:#}") }
    }
}
