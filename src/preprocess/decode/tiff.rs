//! TIFF, by `image`. What its decoder does not check is checked here first.

use std::io::Cursor;

use image::codecs::tiff::TiffDecoder;
use image::metadata::Orientation;
use image::{ImageDecoder, RgbImage};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::input::Input;
use super::{Format, image_crate};
use crate::config::ImageLimits;
use crate::preprocess::PictureError;

/// The values of the tag Compression that stand for JPEG: the old kind and the present one.
const JPEG: [u64; 2] = [6, 7];

pub(super) fn decode(
    input: Input<'_>,
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let fail = |error| image_crate::refusal(Format::Tiff, error, limits);
    let mut decoder = TiffDecoder::new(input.reader()).map_err(fail)?;
    check_parts(input.bytes)?;
    // The decoder's own buffer, and the buffer that it is copied to.
    let peak = 2 * u64::from(decoder.color_type().bytes_per_pixel());
    Format::Tiff.check(decoder.dimensions(), peak, limits)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((image_crate::pixels(Format::Tiff, decoder, limits)?, orientation))
}

/// Refuses a first image
///
/// - whose strips or tiles do not lie within the file. The decoder treats the end of the file as
///   the end of a compressed strip, and leaves the rest of the strip black.
/// - whose strips or tiles are together larger than the file. They share bytes, and a few bytes
///   would be decompressed thousands of times.
/// - whose strips or tiles are JPEG files. Each may claim any size and any number of scans.
fn check_parts(bytes: &[u8]) -> Result<(), PictureError> {
    let Ok(mut reader) = Decoder::new(Cursor::new(bytes)) else { return Ok(()) };
    let mut list = |tag| reader.find_tag(tag).ok()??.into_u64_vec().ok();
    if list(Tag::Compression).is_some_and(|values| JPEG.contains(values.first().unwrap_or(&0))) {
        return Err(Format::Tiff.unsupported("JPEG compression"));
    }
    let length = bytes.len() as u64;
    let parts =
        [(Tag::StripOffsets, Tag::StripByteCounts), (Tag::TileOffsets, Tag::TileByteCounts)];
    for (offsets, lengths) in parts {
        let (offsets, lengths) =
            (list(offsets).unwrap_or_default(), list(lengths).unwrap_or_default());
        let mut ends =
            offsets.iter().zip(&lengths).map(|(start, part)| start.saturating_add(*part));
        if ends.any(|end| end > length) {
            return Err(Format::Tiff.broken("it ends too early"));
        }
        if lengths.iter().fold(0, |sum: u64, &part| sum.saturating_add(part)) > length {
            return Err(Format::Tiff.broken("its strips or tiles overlap"));
        }
    }
    Ok(())
}
