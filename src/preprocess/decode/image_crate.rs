//! BMP and TIFF, by the `image` crate, and the functions that WebP uses too.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, tiff::TiffDecoder};
use image::error::{ImageError, LimitErrorKind, UnsupportedErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, RgbImage};
use tiff::tags::Tag;

use super::{Format, drop_alpha, grey_to_rgb};
use crate::config::ImageLimits;
use crate::preprocess::PictureError;

pub(super) fn bmp(
    bytes: &[u8],
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let fail = |error| refusal(Format::Bmp, error, limits);
    // Headers of 40 bytes and more have width and height at the same place. The height is negative
    // if the rows are stored from the top down.
    if let Some(&[header, _, _, _, w0, w1, w2, w3, h0, h1, h2, h3]) = bytes.get(14..26)
        && header >= 40
    {
        let side = |bytes| i32::from_le_bytes(bytes).unsigned_abs();
        Format::Bmp.check((side([w0, w1, w2, w3]), side([h0, h1, h2, h3])), 4, limits)?;
    }
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(fail)?;
    Format::Bmp.check(decoder.dimensions(), 4, limits)?;
    Ok((pixels(Format::Bmp, decoder, limits)?, Orientation::NoTransforms))
}

pub(super) fn tiff(
    bytes: &[u8],
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let fail = |error| refusal(Format::Tiff, error, limits);
    let mut decoder = TiffDecoder::new(Cursor::new(bytes)).map_err(fail)?;
    if !is_whole(bytes) {
        return Err(Format::Tiff.broken("it ends too early"));
    }
    // The decoder's own buffer, and the buffer that it is copied to.
    let peak = 2 * u64::from(decoder.color_type().bytes_per_pixel());
    Format::Tiff.check(decoder.dimensions(), peak, limits)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((pixels(Format::Tiff, decoder, limits)?, orientation))
}

/// Whether every strip and tile of the first image lies within the file. The decoder treats
/// the end of the file as the end of a compressed strip, and leaves the rest of the strip black.
fn is_whole(bytes: &[u8]) -> bool {
    let Ok(mut reader) = tiff::decoder::Decoder::new(Cursor::new(bytes)) else { return true };
    let mut list = |tag| reader.find_tag(tag).ok()??.into_u64_vec().ok();
    let parts =
        [(Tag::StripOffsets, Tag::StripByteCounts), (Tag::TileOffsets, Tag::TileByteCounts)];
    parts.into_iter().all(|(offsets, lengths)| {
        let (offsets, lengths) =
            (list(offsets).unwrap_or_default(), list(lengths).unwrap_or_default());
        let mut ends =
            offsets.iter().zip(&lengths).map(|(offset, length)| offset.saturating_add(*length));
        ends.all(|end| end <= bytes.len() as u64)
    })
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
