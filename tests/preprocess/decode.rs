//! Every format and variant is decoded as in Pillow, JPEG within a tolerance.

use convscope::preprocess::{PictureError, decode};

use super::{LIMITS, bytes, largest_difference, picture, reference};

#[test]
fn every_variant_is_decoded_as_in_pillow() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(reference("decode")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".expected.png") {
            continue;
        }
        seen += 1;
        let found = picture(&format!("decode/{name}"));
        let expected = image::open(reference(&format!("decode/{name}.expected.png"))).unwrap();
        let expected = expected.into_rgb8();
        if found.pixels.dimensions() != expected.dimensions() {
            wrong.push(format!("{name}: {}×{}", found.width(), found.height()));
            continue;
        }
        let difference = largest_difference(&found.pixels, &expected);
        // Pillow uses libjpeg-turbo. It rounds elsewhere in the inverse transform, and when it
        // enlarges subsampled components.
        let allowed = if name.ends_with(".jpg") { 3 } else { 0 };
        if difference > allowed {
            wrong.push(format!("{name}: off by {difference}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen, 39);
}

#[test]
fn an_unreadable_orientation_is_ignored() {
    let upright = picture("decode/turned_1.jpg");
    let mut file = bytes("decode/turned_6.jpg");
    // The entry: tag 0x0112, type SHORT, count 1, value.
    let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6];
    let at = file.windows(entry.len()).position(|window| window == entry).unwrap();
    file[at + 9] = 99;
    assert_eq!(decode(&file, &LIMITS).unwrap().pixels, upright.pixels);
}

#[test]
fn unsupported_formats_are_named() {
    let cases: [(&[u8], &str); 9] = [
        (b"\0\0\0\x20ftypavif\0\0\0\0", "AVIF"),
        (b"\0\0\0\x20ftypheic\0\0\0\0", "HEIF"),
        (b"8BPS\0\x01", "PSD"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<!DOCTYPE html><title>404</title>", "HTML"),
        (b"%PDF-1.7", "PDF"),
        (b"data:image/png;base64,iVBORw0K", "data: URL"),
        (b"\x89PNG\n\x1a\n\0\0\0\x0dIHDR", "PNG whose first bytes are damaged"),
        (b"hello, world", "not a picture"),
    ];
    for (bytes, expected) in cases {
        let error = decode(bytes, &LIMITS).unwrap_err();
        assert_eq!(error.kind(), "unknown-picture-format");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(decode(b"", &LIMITS).unwrap_err(), PictureError::Empty);
}

#[test]
fn unsupported_kinds_of_jpeg_are_named() {
    let file = bytes("decode/plain_444.jpg");
    let frame = file.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    let scan = file.windows(2).position(|window| window == [0xff, 0xda]).unwrap();
    let another_scan = &file[scan..];
    for (offset, value, after, expected) in [
        (1, 0xc9, &[][..], "arithmetic coding"),
        (1, 0xc3, &[], "lossless coding"),
        (1, 0xc5, &[], "hierarchical coding"),
        (4, 12, &[], "12 bits a sample"),
        // The sampling factors of the first component and of the second.
        (11, 0x31, &[], "sampling factor 3"),
        (14, 0x22, &[], "a first component of lower resolution"),
        (14, 0x12, &[], "a first component of lower resolution"),
        (1, 0xc0, another_scan, "baseline coding in several scans"),
    ] {
        let mut file = file.clone();
        file[frame + offset] = value;
        file.splice(file.len() - 2.., after.iter().copied().chain([0xff, 0xd9]));
        let error = decode(&file, &LIMITS).unwrap_err();
        assert_eq!(error.kind(), "unsupported-picture-feature");
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains("save it as 8-bit RGB PNG"), "{text}");
    }
}

#[test]
fn what_follows_the_picture_of_a_jpeg_is_ignored() {
    let file = bytes("decode/plain_444.jpg");
    let picture = decode(&file, &LIMITS).unwrap().pixels;
    // Telephones append a second picture or a film.
    assert_eq!(decode(&[&file[..], &file].concat(), &LIMITS).unwrap().pixels, picture);
    let film = [&file[..], &[0xff, 0xda].repeat(200)].concat();
    assert_eq!(decode(&film, &LIMITS).unwrap().pixels, picture);
}
