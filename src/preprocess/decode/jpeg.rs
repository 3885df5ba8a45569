//! JPEG, by `libjpeg-turbo-rs`. Every pixel is equal to that of libjpeg-turbo, which Pillow and
//! Keras use. The decoder is strict: a truncated file is an error, never half a picture.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageError, RgbImage};
use libjpeg_turbo_rs::{ColorSpace, Decoder, JpegError, PixelFormat};

use super::{Format, exif, grey_to_rgb};
use crate::config::ImageLimits;
use crate::preprocess::PictureError;

pub(super) fn decode(
    bytes: &[u8],
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let header = Header::read(bytes);
    // The decoder does not notice that data ends within the last row of blocks.
    if !bytes[header.scan..].windows(2).any(|pair| pair == [0xff, 0xd9]) {
        return Err(Format::Jpeg.broken("it ends too early"));
    }
    if let Some(frame) = header.frame {
        frame.check_supported()?;
        // All coefficients of a progressive file, 2 bytes each, are in memory until its last scan.
        let coefficients = if frame.progressive() { 2 * u64::from(frame.components) } else { 0 };
        let output = if frame.components == 4 { 7 } else { 3 };
        Format::Jpeg.check(frame.size, output + coefficients, limits)?;
    }
    let mut decoder = Decoder::new(bytes).map_err(refusal)?;
    let size = (u32::from(decoder.header().width), u32::from(decoder.header().height));
    Format::Jpeg.check(size, 3, limits)?;
    let orientation = exif::orientation(decoder.exif_data());
    let pixel_format = match decoder.jpeg_color_space() {
        ColorSpace::Cmyk | ColorSpace::Ycck => PixelFormat::Cmyk,
        ColorSpace::Grayscale => PixelFormat::Grayscale,
        _ => PixelFormat::Rgb,
    };
    if pixel_format == PixelFormat::Cmyk && header.frame.is_some_and(|frame| frame.sampling != 0x11)
    {
        return Ok((Format::Jpeg.picture(size, subsampled_cmyk(bytes)?)?, orientation));
    }
    decoder.set_output_format(pixel_format);
    let raw = decoder.decode_image().map_err(refusal)?.into_vec();
    let rgb = match pixel_format {
        PixelFormat::Grayscale => grey_to_rgb(&raw, 1),
        PixelFormat::Cmyk => cmyk_to_rgb(&raw),
        _ => raw,
    };
    Ok((Format::Jpeg.picture(size, rgb)?, orientation))
}

/// CMYK whose components have different resolutions. `libjpeg-turbo-rs` panics at most of these
/// files, so another decoder reads them. The values differ a little from Pillow's.
fn subsampled_cmyk(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let broken = |error: ImageError| Format::Jpeg.broken(error);
    let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    Ok(DynamicImage::from_decoder(decoder).map_err(broken)?.into_rgb8().into_raw())
}

/// Pillow's conversion, (255 − C)(255 − K) / 255, rounded. As in Pillow, every file is taken to
/// hold the inverse of each value, as Adobe's files do.
fn cmyk_to_rgb(cmyk: &[u8]) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(cmyk.len() / 4 * 3);
    for pixel in cmyk.as_chunks::<4>().0 {
        let [c, m, y, k] = pixel.map(u32::from);
        rgb.extend([c, m, y].map(|light| {
            let product = light * k + 128;
            (((product >> 8) + product) >> 8) as u8
        }));
    }
    rgb
}

/// The markers before the first scan.
#[derive(Debug, Default)]
struct Header {
    frame: Option<Frame>,
    /// The position of the first scan, or of the first segment that cannot be followed.
    scan: usize,
}

/// A start-of-frame marker (ITU-T T.81, B.2.2).
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// The marker's second byte: 0xC0 baseline, 0xC2 progressive, …
    process: u8,
    precision: u8,
    size: (u32, u32),
    components: u8,
    /// The first component's horizontal and vertical sampling factors, four bits each.
    sampling: u8,
}

impl Header {
    /// Reads segments as far as they can be followed. The decoder reports malformed ones.
    fn read(bytes: &[u8]) -> Self {
        let mut header = Self::default();
        let mut rest = bytes.get(2..).unwrap_or_default();
        while let [0xff, marker, after @ ..] = rest {
            if *marker == 0xff {
                rest = &rest[1..];
                continue;
            }
            let &[high, low, ref body @ ..] = after else { break };
            let length = usize::from(u16::from_be_bytes([high, low]));
            match (marker, body) {
                (0xc4 | 0xc8 | 0xcc, _) => {}
                (0xc0..=0xcf, &[precision, h1, h0, w1, w0, components, _, sampling, ..]) => {
                    let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                    let size = (side(w1, w0), side(h1, h0));
                    header.frame =
                        Some(Frame { process: *marker, precision, size, components, sampling });
                }
                (0xda | 0xd9, _) => break,
                _ => {}
            }
            rest = after.get(length..).unwrap_or_default();
        }
        header.scan = bytes.len() - rest.len();
        header
    }
}

impl Frame {
    fn progressive(self) -> bool {
        self.process == 0xc2
    }

    fn check_supported(self) -> Result<(), PictureError> {
        let feature = match self.process {
            0xc0..=0xc2 if self.precision != 8 => format!("{} bits a sample", self.precision),
            0xc0..=0xc2 if self.sampling >> 4 == 3 || self.sampling & 15 == 3 => {
                "sampling factor 3".to_owned()
            }
            0xc0..=0xc2 => return Ok(()),
            0xc9..=0xcb | 0xcd..=0xcf => "arithmetic coding".to_owned(),
            0xc3 => "lossless coding".to_owned(),
            _ => "hierarchical coding".to_owned(),
        };
        Err(Format::Jpeg.unsupported(feature))
    }
}

fn refusal(error: JpegError) -> PictureError {
    match error {
        JpegError::UnexpectedEof => Format::Jpeg.broken("it ends too early"),
        JpegError::Unsupported(feature) => Format::Jpeg.unsupported(feature),
        error => Format::Jpeg.broken(error),
    }
}
