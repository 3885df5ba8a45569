//! The protocols of KServe, so that convscope can be a KServe predictor or explainer: V1 (that of
//! TensorFlow Serving, with `:explain`) and V2 (the Open Inference Protocol).

mod binary_tensor;
mod health;
mod inference;
mod inference_request;
mod inference_response;
mod input_tensor;
mod model;
mod v1;
mod v2;

pub(super) use health::{live as v2_live, model_ready, ready as v2_ready, v1_live};
pub(super) use v1::{allowed_methods as v1_allowed_methods, models as v1_models, run as v1_run};
pub(super) use v2::{infer as v2_infer, metadata as v2_metadata, model as v2_model};

/// Whether `path` belongs to one of the protocols.
pub(super) fn is_kserve(path: &str) -> bool {
    matches!(path.split('/').nth(1), Some("v1" | "v2"))
}
