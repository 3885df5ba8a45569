use super::check::ChosenFigure;
use crate::config::Parameters;
use crate::service::Explain;

/// A checked request for figures that tell whether maps can be trusted.
#[derive(Debug, Clone)]
pub struct Evaluate {
    /// The maps.
    pub(super) explain: Explain,
    pub(super) figures: Vec<ChosenFigure>,
    /// Left, top, width and height of the object's box, in pixels of the picture.
    pub(super) bounds: Option<[f64; 4]>,
    /// The start of the random numbers.
    pub(super) seed: u64,
    /// The most pixels of the plot.
    pub(super) max_pixels: u64,
    /// The parameters as they were given.
    pub(super) given: Parameters,
}
