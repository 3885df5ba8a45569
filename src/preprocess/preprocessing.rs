//! Picture → the model's input tensor.

use image::RgbImage;
use ndarray::{Array4, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use super::Picture;
use super::resample::{self, Resize, Source};
use crate::config::Layout;

/// The order of the channels in the model's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as in Caffe and OpenCV.
    Bgr,
    /// One channel: luma, as Pillow's `convert("L")` (ITU-R 601-2), computed before resizing.
    Gray,
}

/// How a picture of another shape is fitted to the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crop {
    /// Stretched to the size.
    #[default]
    None,
    /// The shorter side is resized to `resize_to`, then the middle is cut out: torchvision's
    /// `Resize` and `CenterCrop`.
    Center,
}

/// How a picture becomes a model's input. Every value becomes `(value · scale − mean) / std`; the
/// value is 0..=255, and `mean` and `std` are in the order of `color` (grey: the first entry).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preprocessing {
    /// Height and width of the input, in pixels.
    pub size: [usize; 2],
    /// Order of the channels.
    pub color: Color,
    /// The factor, applied first.
    pub scale: f32,
    /// Subtracted after that.
    pub mean: [f32; 3],
    /// The divisor, applied last.
    pub std: [f32; 3],
    /// How pixels are interpolated.
    pub resize: Resize,
    /// How a picture of another shape is fitted to `size`.
    pub crop: Crop,
    /// With `crop = "center"`: the shorter side before cropping, in pixels. None: the smallest
    /// picture that covers `size`.
    pub resize_to: Option<usize>,
    /// Order of the axes.
    pub layout: Layout,
}

impl Default for Preprocessing {
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

/// The longest side of an input, in pixels.
const LARGEST_SIDE: usize = 4096;

/// An error in the values of a [`Preprocessing`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessingError {
    /// A side is zero.
    #[error("size is {0:?}; both height and width must be at least 1")]
    ZeroSize([usize; 2]),
    /// A side is longer than any network's input, and too long for memory.
    #[error("a side is {side}; it must be at most {LARGEST_SIDE}")]
    TooLarge {
        /// The longest side of `size` and `resize_to`.
        side: usize,
    },
    /// A number that gives no finite tensor.
    #[error(
        "{key} is {value}; it must be finite{}",
        if *.key == "std" { " and not zero" } else { "" }
    )]
    BadNumber {
        /// The key: `scale`, `mean` or `std`.
        key: &'static str,
        /// Its value.
        value: f32,
    },
    /// `resize_to` is smaller than the crop.
    #[error("resize_to is {resize_to}, smaller than the crop {size:?}; raise it or leave it out")]
    CropTooLarge {
        /// The shorter side before cropping.
        resize_to: usize,
        /// Height and width of the crop.
        size: [usize; 2],
    },
}

impl Preprocessing {
    /// Checks the values. This is done once, when a model is loaded.
    ///
    /// # Errors
    ///
    /// The first value that is not valid.
    pub fn check(&self) -> Result<(), PreprocessingError> {
        if self.size.contains(&0) {
            return Err(PreprocessingError::ZeroSize(self.size));
        }
        let side = self.size.into_iter().chain(self.resize_to).max().unwrap_or(0);
        if side > LARGEST_SIDE {
            return Err(PreprocessingError::TooLarge { side });
        }
        let finite = |key, value: f32| match value.is_finite() && (key != "std" || value != 0.0) {
            true => Ok(()),
            false => Err(PreprocessingError::BadNumber { key, value }),
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
                Err(PreprocessingError::CropTooLarge { resize_to, size: self.size })
            }
            _ => Ok(()),
        }
    }

    /// The number of channels of the tensor: 3, or 1 for grey.
    pub fn channels(&self) -> usize {
        if self.color == Color::Gray { 1 } else { 3 }
    }

    /// The model's input, float32: batch 1, 3 channels (grey: 1), axes in the order of `layout`.
    pub fn tensor(&self, picture: &Picture) -> Array4<f32> {
        let [height, width] = self.size;
        let (x, y) = self.fit(picture);
        let source = Source::<3> {
            samples: picture.pixels.as_raw(),
            width: picture.width() as usize,
            height: picture.height() as usize,
        };
        let values = match (self.color, self.resize) {
            // Nearest picks the same pixels before and after the conversion to grey.
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

    /// What a channel of the tensor has where the picture's value is `value`, 0 to 255.
    #[must_use]
    pub fn normalized(&self, channel: usize, value: f32) -> f32 {
        (value * self.scale - self.mean[channel]) / self.std[channel]
    }

    /// For channel `c` of the tensor: its index in an RGB (or grey) pixel, and a table with the
    /// result for each of the 256 values.
    fn channel(&self, c: usize) -> (usize, [f32; 256]) {
        let index = if self.color == Color::Bgr { 2 - c } else { c };
        (index, std::array::from_fn(|v| self.normalized(c, v as f32)))
    }

    /// The picture that a tensor shows. It undoes scale, mean, std and the order of colours, and
    /// rounds to 8 bits. `tensor` is channels × height × width, in the channel order of the model's
    /// input. A tensor made by [`tensor`](Self::tensor) gives the resized picture, bit by bit.
    /// Values that are not finite, as with a scale of zero, become black.
    ///
    /// # Panics
    ///
    /// When the tensor has fewer channels than the preprocessing.
    pub fn picture(&self, tensor: ArrayView3<'_, f32>) -> RgbImage {
        let (_, height, width) = tensor.dim();
        RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let value = |c: usize| {
                let normalized = f64::from(tensor[(c, y as usize, x as usize)]);
                let scaled = normalized * f64::from(self.std[c]) + f64::from(self.mean[c]);
                let value = scaled / f64::from(self.scale);
                if value.is_finite() { value.round() as u8 } else { 0 }
            };
            image::Rgb(match self.color {
                Color::Rgb => [value(0), value(1), value(2)],
                Color::Bgr => [value(2), value(1), value(0)],
                Color::Gray => [value(0); 3],
            })
        })
    }

    /// The part of the picture that the tensor shows: left, top, width and height as fractions of
    /// the picture's sides.
    pub fn window(&self, picture: &Picture) -> [f64; 4] {
        let (x, y) = self.fit(picture);
        let fraction = |part: usize, axis: &resample::Axis| part as f64 / axis.length as f64;
        [
            fraction(x.window.start, &x),
            fraction(y.window.start, &y),
            fraction(x.window.len(), &x),
            fraction(y.window.len(), &y),
        ]
    }

    /// For width and height: the length that the picture is resized to, and the window that is cut
    /// out of the result.
    ///
    /// As in torchvision, the longer side is `int(resize_to · long / short)`, and the crop starts
    /// at `round((side − crop) / 2)`, halves to even.
    fn fit(&self, picture: &Picture) -> (resample::Axis, resample::Axis) {
        let [height, width] = self.size;
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let (full_width, full_height) = match (self.crop, self.resize_to) {
            (Crop::None, _) => (width, height),
            (Crop::Center, Some(short)) if w <= h => (short, short * h / w),
            (Crop::Center, Some(short)) => (short * w / h, short),
            // The smallest picture that covers the size. For a square size this is the same as
            // `resize_to` equal to its side.
            (Crop::Center, None) if w * height / h >= width => (w * height / h, height),
            (Crop::Center, None) => (width, h * width / w),
        };
        let axis = |length: usize, crop: usize| {
            let excess = length.saturating_sub(crop);
            let start = excess / 2 + usize::from(excess % 4 == 3);
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
