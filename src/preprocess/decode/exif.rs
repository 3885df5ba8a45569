//! EXIF orientation. Unreadable metadata counts as no orientation and never causes an error.

use image::metadata::Orientation;

/// The orientation in an EXIF block (a TIFF header and its entries). Without one the picture is
/// upright.
pub(super) fn orientation(exif: Option<&[u8]>) -> Orientation {
    let exif = exif.map(|bytes| bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes));
    exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// The bytes in ImageMagick's text form of a metadata block. The text is a newline, `exif`, the
/// length, and lines of hexadecimal digits.
pub(super) fn from_raw_profile(text: &str) -> Option<Vec<u8>> {
    let mut lines = text.trim_start().lines();
    if !matches!(lines.next()?.trim(), "exif" | "APP1" | "generic profile") {
        return None;
    }
    let length: usize = lines.next()?.trim().parse().ok()?;
    let digits: Vec<u8> = lines
        .flat_map(str::bytes)
        .filter_map(|byte| char::from(byte).to_digit(16).map(|digit| digit as u8))
        .collect();
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    (bytes.len() >= length).then_some(bytes)
}
