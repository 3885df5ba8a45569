//! Broken and hostile files: an error or a picture within limits, never a panic, never much memory.

use convscope::config::ImageLimits;
use convscope::preprocess::{PictureError, decode};

use super::{LIMITS, bytes, crc32};

/// A small file of each format, and how many bytes at its end can be missing without harm to the
/// picture.
const FILES: [(&str, usize); 10] = [
    // IEND, 12 bytes, and the CRC of the last IDAT.
    ("decode/palette.png", 16),
    ("decode/grey_alpha.png", 16),
    ("decode/progressive.jpg", 0),
    ("decode/plain_444.jpg", 0),
    ("decode/lossless.webp", 0),
    ("decode/lossy.webp", 0),
    // The trailer, the end of the blocks, and the LZW code that marks the end of the data.
    ("decode/plain.gif", 3),
    ("decode/palette.bmp", 0),
    ("decode/turned.tiff", 0),
    // The picture, then a colour profile.
    ("decode/lzw.tiff", 3144),
];

#[test]
fn a_truncated_file_is_an_error_and_never_half_a_picture() {
    for (name, spare) in FILES {
        let file = bytes(name);
        for length in 1..file.len() - spare {
            let Err(error) = decode(&file[..length], &LIMITS) else {
                panic!("{name}: {length} of {} bytes gave a picture", file.len())
            };
            assert!(
                matches!(
                    error,
                    PictureError::Broken { .. }
                        | PictureError::UnknownFormat { .. }
                        | PictureError::UnsupportedFeature { .. }
                ),
                "{name}, {length} bytes: {error}"
            );
        }
    }
}

#[test]
fn a_flipped_byte_never_panics() {
    for (name, _) in FILES {
        let mut file = bytes(name);
        // Every byte of the headers, then a sample.
        for at in (0..file.len().min(400)).chain((400..file.len()).step_by(7)) {
            for flip in [0xff, 0x01, 0x80] {
                file[at] ^= flip;
                if let Ok(picture) = decode(&file, &LIMITS) {
                    let pixels = u64::from(picture.width()) * u64::from(picture.height());
                    assert!(pixels <= LIMITS.pixels);
                }
                file[at] ^= flip;
            }
        }
    }
}

#[test]
fn metadata_bombs_are_not_decompressed() {
    // Each contains 20 MB of zeros, compressed to 20 kB.
    let limits = ImageLimits { decode_bytes: 1 << 20, ..LIMITS };
    for name in ["bad/iccp_bomb.png", "bad/text_bomb.png"] {
        let picture = decode(&bytes(name), &limits).unwrap();
        assert_eq!(picture.pixels.into_raw(), [0x40, 0x80, 0xc0]);
    }
}

/// `file` with `patch` at `at`, and with a correct checksum of PNG's header.
fn patched(file: &[u8], at: usize, patch: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + patch.len()].copy_from_slice(patch);
    if file.starts_with(b"\x89PNG") {
        let crc = crc32(&file[12..29]).to_be_bytes();
        file[29..33].copy_from_slice(&crc);
    }
    file
}

#[test]
fn a_picture_that_is_too_large_is_refused_from_its_header() {
    let png = bytes("decode/rgb.png");
    let jpeg = bytes("decode/plain_444.jpg");
    let gif = bytes("decode/plain.gif");
    let bmp = bytes("decode/rgb.bmp");
    let webp = bytes("decode/lossless.webp");
    let sof = jpeg.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    let cases = [
        ("side", patched(&png, 16, &[0x7f, 0xff, 0xff, 0xff])),
        ("pixels", patched(&png, 16, &[0, 0, 0x30, 0, 0, 0, 0x30, 0])),
        ("zero", patched(&png, 16, &[0, 0, 0, 0])),
        ("side", patched(&jpeg, sof + 5, &[0xff, 0xff, 0xff, 0xff])),
        ("pixels", patched(&jpeg, sof + 5, &[0x30, 0, 0x30, 0])),
        ("zero", patched(&jpeg, sof + 5, &[0, 0])),
        ("side", patched(&gif, 6, &[0xff, 0xff, 0xff, 0xff])),
        ("zero", patched(&gif, 6, &[0, 0])),
        ("side", patched(&bmp, 18, &[0xff, 0xff, 0xff, 0x7f])),
        ("side", patched(&bmp, 22, &[0, 0, 0, 0x80])),
        // The frame inside claims 16384 × 16384 while the file is tiny.
        ("pixels", patched(&webp, 21, &[0xff, 0xff, 0xff, 0x0f])),
    ];
    for (kind, file) in cases {
        let error = decode(&file, &LIMITS).unwrap_err();
        let right = match kind {
            "side" => matches!(error, PictureError::TooLargeSide { limit: 16_384, .. }),
            "pixels" => matches!(error, PictureError::TooManyPixels { limit: 32_000_000, .. }),
            _ => matches!(error, PictureError::Broken { .. }),
        };
        assert!(right, "{kind}: {error}");
    }
    let limits = ImageLimits { decode_bytes: 60 * 40 * 3 - 1, ..LIMITS };
    for name in ["rgb.png", "plain_444.jpg", "plain.gif", "rgb.bmp", "lossless.webp", "lzw.tiff"] {
        let error = decode(&bytes(&format!("decode/{name}")), &limits).unwrap_err();
        assert!(
            matches!(error, PictureError::TooMuchMemory { limit: 7199, .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn errors_say_the_value_and_the_remedy() {
    let limits = ImageLimits { pixels: 2000, ..LIMITS };
    let error = decode(&bytes("decode/rgb.png"), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the picture is 60 × 40, 2400 pixels, more than 2000; send a smaller one"
    );
}
