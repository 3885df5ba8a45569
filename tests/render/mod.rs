//! Pictures, against matplotlib's and OpenCV's pixels.

mod colormap;
mod grid;
mod heatmap;

use image::RgbImage;

/// A PNG file's pixels.
pub(crate) fn pixels(png: &[u8]) -> RgbImage {
    image::load_from_memory_with_format(png, image::ImageFormat::Png).unwrap().into_rgb8()
}

/// A PNG file's colour type: 3 is a palette, 2 is RGB (PNG 11.2.2).
pub(crate) fn color_type(png: &[u8]) -> u8 {
    png[25]
}
