use std::sync::Arc;

use ndarray::Array3;

use crate::filters::{Pattern, Style};
use crate::onnx::Layer;
use crate::service::Classifier;

/// A checked request for the pictures that channels respond to.
#[derive(Debug, Clone)]
pub struct Filters {
    pub(super) classifier: Arc<Classifier>,
    pub(super) layer: Layer,
    pub(super) channels: Vec<usize>,
    pub(super) style: Style,
    /// The side of a picture. None where the layer decides.
    pub(super) size: Option<usize>,
    pub(super) steps: usize,
    pub(super) seed: u64,
    pub(super) columns: Option<usize>,
    pub(super) max_passes: u64,
    pub(super) max_pixels: u64,
    pub(super) max_bytes: u64,
}

/// The picture from which the book's ascent starts: height × width × channels, as NumPy has it.
/// Only the command line gives one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FilterStart(pub Option<Array3<f64>>);

/// The pictures of all channels.
#[derive(Debug)]
pub struct FilterPatterns {
    pub(super) patterns: Vec<Pattern>,
    /// Height and width of a picture.
    pub(super) size: [usize; 2],
    /// Forward and backward passes of the part of the network up to the layer.
    pub(super) passes: u64,
}

/// The pixels between two pictures, as in the book.
pub(super) const MARGIN: usize = 5;

pub(super) const SMALLER: &str = "ask for fewer channels or a smaller size";
