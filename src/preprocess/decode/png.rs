//! PNG, by the `png` crate itself: its limits apply to every chunk, and colour profiles are never
//! decompressed.

use image::RgbImage;
use image::metadata::Orientation;
use png::{ColorType, DecodingError, Transformations};

use super::input::Input;
use super::{Format, drop_alpha, exif, grey_to_rgb};
use crate::config::ImageLimits;
use crate::preprocess::PictureError;

/// The number of bytes that are decompressed of the first compressed text chunk that may hold EXIF.
/// A file of 10 MB has room for thousands of such chunks, each of which may expand a thousandfold.
const TEXT_BYTES: usize = 1 << 20;

pub(super) fn decode(
    input: Input<'_>,
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let fail = |error| refusal(error, limits);
    let memory = usize::try_from(limits.decode_bytes).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(input.reader(), png::Limits { bytes: memory });
    decoder.set_ignore_iccp_chunk(true);
    let size = decoder.read_header_info().map_err(fail)?.size();
    Format::Png.check(size, 3, limits)?;

    // 16-bit samples become their high byte, as in Pillow.
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(fail)?;
    let color = reader.output_color_type().0;
    let samples = color.samples() as u64;
    Format::Png.check(size, if samples < 3 { samples + 3 } else { samples }, limits)?;

    let length = reader.output_buffer_size().ok_or_else(|| fail(DecodingError::LimitsExceeded))?;
    let mut raw = vec![0; length];
    let frame = reader.next_frame(&mut raw).map_err(fail)?;
    if (frame.width, frame.height) != size {
        return Err(Format::Png.broken("its first frame does not cover it"));
    }
    let rgb = match color {
        ColorType::Rgb => raw,
        ColorType::Rgba => drop_alpha(raw),
        ColorType::Grayscale => grey_to_rgb(&raw, 1),
        ColorType::GrayscaleAlpha => grey_to_rgb(&raw, 2),
        ColorType::Indexed => return Err(Format::Png.broken("it has no palette")),
    };
    // EXIF may follow the pixels. An error there does not matter.
    let _ = reader.finish();
    Ok((Format::Png.picture(size, rgb)?, orientation(reader.info())))
}

/// The orientation in the `eXIf` chunk, or in the text chunk that ImageMagick wrote before `eXIf`
/// was defined.
fn orientation(info: &png::Info<'_>) -> Orientation {
    if let Some(chunk) = &info.exif_metadata {
        return exif::orientation(Some(chunk));
    }
    let profile =
        |keyword: &str| keyword == "Raw profile type exif" || keyword == "Raw profile type APP1";
    let uncompressed = info.uncompressed_latin1_text.iter();
    let uncompressed =
        uncompressed.filter(|text| profile(&text.keyword)).map(|text| text.text.clone());
    let compressed = info.compressed_latin1_text.iter().find(|text| profile(&text.keyword));
    let compressed = compressed.and_then(|text| {
        let mut text = text.clone();
        text.decompress_text_with_limit(TEXT_BYTES).ok()?;
        text.get_text().ok()
    });
    let block = uncompressed.chain(compressed).find_map(|text| exif::from_raw_profile(&text));
    exif::orientation(block.as_deref())
}

fn refusal(error: DecodingError, limits: &ImageLimits) -> PictureError {
    match error {
        DecodingError::LimitsExceeded => {
            PictureError::TooMuchMemory { format: Format::Png, limit: limits.decode_bytes }
        }
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Format::Png.broken("it ends too early")
        }
        error => {
            // The rest of the text is the debug output of a chunk's type.
            let text = error.to_string();
            Format::Png.broken(text.split(" while decoding").next().unwrap_or(&text))
        }
    }
}
