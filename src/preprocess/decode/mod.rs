//! Bytes → an upright 8-bit RGB picture, within limits.
//!
//! The steps: tell the format by content, read the header, refuse what is too large, decode, drop
//! alpha, turn upright. Values are Pillow's: what `Image.open(f).convert("RGB")` gives, then
//! `ImageOps.exif_transpose`. One deliberate exception: 16-bit grey becomes its high byte, as
//! 16-bit RGB does; Pillow clips it at 255, which is nearly always a white picture.

mod exif;
mod gif;
mod jpeg;
mod other;
mod png;
mod sniff;
mod webp;

use image::RgbImage;
use image::metadata::Orientation;

use super::PictureError;
use crate::config::ImageLimits;
pub use sniff::Format;

/// A decoded picture, upright: any EXIF orientation is already applied.
#[derive(Debug, Clone)]
pub struct Picture {
    /// 8-bit RGB, row by row.
    pub pixels: RgbImage,
    /// The format it was decoded from.
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

/// Decodes a picture: alpha dropped as Pillow's `convert("RGB")` does (no compositing), EXIF
/// orientation applied, the first frame of an animation, the first page of a TIFF; palette, grey,
/// 16-bit and CMYK become 8-bit RGB.
///
/// What exceeds `limits` is refused from the header, before its pixels are decoded.
///
/// # Errors
///
/// [`PictureError`]; never a panic, whatever the bytes.
pub fn decode(bytes: &[u8], limits: &ImageLimits) -> Result<Picture, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    let format = sniff::format(bytes)
        .ok_or_else(|| PictureError::UnknownFormat { hint: sniff::hint(bytes) })?;
    // The decoders are other people's code over hostile bytes: a panic in one is a broken file.
    let decoded = std::panic::catch_unwind(|| match format {
        Format::Png => png::decode(bytes, limits),
        Format::Jpeg => jpeg::decode(bytes, limits),
        Format::Gif => gif::decode(bytes, limits),
        Format::WebP => webp::decode(bytes, limits),
        Format::Bmp => other::bmp(bytes, limits),
        Format::Tiff => other::tiff(bytes, limits),
    });
    let (pixels, orientation) = decoded.unwrap_or_else(|_| {
        Err(format.broken("the decoder could not make sense of its contents"))
    })?;
    Ok(Picture { pixels: upright(pixels, orientation), format })
}

/// Applies an EXIF orientation.
fn upright(pixels: RgbImage, orientation: Orientation) -> RgbImage {
    if orientation == Orientation::NoTransforms {
        return pixels;
    }
    let mut picture = image::DynamicImage::ImageRgb8(pixels);
    picture.apply_orientation(orientation);
    picture.into_rgb8()
}

impl Format {
    fn broken(self, reason: impl std::fmt::Display) -> PictureError {
        // Some decoders' texts end in a full stop or span lines; the caller puts them in brackets.
        let reason = reason.to_string().replace('\n', " ");
        PictureError::Broken { format: self, reason: reason.trim_end_matches('.').to_owned() }
    }

    fn unsupported(self, feature: impl Into<String>) -> PictureError {
        PictureError::UnsupportedFeature { format: self, feature: feature.into() }
    }

    /// Refuses dimensions beyond the limits; `bytes_per_pixel` is what decoding holds at its peak.
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

    /// Rows of RGB as a picture.
    fn picture(self, (width, height): (u32, u32), rgb: Vec<u8>) -> Result<RgbImage, PictureError> {
        RgbImage::from_raw(width, height, rgb).ok_or_else(|| self.broken("it ends too early"))
    }
}

/// Keeps the first three of every four bytes: RGBA → RGB without a second buffer.
fn drop_alpha(mut rgba: Vec<u8>) -> Vec<u8> {
    let pixels = rgba.len() / 4;
    for i in 1..pixels {
        rgba.copy_within(4 * i..4 * i + 3, 3 * i);
    }
    rgba.truncate(3 * pixels);
    rgba
}

/// Repeats the first of every `stride` bytes three times: grey (with or without alpha) → RGB.
fn grey_to_rgb(grey: &[u8], stride: usize) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(grey.len() / stride * 3);
    rgb.extend(grey.iter().step_by(stride).flat_map(|&value| [value; 3]));
    rgb
}
