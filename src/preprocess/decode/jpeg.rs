//! JPEG, by `zune-jpeg`. The decoder is strict: a truncated file is an error, never half a picture.

use image::RgbImage;
use image::metadata::Orientation;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::input::Input;
use super::jpeg_markers::{Frame, Markers, count};
use super::{Format, exif};
use crate::config::ImageLimits;
use crate::preprocess::PictureError;

/// The most scans of one file. Every scan visits every block again. libjpeg writes 10, and 18 for
/// CMYK.
const SCANS: usize = 50;

/// The most APP1 segments of one file. A file of 10 MB of extended XMP has 160. The decoder
/// compares each segment with all before it.
const APP1_SEGMENTS: usize = 1000;

pub(super) fn decode(
    input: Input<'_>,
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let markers = Markers::read(input.bytes);
    // The decoder does not notice that data ends within the last row of blocks.
    let (Some(scan), Some(end)) = (markers.scan, markers.end) else {
        return Err(Format::Jpeg.broken("it ends too early"));
    };
    // Nothing after the end of the picture is given to the decoder. So it finds no more scans and
    // segments than are counted here.
    let input = Input { bytes: &input.bytes[..end], ..input };
    let scans = count(&input.bytes[scan..], 0xda);
    if let Some(frame) = markers.frame {
        let is_one_scan = scans == 1 && input.bytes.get(scan + 4) == Some(&frame.components);
        check_supported(frame, scans, is_one_scan)?;
        // All coefficients of a progressive file, 2 bytes each, are in memory until its last scan.
        let coefficients = if frame.is_progressive() { 2 * u64::from(frame.components) } else { 0 };
        Format::Jpeg.check(frame.size, 3 + coefficients, limits)?;
    }
    let segments = count(input.bytes, 0xe1);
    if segments > APP1_SEGMENTS {
        return Err(Format::Jpeg.unsupported(format!("{segments} segments of metadata")));
    }

    let side = usize::try_from(limits.side).unwrap_or(usize::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(side)
        .set_max_height(side)
        .jpeg_set_max_scans(SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(input.reader(), options);
    decoder.decode_headers().map_err(refusal)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let size = (width as u32, height as u32);
    Format::Jpeg.check(size, 3, limits)?;
    let orientation = exif::orientation(decoder.exif().map(Vec::as_slice));
    let rgb = decoder.decode().map_err(refusal)?;
    Ok((Format::Jpeg.picture(size, rgb)?, orientation))
}

/// `is_one_scan` says that the first scan has all components, and that no other scan follows.
fn check_supported(frame: Frame, scans: usize, is_one_scan: bool) -> Result<(), PictureError> {
    let feature = match frame.process {
        0xc0..=0xc2 if frame.precision != 8 => format!("{} bits a sample", frame.precision),
        0xc0..=0xc2 if frame.sampling.iter().any(|&(h, v)| h == 3 || v == 3) => {
            "sampling factor 3".to_owned()
        }
        // The decoder takes the first component to have the size of the picture.
        0xc0..=0xc2
            if frame.sampling.iter().any(|&factors| exceeds(factors, frame.sampling[0])) =>
        {
            "a first component of lower resolution".to_owned()
        }
        // The decoder confuses the components of such a file.
        0xc0 | 0xc1 if !is_one_scan => "baseline coding in several scans".to_owned(),
        0xc2 if scans > SCANS => format!("{scans} scans"),
        0xc0..=0xc2 => return Ok(()),
        0xc9..=0xcb | 0xcd..=0xcf => "arithmetic coding".to_owned(),
        0xc3 => "lossless coding".to_owned(),
        _ => "hierarchical coding".to_owned(),
    };
    Err(Format::Jpeg.unsupported(feature))
}

fn exceeds((h, v): (u8, u8), (first_h, first_v): (u8, u8)) -> bool {
    h > first_h || v > first_v
}

fn refusal(error: DecodeErrors) -> PictureError {
    match error {
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => {
            Format::Jpeg.broken("it ends too early")
        }
        DecodeErrors::Format(text) => Format::Jpeg.broken(text),
        DecodeErrors::FormatStatic(text) => Format::Jpeg.broken(text),
        error => Format::Jpeg.broken(format!("{error:?}")),
    }
}
