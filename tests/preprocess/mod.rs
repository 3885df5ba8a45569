//! Decoding and preprocessing, against Pillow and Keras.

mod cost;
mod decode;
mod hostile;
mod resize;
mod tensor;

pub(crate) use tensor::array;

use std::path::PathBuf;

use convscope::config::ImageLimits;
use convscope::preprocess::{Picture, decode};

pub(crate) const LIMITS: ImageLimits =
    ImageLimits { pixels: 32_000_000, side: 16_384, decode_bytes: 256 << 20 };

/// A file of `tests/reference/pictures`.
pub(crate) fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/pictures").join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(reference(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn picture(name: &str) -> Picture {
    decode(&bytes(name), &LIMITS).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The largest difference of two byte strings of one length.
pub(crate) fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| a.abs_diff(b)).max().unwrap_or(0)
}

/// CRC-32 of ISO 3309, as in PNG's Annex D.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}
