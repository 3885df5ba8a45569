//! Pixels to draw on.

use image::RgbImage;
use ndarray::ArrayView2;

use super::RenderError;
use super::palette::{FixedColor, PixelColors};

/// A palette entry, or an RGB value.
pub(super) trait Pixel: Copy + Send + Sync {
    /// The pixel of a colour. None for a palette entry.
    fn from_rgb(color: [u8; 3]) -> Option<Self>;

    /// The bytes of the pixels in an uncompressed PNG row.
    fn bytes(pixels: &[Self]) -> &[u8];
}

impl Pixel for u8 {
    fn from_rgb(_: [u8; 3]) -> Option<Self> {
        None
    }

    fn bytes(pixels: &[Self]) -> &[u8] {
        pixels
    }
}

impl Pixel for [u8; 3] {
    fn from_rgb(color: [u8; 3]) -> Option<Self> {
        Some(color)
    }

    fn bytes(pixels: &[Self]) -> &[u8] {
        pixels.as_flattened()
    }
}

/// Width × height pixels, row by row.
#[derive(Debug, Clone)]
pub(super) struct Canvas<P> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<P>,
}

/// A mutable view of a canvas.
#[derive(Debug)]
pub(super) struct CanvasViewMut<'c, P> {
    width: usize,
    height: usize,
    pixels: &'c mut [P],
}

/// Refuses a picture beyond `limit` before memory is allocated for it. PNG's own limit is 2³¹ − 1
/// pixels a side.
pub(super) fn check_size(
    width: u64,
    height: u64,
    limit: u64,
    remedy: &'static str,
) -> Result<(), RenderError> {
    if width == 0 || height == 0 {
        return Err(RenderError::Nothing);
    }
    if width.saturating_mul(height) > limit || width.max(height) > i32::MAX as u64 {
        return Err(RenderError::TooLarge { width, height, limit, remedy });
    }
    Ok(())
}

impl<P: Copy> Canvas<P> {
    pub(super) fn new(width: usize, height: usize, fill: P) -> Self {
        Self { width, height, pixels: vec![fill; width * height] }
    }

    /// A view of the whole canvas.
    pub(super) fn view_mut(&mut self) -> CanvasViewMut<'_, P> {
        CanvasViewMut { width: self.width, height: self.height, pixels: &mut self.pixels }
    }
}

impl<P: Copy> CanvasViewMut<'_, P> {
    /// `width` pixels to the right of (x, y).
    pub(super) fn row(&mut self, x: usize, y: usize, width: usize) -> &mut [P] {
        &mut self.pixels[y * self.width + x..][..width]
    }

    /// Sets one pixel. Outside the canvas it does nothing.
    pub(super) fn set(&mut self, x: usize, y: usize, pixel: P) {
        if x < self.width && y < self.height {
            self.pixels[y * self.width + x] = pixel;
        }
    }

    /// Draws levels with their upper left corner at (x, y). Each value becomes `zoom` × `zoom`
    /// pixels.
    pub(super) fn draw_levels(
        &mut self,
        (x, y): (usize, usize),
        levels: ArrayView2<'_, u8>,
        zoom: usize,
        colors: &[P; 256],
    ) {
        let width = levels.ncols() * zoom;
        for (i, values) in levels.rows().into_iter().enumerate() {
            let top = y + i * zoom;
            let row = self.row(x, top, width);
            if zoom == 1 {
                for (pixel, &level) in row.iter_mut().zip(values) {
                    *pixel = colors[usize::from(level)];
                }
                continue;
            }
            for (pixels, &level) in row.chunks_exact_mut(zoom).zip(values) {
                pixels.fill(colors[usize::from(level)]);
            }
            self.repeat_row((x, top), width, zoom);
        }
    }

    /// Copies `width` pixels from (x, y) to the rows below, so that they fill `zoom` rows.
    fn repeat_row(&mut self, (x, y): (usize, usize), width: usize, zoom: usize) {
        let start = y * self.width + x;
        for below in 1..zoom {
            self.pixels.copy_within(start..start + width, start + below * self.width);
        }
    }

    /// Draws a dead tile: hatched in greys that no colour map has.
    pub(super) fn draw_dead(
        &mut self,
        (x, y): (usize, usize),
        (width, height): (usize, usize),
        colors: &PixelColors<P>,
    ) {
        let stripe = (width.min(height) / 8).max(1);
        let greys = [false, true].map(|dark| colors.fixed(FixedColor::Hatching(dark)));
        for j in 0..height {
            for (i, pixel) in self.row(x, y + j, width).iter_mut().enumerate() {
                *pixel = greys[(i + j) / stripe % 2];
            }
        }
    }

    /// Draws a picture with its upper left corner at (x, y). Each of its pixels becomes `zoom` ×
    /// `zoom` pixels. A canvas of palette entries stays as it is.
    pub(super) fn draw_picture(&mut self, (x, y): (usize, usize), picture: &RgbImage, zoom: usize)
    where
        P: Pixel,
    {
        let width = picture.width() as usize * zoom;
        for (i, colors) in picture.rows().enumerate() {
            let top = y + i * zoom;
            for (pixels, color) in self.row(x, top, width).chunks_exact_mut(zoom).zip(colors) {
                if let Some(pixel) = P::from_rgb(color.0) {
                    pixels.fill(pixel);
                }
            }
            self.repeat_row((x, top), width, zoom);
        }
    }
}
