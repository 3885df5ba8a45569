//! Picture → the tensor that a model takes.

use ndarray::{Array4, Axis};
use serde::{Deserialize, Serialize};

use super::Picture;
use super::resample::{self, Source};
use crate::config::Layout;

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

/// How a picture becomes a model's input: every value is `(value · scale − mean) / std`, value
/// 0..255, `mean` and `std` in the order of `color` (grey: the first entry).
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
    /// With `crop = "center"`: the shorter side before cropping, in pixels; without it, as small as
    /// covers `size`.
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

/// Pixels of a side that a model may look at.
const LARGEST_SIDE: usize = 4096;

/// Why a recipe makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A side of zero.
    #[error("size is {0:?}; both height and width must be at least 1")]
    ZeroSize([usize; 2]),
    /// A side that no network looks at, and no memory may hold.
    #[error("a side of {side} is asked for; at most {LARGEST_SIDE} can be")]
    TooLarge {
        /// The longest side of `size` and `resize_to`.
        side: usize,
    },
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
        if self.size.contains(&0) {
            return Err(RecipeError::ZeroSize(self.size));
        }
        let side = self.size.into_iter().chain(self.resize_to).max().unwrap_or(0);
        if side > LARGEST_SIDE {
            return Err(RecipeError::TooLarge { side });
        }
        let finite = |key, value: f32| match value.is_finite() && (key != "std" || value != 0.0) {
            true => Ok(()),
            false => Err(RecipeError::BadNumber { key, value }),
        };
        finite("scale", self.scale)?;
        for c in 0..self.channels() {
            finite("mean", self.mean[c])?;
            finite("std", self.std[c])?;
        }
        match self.resize_to {
            Some(resize_to)
                if self.crop == Crop::Center && self.size.iter().any(|&s| s > resize_to) =>
            {
                Err(RecipeError::CropTooLarge { resize_to, size: self.size })
            }
            _ => Ok(()),
        }
    }

    /// How many channels the tensor has: 3, grey 1.
    pub fn channels(&self) -> usize {
        if self.color == Color::Gray { 1 } else { 3 }
    }

    /// The model's input: batch 1, channels 3 (grey: 1), in the order of `layout`, float32.
    pub fn tensor(&self, picture: &Picture) -> Array4<f32> {
        let [height, width] = self.size;
        let (x, y) = self.fit(picture);
        let source = Source::<3> {
            samples: picture.pixels.as_raw(),
            width: picture.width() as usize,
            height: picture.height() as usize,
        };
        let values = match (self.color, self.resize) {
            // The same pixels, whether they turn grey before or after.
            (Color::Gray, Resize::Nearest) => luma(&source.resize(&x, &y, self.resize)),
            (Color::Gray, _) => {
                let grey = luma(source.samples);
                let Source { width, height, .. } = source;
                Source::<1> { samples: &grey, width, height }.resize(&x, &y, self.resize)
            }
            _ => source.resize(&x, &y, self.resize),
        };
        let channels = self.channels();
        match self.layout {
            Layout::Nchw => {
                let mut tensor = Array4::zeros((1, channels, height, width));
                for (c, mut plane) in tensor.axis_iter_mut(Axis(1)).enumerate() {
                    let (offset, table) = self.channel(c);
                    let values = values.iter().skip(offset).step_by(channels);
                    plane.iter_mut().zip(values).for_each(|(out, &v)| *out = table[usize::from(v)]);
                }
                tensor
            }
            Layout::Nhwc => {
                let mut tensor = Array4::zeros((1, height, width, channels));
                for c in 0..channels {
                    let (offset, table) = self.channel(c);
                    let values = values.iter().skip(offset).step_by(channels);
                    let plane = tensor.index_axis_mut(Axis(3), c);
                    plane
                        .into_iter()
                        .zip(values)
                        .for_each(|(out, &v)| *out = table[usize::from(v)]);
                }
                tensor
            }
        }
    }

    /// Channel `c` of the tensor: its place in an RGB (or grey) pixel, and what each of the 256
    /// values becomes.
    fn channel(&self, c: usize) -> (usize, [f32; 256]) {
        let place = if self.color == Color::Bgr { 2 - c } else { c };
        let value = |v: usize| (v as f32 * self.scale - self.mean[c]) / self.std[c];
        (place, std::array::from_fn(value))
    }

    /// The part of the picture that the tensor holds: left, top, width and height in shares of the
    /// picture's sides.
    pub fn window(&self, picture: &Picture) -> [f64; 4] {
        let (x, y) = self.fit(picture);
        let share = |part: usize, axis: &resample::Axis| part as f64 / axis.length as f64;
        [
            share(x.window.start, &x),
            share(y.window.start, &y),
            share(x.window.len(), &x),
            share(y.window.len(), &y),
        ]
    }

    /// To what width and height the picture is resized, and which window of that is taken.
    ///
    /// Of torchvision: the longer side is `int(resize_to · long / short)`, the crop starts at
    /// `round((side − crop) / 2)`, halves to even.
    fn fit(&self, picture: &Picture) -> (resample::Axis, resample::Axis) {
        let [height, width] = self.size;
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let (full_width, full_height) = match (self.crop, self.resize_to) {
            (Crop::None, _) => (width, height),
            (Crop::Center, Some(short)) if w <= h => (short, short * h / w),
            (Crop::Center, Some(short)) => (short * w / h, short),
            // As small as covers the size; where that is square, as with its side for `resize_to`.
            (Crop::Center, None) if w * height / h >= width => (w * height / h, height),
            (Crop::Center, None) => (width, h * width / w),
        };
        let axis = |length: usize, crop: usize| {
            let spare = length.saturating_sub(crop);
            let start = spare / 2 + usize::from(spare % 4 == 3);
            resample::Axis { length, window: start..start + crop.min(length) }
        };
        (axis(full_width, width), axis(full_height, height))
    }
}

/// Pillow's `convert("L")`: ITU-R 601-2 luma in 16-bit fixed point.
fn luma(rgb: &[u8]) -> Vec<u8> {
    let luma = |&[r, g, b]: &[u8; 3]| {
        ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
    };
    rgb.as_chunks::<3>().0.iter().map(luma).collect()
}
