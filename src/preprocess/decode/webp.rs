//! WebP, by `image`. Its decoder checks the canvas size in the header but allocates by the size of
//! the frame inside, so the sizes of the frames are read and checked here first. It also allocates
//! by the length that a chunk declares, so EXIF is read here too. The tables of a lossless picture
//! are counted in `webp_lossless`.

use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ImageDecoder, RgbImage};

use super::input::Input;
use super::webp_lossless::Groups;
use super::{Format, exif, image_crate};
use crate::config::ImageLimits;
use crate::preprocess::PictureError;

pub(super) fn decode(
    input: Input<'_>,
    limits: &ImageLimits,
) -> Result<(RgbImage, Orientation), PictureError> {
    let bytes = input.bytes;
    // RIFF's own length counts from its ninth byte.
    let length = bytes.get(4..8).and_then(|field| field.first_chunk::<4>());
    let length = length.map_or(0, |&field| u64::from(u32::from_le_bytes(field)));
    if length + 8 > bytes.len() as u64 {
        return Err(Format::WebP.broken("it ends too early"));
    }
    let body = bytes.get(12..).unwrap_or_default();
    for size in frame_sizes(body, true) {
        Format::WebP.check(size, 8, limits)?;
    }
    let fail = |error| image_crate::refusal(Format::WebP, error, limits);
    let decoder = WebPDecoder::new(input.reader()).map_err(fail)?;
    // A lossy picture with alpha has its planes, their pixels, and the plane of alpha in memory.
    let has_alpha_plane = chunks(body).any(|(name, _)| name == b"ALPH");
    let peak = match (decoder.has_animation(), has_alpha_plane) {
        (true, _) => 12,
        (false, true) => 11,
        (false, false) => 8,
    };
    Format::WebP.check(decoder.dimensions(), peak, limits)?;
    let tables: u64 = groups(body, decoder.dimensions()).iter().map(Groups::bytes).sum();
    if tables > limits.decode_bytes {
        let limit = limits.decode_bytes;
        return Err(PictureError::TooMuchMemory { format: Format::WebP, limit });
    }
    let orientation = exif::orientation(exif_chunk(body));
    Ok((image_crate::pixels(Format::WebP, decoder, limits)?, orientation))
}

/// The groups of prefix codes of the picture and its alpha plane, and those of the first frame.
fn groups(body: &[u8], size: (u32, u32)) -> Vec<Groups> {
    let mut groups = groups_of(body, size);
    if let Some(frame) = first_chunk(body, b"ANMF") {
        let side = |at: usize| match frame.get(at..at + 3) {
            Some(&[a, b, c]) => u32::from_le_bytes([a, b, c, 0]) + 1,
            _ => 0,
        };
        groups.extend(groups_of(frame.get(16..).unwrap_or_default(), (side(6), side(9))));
    }
    groups
}

fn groups_of(bytes: &[u8], size: (u32, u32)) -> Vec<Groups> {
    let picture = first_chunk(bytes, b"VP8L").and_then(Groups::of_picture);
    let alpha = first_chunk(bytes, b"ALPH").and_then(|chunk| Groups::of_alpha(chunk, size));
    picture.into_iter().chain(alpha).collect()
}

fn first_chunk<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    chunks(bytes).find(|(name, _)| *name == wanted).map(|(_, payload)| payload)
}

/// The EXIF block. Only a file of the extended kind (VP8X) has one.
fn exif_chunk(body: &[u8]) -> Option<&[u8]> {
    body.starts_with(b"VP8X").then(|| first_chunk(body, b"EXIF"))?
}

/// The name and bytes of each RIFF chunk. The last one may be truncated.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (header, body) = rest.split_first_chunk::<8>()?;
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        rest = body.get(length.saturating_add(length & 1)..).unwrap_or_default();
        Some((&header[..4], &body[..length.min(body.len())]))
    })
}

/// Width and height in every bitstream header of a sequence of RIFF chunks. An `ANMF` chunk
/// contains chunks itself.
fn frame_sizes(bytes: &[u8], outer: bool) -> Vec<(u32, u32)> {
    let mut sizes = Vec::new();
    for (name, body) in chunks(bytes) {
        match name {
            // RFC 6386 § 9.1: frame tag (3 bytes), start code (3), width and height with 2 bits of
            // scale each.
            b"VP8 " => {
                if let Some(&[w0, w1, h0, h1]) = body.get(6..10) {
                    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
                    sizes.push((side(w0, w1), side(h0, h1)));
                }
            }
            // RFC 9649 § 3.4: signature (1 byte), width − 1 and height − 1, 14 bits each.
            b"VP8L" => {
                if let Some(&[a, b, c, d]) = body.get(1..5) {
                    let bits = u32::from_le_bytes([a, b, c, d]);
                    sizes.push(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1));
                }
            }
            b"ANMF" if outer => {
                sizes.extend(frame_sizes(body.get(16..).unwrap_or_default(), false));
            }
            _ => {}
        }
    }
    sizes
}
