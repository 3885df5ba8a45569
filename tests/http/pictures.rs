use std::io::Cursor;

use image::{ImageFormat, RgbImage};

/// A picture that activates every channel of the bundled model: colour ramps with a disc.
pub(crate) fn png() -> Vec<u8> {
    let picture = RgbImage::from_fn(96, 64, |x, y| {
        let (dx, dy) = (i64::from(x) - 40, i64::from(y) - 30);
        let in_disc = dx * dx + dy * dy < 400;
        let ramp = |position: u32, side: u32| u8::try_from(position * 255 / side).unwrap();
        image::Rgb([ramp(x, 96), ramp(y, 64), if in_disc { 230 } else { 20 }])
    });
    encoded(&picture)
}

/// `picture` as a PNG file.
pub(crate) fn encoded(picture: &RgbImage) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

/// Another picture: stripes.
pub(crate) fn other_png() -> Vec<u8> {
    let picture = RgbImage::from_fn(64, 80, |x, y| {
        let stripe = if (x / 6 + y / 9) % 2 == 0 { 220 } else { 40 };
        image::Rgb([stripe, 255 - stripe, 90])
    });
    encoded(&picture)
}

/// The header of a PNG file of this size, without pixels.
pub(crate) fn png_head(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = png::Encoder::new(&mut file, width, height);
    drop(encoder.write_header().unwrap());
    file
}

/// The first half of [`png`].
pub(crate) fn cut_png() -> Vec<u8> {
    let mut file = png();
    file.truncate(file.len() / 2);
    file
}
