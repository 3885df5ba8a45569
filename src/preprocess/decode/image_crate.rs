//! BMP, by the `image` crate, and the functions that TIFF and WebP use too.

use image::codecs::bmp::BmpDecoder;
use image::error::{ImageError, LimitErrorKind, UnsupportedErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, RgbImage};

use super::input::Input;
use super::{Format, drop_alpha, grey_to_rgb};
use crate::config::ImageLimits;
use crate::preprocess::PictureError;

pub(super) fn bmp(
    input: Input<'_>,
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let fail = |error| refusal(Format::Bmp, error, limits);
    // Headers of 40 bytes and more have width and height at the same place. The height is negative
    // if the rows are stored from the top down.
    if let Some(&[header, _, _, _, w0, w1, w2, w3, h0, h1, h2, h3]) = input.bytes.get(14..26)
        && header >= 40
    {
        let side = |bytes| i32::from_le_bytes(bytes).unsigned_abs();
        Format::Bmp.check((side([w0, w1, w2, w3]), side([h0, h1, h2, h3])), 4, limits)?;
    }
    let decoder = BmpDecoder::new(input.reader()).map_err(fail)?;
    Format::Bmp.check(decoder.dimensions(), 4, limits)?;
    Ok((pixels(Format::Bmp, decoder, limits)?, Orientation::NoTransforms))
}

/// Decodes to 8-bit RGB.
pub(super) fn pixels(
    format: Format,
    mut decoder: impl ImageDecoder,
    limits: &ImageLimits,
) -> Result<RgbImage, PictureError> {
    let fail = |error| refusal(format, error, limits);
    let size = decoder.dimensions();
    let mut allowed = image::Limits::no_limits();
    allowed.max_image_width = Some(limits.side);
    allowed.max_image_height = Some(limits.side);
    allowed.max_alloc = Some(limits.decode_bytes);
    decoder.set_limits(allowed).map_err(fail)?;

    let high = |samples: Vec<u16>| samples.into_iter().map(|v| (v >> 8) as u8).collect::<Vec<_>>();
    let rgb = match DynamicImage::from_decoder(decoder).map_err(fail)? {
        DynamicImage::ImageRgb8(rgb) => return Ok(rgb),
        DynamicImage::ImageRgba8(rgba) => drop_alpha(rgba.into_raw()),
        DynamicImage::ImageLuma8(grey) => grey_to_rgb(&grey, 1),
        DynamicImage::ImageLumaA8(grey) => grey_to_rgb(&grey, 2),
        DynamicImage::ImageLuma16(grey) => grey_to_rgb(&high(grey.into_raw()), 1),
        DynamicImage::ImageLumaA16(grey) => grey_to_rgb(&high(grey.into_raw()), 2),
        DynamicImage::ImageRgb16(rgb) => high(rgb.into_raw()),
        DynamicImage::ImageRgba16(rgba) => drop_alpha(high(rgba.into_raw())),
        _ => return Err(format.unsupported("floating-point samples")),
    };
    format.picture(size, rgb)
}

pub(super) fn refusal(format: Format, error: ImageError, limits: &ImageLimits) -> PictureError {
    match error {
        ImageError::Limits(error) if error.kind() == LimitErrorKind::InsufficientMemory => {
            PictureError::TooMuchMemory { format, limit: limits.decode_bytes }
        }
        ImageError::Unsupported(error) => format.unsupported(match error.kind() {
            UnsupportedErrorKind::GenericFeature(text) => text,
            UnsupportedErrorKind::Color(color) => format!("{color:?} samples"),
            _ => error.to_string(),
        }),
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            format.broken("it ends too early")
        }
        ImageError::Decoding(error) => {
            let text = std::error::Error::source(&error).map(ToString::to_string);
            format.broken(text.unwrap_or_else(|| error.to_string()))
        }
        error => format.broken(error),
    }
}
