//! Methods of explanation: which part of the picture spoke for a class.
//!
//! Every published method is one file in `methods` and one row of [`METHODS`]. A method is a
//! function from a [`Session`] to a [`Map`]. A session is one picture, one layer and one class. The
//! method sees the network only through the session, so it can be tested in closed form, without an
//! engine and without HTTP.
//!
//! [`Explainer`] knows which layers of a network can be explained, and derives, compiles and caches
//! the gradient graphs that the methods need.

mod cam;
mod error;
mod evaluator;
mod explainability;
mod explainer;
mod find_method;
mod gradient_plan;
mod gradient_plans;
mod map;
mod method;
mod methods;
mod parameter;
mod session;
mod supplied_gradient;

pub use error::AttributionError;
pub use evaluator::NetworkEvaluator;
pub use explainer::{Explainability, Explainer};
pub use find_method::{UnknownMethod, find_method};
pub use gradient_plan::GradientPlan;
pub use gradient_plans::GradientPlans;
pub use map::{Map, Sign};
pub use method::{Extents, LayerProperties, Method, Need, Range, Resolution};
pub use methods::METHODS;
pub use parameter::{Class, Integer, MethodParameter, Number, Options, Word};
pub use session::{Evaluator, Session};
