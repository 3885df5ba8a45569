//! Methods of explanation: which part of the picture is evidence for a class.
//!
//! Every published method is one file in `methods` and one row of [`METHODS`]. A method is a
//! function from a [`Session`] to a [`Map`]. A session is one picture, one layer and one class. The
//! method sees the network only through the session, so it can be tested in closed form, without an
//! engine and without HTTP.
//!
//! [`Explainer`] knows which layers of a network can be explained, and derives, compiles and caches
//! the gradient graphs that the methods need.

mod attention_needs;
mod attention_plan;
mod aug_smooth;
mod baseline;
mod cam;
mod coalitions;
mod compiled_gradient;
mod error;
mod evaluator;
mod explainability;
mod explainer;
mod find_method;
mod fuse;
mod gradient_plan;
mod map;
mod method;
mod method_plans;
mod method_refusals;
mod methods;
mod moments;
mod network_evaluator;
mod noisy_gradients;
mod parameter;
mod passes;
mod pixels;
mod previews;
mod principal_component;
mod quadrature;
mod random;
mod rounded_sum;
mod session;
mod shared_gradients;
mod supplied_gradient;
mod token_map;
mod value_gradient;
mod window;

pub use error::AttributionError;
pub use evaluator::{
    Alter, AtInput, BiasGradient, Evaluator, FullGradient, InputGradient, ReferencedGradient,
    TakeGradient, TakeLogits,
};
pub use explainability::Explainability;
pub use explainer::Explainer;
pub use find_method::{UnknownMethod, find_method};
pub use fuse::Fuse;
pub use gradient_plan::GradientPlan;
pub use map::{Completeness, Map, Sign};
pub use method::{Extents, Family, LayerProperties, Method, Need, Range, Resolution};
pub use method_plans::MethodPlans;
pub use methods::METHODS;
pub use network_evaluator::NetworkEvaluator;
pub use parameter::{Class, Integer, MethodParameter, Number, Options, Switch, Word};
pub use passes::Passes;
pub use previews::Previews;
pub use random::generator;
pub use session::Session;
pub use shared_gradients::SharedGradients;
pub use value_gradient::ValueGradient;
