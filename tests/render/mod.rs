//! Pictures, against matplotlib's and OpenCV's pixels.

mod colorbar;
mod colormap;
mod grid;
mod heatmap;

use convscope::render::Drawing;
use image::RgbImage;

/// Draws everything with one thread.
pub(crate) fn sequential(count: usize, draw: &(dyn Fn(usize) + Sync)) {
    (0..count).for_each(draw);
}

/// The pixels of a picture, decoded from its PNG file.
pub(crate) fn pixels(drawing: &Drawing) -> RgbImage {
    image::load_from_memory_with_format(&drawing.png, image::ImageFormat::Png).unwrap().into_rgb8()
}

/// The colour type of its PNG file: 3 is a palette, 2 is RGB (PNG 11.2.2).
pub(crate) fn color_type(drawing: &Drawing) -> u8 {
    drawing.png[25]
}
