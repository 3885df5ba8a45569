//! GIF: the first frame on its canvas, as in Pillow.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};
use image::RgbImage;
use image::metadata::Orientation;

use super::Format;
use super::input::Input;
use crate::config::ImageLimits;
use crate::preprocess::PictureError;

pub(super) fn decode(
    input: Input<'_>,
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let fail = |error| refusal(error, limits);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    if let Some(bytes) = NonZeroU64::new(limits.decode_bytes) {
        options.set_memory_limit(MemoryLimit::Bytes(bytes));
    }
    let mut decoder = options.read_info(input.reader()).map_err(fail)?;
    let size = (u32::from(decoder.width()), u32::from(decoder.height()));
    Format::Gif.check(size, 3, limits)?;

    let frame = decoder.next_frame_info().map_err(fail)?;
    let frame = frame.ok_or_else(|| Format::Gif.broken("it has no frame"))?;
    let (left, top, width, height, transparent) =
        (frame.left, frame.top, frame.width, frame.height, frame.transparent);
    let (left, top) = (u32::from(left), u32::from(top));
    let (width, height) = (u32::from(width), u32::from(height));
    Format::Gif.check((width, height), 4, limits)?;
    let mut indices = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut indices).map_err(fail)?;

    let palette = decoder.palette().map_err(fail)?;
    let mut colors = [[0; 3]; 256];
    for (color, entry) in colors.iter_mut().zip(palette.chunks_exact(3)) {
        color.copy_from_slice(entry);
    }
    // Pixels outside the frame have the transparent index, or 0 where there is none.
    let background = colors[usize::from(transparent.unwrap_or(0))];
    let mut pixels = RgbImage::from_pixel(size.0, size.1, image::Rgb(background));
    for (y, row) in indices.chunks_exact(width as usize).enumerate() {
        let y = top + y as u32;
        for (x, &index) in row.iter().enumerate() {
            if let Some(pixel) = pixels.get_pixel_mut_checked(left + x as u32, y) {
                pixel.0 = colors[usize::from(index)];
            }
        }
    }
    Ok((pixels, Orientation::NoTransforms))
}

fn refusal(error: DecodingError, limits: &ImageLimits) -> PictureError {
    match error {
        DecodingError::OutOfMemory | DecodingError::MemoryLimit => {
            PictureError::TooMuchMemory { format: Format::Gif, limit: limits.decode_bytes }
        }
        error => Format::Gif.broken(error),
    }
}
