//! The protocols of KServe, so that convscope can be a KServe predictor or explainer: V1 (that of
//! TensorFlow Serving, with `:explain`) and V2 (the Open Inference Protocol).

mod health;
mod inference;
mod v1;
mod v2;

pub(super) use health::{live as v2_live, model_ready, ready as v2_ready};
pub(super) use v1::{allowed_methods as v1_allowed_methods, models as v1_models, run as v1_run};
pub(super) use v2::{infer as v2_infer, metadata as v2_metadata, model as v2_model};
