//! Figures that tell whether a map can be trusted.
//!
//! Every published figure is one file in `figures` and one row of [`FIGURES`]. A figure is a
//! function from a [`Subject`] to a [`Measure`]. A subject is one map of one picture and one class.
//! It has the map, the scores of altered inputs, and what the row asks for besides: the maps of
//! altered inputs, or the maps of the network with random weights.
//!
//! A figure of one map says little by itself. [`Control`] makes the maps that it is compared with:
//! a random one and a Gaussian in the middle of the picture.

mod blur;
mod control;
mod figure;
mod figures;
mod imputation;
mod measure;
mod random_weights;
mod rank_correlation;
mod ranking;
mod subject;

pub use control::Control;
pub use figure::{AlterInput, Better, Figure, Repetition};
pub use figures::FIGURES;
pub use imputation::imputed;
pub use measure::{Curve, Measure};
pub use random_weights::{random_weights, weighted_nodes};
pub use rank_correlation::rank_correlation;
pub use subject::{PixelBox, Subject};
