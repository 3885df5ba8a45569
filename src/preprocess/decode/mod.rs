//! Bytes → an upright 8-bit RGB picture, within limits.
//!
//! The steps are: recognise the format by content, read the header, refuse a picture that is too
//! large or costs too much, decode, drop alpha, apply the EXIF orientation. The values are those of
//! Pillow's `Image.open(f).convert("RGB")` followed by `ImageOps.exif_transpose`. There are two
//! exceptions:
//!
//! - JPEG: the values differ by a few levels from those of libjpeg-turbo, which Pillow uses
//!   (docs/reliability.md).
//! - 16-bit grey becomes its high byte, as 16-bit RGB does. Pillow clips 16-bit grey at 255, which
//!   nearly always gives a white picture.

mod exif;
mod file_format;
mod gif;
mod image_crate;
mod input;
mod jpeg;
mod jpeg_markers;
mod png;
mod tiff;
mod webp;
mod webp_lossless;

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::RgbImage;
use image::metadata::Orientation;

use super::PictureError;
use crate::config::ImageLimits;
pub use file_format::Format;
use input::Input;

/// A decoded, upright picture: its EXIF orientation is already applied.
#[derive(Debug, Clone)]
pub struct Picture {
    /// 8-bit RGB, row by row.
    pub pixels: RgbImage,
    /// The format of its file.
    pub format: Format,
}

impl Picture {
    /// Width of the upright picture, in pixels.
    pub fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Height of the upright picture, in pixels.
    pub fn height(&self) -> u32 {
        self.pixels.height()
    }
}

/// Decodes a picture to 8-bit RGB, whether it has a palette, grey, 16-bit or CMYK values.
///
/// Alpha is dropped without compositing, as in Pillow's `convert("RGB")`. The EXIF orientation is
/// applied. Of an animation the first frame is taken, and of a TIFF the first page. A picture that
/// exceeds `limits` is refused from its header, before its pixels are decoded.
///
/// # Errors
///
/// [`PictureError`]. No bytes cause a panic.
pub fn decode(bytes: &[u8], limits: &ImageLimits) -> Result<Picture, PictureError> {
    decode_while(bytes, limits, || Ok(()))
}

/// As [`decode`]. It calls `check` every few milliseconds, and stops with the error of `check`.
/// Once `check` has failed, it must fail again.
///
/// # Errors
///
/// [`PictureError`], and the error of `check`.
pub fn decode_while<E: From<PictureError>>(
    bytes: &[u8],
    limits: &ImageLimits,
    check: impl Fn() -> Result<(), E>,
) -> Result<Picture, E> {
    let stopped = || check().is_err();
    let decoded = decode_input(Input { bytes, stopped: &stopped }, limits);
    // A decoder that was stopped reports damage, or gives half a picture.
    check()?;
    Ok(decoded?)
}

fn decode_input(input: Input<'_>, limits: &ImageLimits) -> Result<Picture, PictureError> {
    if input.bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    let format = file_format::recognize(input.bytes)
        .ok_or_else(|| PictureError::UnknownFormat { hint: file_format::hint(input.bytes) })?;
    // The decoders are third-party code that reads hostile bytes. A panic in one means a broken
    // file.
    let decoded = catch_unwind(AssertUnwindSafe(|| match format {
        Format::Png => png::decode(input, limits),
        Format::Jpeg => jpeg::decode(input, limits),
        Format::Gif => gif::decode(input, limits),
        Format::WebP => webp::decode(input, limits),
        Format::Bmp => image_crate::bmp(input, limits),
        Format::Tiff => tiff::decode(input, limits),
    }));
    let (pixels, orientation) = decoded
        .unwrap_or_else(|_| Err(format.broken("the decoder could not read its contents")))?;
    Ok(Picture { pixels: oriented(pixels, orientation), format })
}

/// The picture with an EXIF orientation applied.
fn oriented(pixels: RgbImage, orientation: Orientation) -> RgbImage {
    if orientation == Orientation::NoTransforms {
        return pixels;
    }
    let mut picture = image::DynamicImage::ImageRgb8(pixels);
    picture.apply_orientation(orientation);
    picture.into_rgb8()
}

impl Format {
    fn broken(self, reason: impl std::fmt::Display) -> PictureError {
        // Some decoders' texts end in a full stop or span lines. The caller puts them in
        // parentheses.
        let reason = reason.to_string().replace('\n', " ");
        PictureError::Broken { format: self, reason: reason.trim_end_matches('.').to_owned() }
    }

    fn unsupported(self, feature: impl Into<String>) -> PictureError {
        PictureError::UnsupportedFeature { format: self, feature: feature.into() }
    }

    /// Refuses dimensions beyond the limits. `bytes_per_pixel` is the peak memory of decoding.
    fn check(
        self,
        (width, height): (u32, u32),
        bytes_per_pixel: u64,
        limits: &ImageLimits,
    ) -> Result<(), PictureError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(self.broken(format!("it is {width} × {height} pixels")));
        }
        if width > limits.side || height > limits.side {
            return Err(PictureError::TooLargeSide { width, height, limit: limits.side });
        }
        if pixels > limits.pixels {
            return Err(PictureError::TooManyPixels { width, height, limit: limits.pixels });
        }
        if pixels.saturating_mul(bytes_per_pixel) > limits.decode_bytes {
            return Err(PictureError::TooMuchMemory { format: self, limit: limits.decode_bytes });
        }
        Ok(())
    }

    /// The picture of these RGB rows.
    fn picture(self, (width, height): (u32, u32), rgb: Vec<u8>) -> Result<RgbImage, PictureError> {
        RgbImage::from_raw(width, height, rgb).ok_or_else(|| self.broken("it ends too early"))
    }
}

/// RGBA → RGB in place: keeps the first three of every four bytes.
fn drop_alpha(mut rgba: Vec<u8>) -> Vec<u8> {
    let pixels = rgba.len() / 4;
    for i in 1..pixels {
        rgba.copy_within(4 * i..4 * i + 3, 3 * i);
    }
    rgba.truncate(3 * pixels);
    rgba
}

/// Grey, with or without alpha, → RGB: repeats the first of every `stride` bytes three times.
fn grey_to_rgb(grey: &[u8], stride: usize) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(grey.len() / stride * 3);
    rgb.extend(grey.iter().step_by(stride).flat_map(|&value| [value; 3]));
    rgb
}
