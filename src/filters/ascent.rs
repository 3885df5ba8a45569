use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use crate::attribution::AttributionError;

/// What is climbed: a number that depends on an input, channels × height × width.
pub trait Objective {
    /// The number, and its gradient at the input.
    ///
    /// # Errors
    /// [`AttributionError`].
    fn at(&self, input: ArrayView3<'_, f32>) -> Result<(f64, Array3<f32>), AttributionError>;
}

/// How the picture is found and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// In a Fourier basis with decorrelated colours, under small shifts, rotations and changes of
    /// scale.
    #[default]
    Natural,
    /// The code of *Deep Learning with Python*: pixels, from uniform noise.
    Book,
}

/// The parameters of an ascent.
#[derive(Debug, Clone, PartialEq)]
pub struct Ascent {
    /// How the picture is found.
    pub style: Style,
    /// Height and width of the picture.
    pub size: [usize; 2],
    /// The steps.
    pub steps: usize,
    /// The start of the random numbers.
    pub seed: u64,
    /// The picture to start from instead of random numbers, channels × height × width. Only for the
    /// style of the book.
    pub start: Option<Array3<f64>>,
}

/// The picture that a channel responds to.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// Channels × height × width. In the book's style it is what the network gets; otherwise it is
    /// a picture, red, green and blue or grey, from 0 to 1.
    pub values: Array3<f32>,
    /// The picture in 8 bits, channels × height × width.
    pub levels: Array3<u8>,
    /// The objective before each step.
    pub losses: Vec<f64>,
    /// The gradient was zero at every step, so the picture is the start.
    pub is_dead: bool,
}
