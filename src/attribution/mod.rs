//! Methods of explanation: which part of the picture is evidence for a class.
//!
//! Every published method is one file here and one row of [`METHODS`]. A method is a function from
//! a [`Session`] to a [`Map`]. A session is one picture, one layer and one class. The method sees
//! the network only through the session, so it can be tested in closed form, without an engine and
//! without HTTP.
//!
//! [`Explainer`] knows which layers of a network can be explained, and derives, compiles and caches
//! the gradient graphs that the methods need.

mod cam;
mod error;
mod evaluator;
mod explainability;
mod explainer;
mod gradcam;
mod gradient_plan;
mod hirescam;
mod map;
mod method;
mod methods;
mod rounded_sum;
mod session;
mod supplied_gradient;

pub use error::AttributionError;
pub use evaluator::NetworkEvaluator;
pub use explainability::Explainability;
pub use explainer::Explainer;
pub use gradient_plan::GradientPlan;
pub use map::{Map, Sign};
pub use method::{GradientNeed, LayerProperties, Method, Range, Resolution};
pub use methods::{METHODS, UnknownMethod, find_method};
pub use session::{Evaluator, Session};
