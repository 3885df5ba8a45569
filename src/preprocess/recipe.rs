//! Picture → the tensor that a model takes.

use ndarray::Array4;
use serde::{Deserialize, Serialize};

use super::Picture;

/// Order of the channels that a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as Caffe and OpenCV have it.
    Bgr,
    /// One channel: luma, as Pillow's `convert("L")` (ITU-R 601-2), taken before resizing.
    Gray,
}

/// How pixels are interpolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The pixel under the centre: Pillow's `NEAREST`, the default of Keras's `load_img`.
    #[default]
    Nearest,
    /// Pillow's antialiased `BILINEAR`.
    Bilinear,
    /// Pillow's antialiased `BICUBIC` (a = −0.5).
    Bicubic,
}

/// How a picture of another shape is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crop {
    /// Stretched to the size.
    #[default]
    None,
    /// Shorter side to `resize_to`, then the middle: torchvision's `Resize` and `CenterCrop`.
    Center,
}

/// Order of the tensor's axes. Read from the model's graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channels, height, width.
    #[default]
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

/// How a picture becomes a model's input: every value is `(value · scale − mean) / std`, value 0..255, `mean` and
/// `std` in the order of `color` (grey: the first entry).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Height and width of the input, in pixels.
    pub size: [usize; 2],
    /// Order of the channels.
    pub color: Color,
    /// Multiplied first.
    pub scale: f32,
    /// Then subtracted.
    pub mean: [f32; 3],
    /// Then divided by.
    pub std: [f32; 3],
    /// Interpolation.
    pub resize: Resize,
    /// Fitting.
    pub crop: Crop,
    /// With `crop = "center"`: the shorter side before cropping, in pixels; without it, as small as covers `size`.
    pub resize_to: Option<usize>,
    /// Order of the axes.
    pub layout: Layout,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            size: [224, 224],
            color: Color::default(),
            scale: 1.0 / 255.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            resize: Resize::default(),
            crop: Crop::default(),
            resize_to: None,
            layout: Layout::default(),
        }
    }
}

/// Why a recipe makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A side of zero.
    #[error("size is {0:?}; both height and width must be at least 1")]
    ZeroSize([usize; 2]),
    /// A number that no tensor can be made with.
    #[error("{key} is {value}; it must be finite{}", if *.key == "std" { " and not zero" } else { "" })]
    BadNumber {
        /// The key: `scale`, `mean` or `std`.
        key: &'static str,
        /// Its value.
        value: f32,
    },
    /// `resize_to` smaller than the crop.
    #[error("resize_to is {resize_to}, smaller than the crop {size:?}; raise it or leave it out")]
    CropTooLarge {
        /// The shorter side before cropping.
        resize_to: usize,
        /// Height and width of the crop.
        size: [usize; 2],
    },
}

impl Recipe {
    /// Checks the recipe once, when a model is loaded.
    ///
    /// # Errors
    ///
    /// The first value that makes no sense.
    pub fn check(&self) -> Result<(), RecipeError> {
        Ok(())
    }

    /// The model's input: batch 1, channels 3 (grey: 1), in the order of `layout`, float32.
    pub fn tensor(&self, _picture: &Picture) -> Array4<f32> {
        Array4::zeros((1, 3, self.size[0], self.size[1]))
    }
}
